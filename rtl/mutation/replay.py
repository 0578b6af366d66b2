"""Mutants under a simulator: a recorded trace is played to one, clock by clock, up to its first difference."""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtl.cosim.capture import SimulationError
from rtl.cosim.simulators import runner
from rtl.cosim.workplace import harmless
from rtl.mutation.trace import Field, Trace, differing, fields, inputs
from rtl.verilog.emission import Verilog

_BENCH, _DESIGN, _EXECUTABLE = "replay.v", "design.v", "replay"


@dataclass(frozen=True)
class Difference:
    """The first thing by which a mutant shows.

    Attributes
    ----------
    trace, clock
        Which simulation, and which clock of it.
    what
        The signals.
    """

    trace: int
    clock: int
    what: str


class Replay:
    """A design under a simulator, ready to be played to.

    Parameters
    ----------
    emitted
        The design.
    text
        Its Verilog with all mutants in it.
    traces
        To be played, in this order.
    simulator
        Icarus or Verilator.
    folder
        Absolute; is there already.

    Raises
    ------
    InputError
        If the simulator is not there.
    SimulationError
        If it cannot build the design.
    """

    def __init__(
        self,
        emitted: Verilog,
        text: str,
        traces: Sequence[Trace],
        simulator: str,
        folder: Path,
    ) -> None:
        runner(simulator)  # looks whether it is there, and tells the environment where
        self._of, self._traces, self._folder = fields(emitted), traces, folder
        for k, trace in enumerate(traces):
            (folder / f"{k}.trace").write_text(trace.lines())
        executable = folder / _EXECUTABLE
        if simulator == "icarus":
            build = ["iverilog", "-g2012", "-s", "replay", "-o", _EXECUTABLE, _BENCH, _DESIGN]
            self._command = ["vvp", "-n", str(executable)]
        else:
            # Faults may break what the netlist asserts of itself: of selectors of which one is set, for example.
            build = [
                *("verilator", "--binary", "--timing", "--no-assert", "-CFLAGS", "-fcoroutines", "-Wno-fatal", "-Wno-lint")
            ]
            build += [*("-O3", "--x-assign", "fast", "--x-initial", "fast", "-j", "2", "--top", "replay", "-Mdir", "built")]
            build += ["-o", f"../{_EXECUTABLE}", _BENCH, _DESIGN]
            self._command = [str(executable)]
        with (folder / "build.log").open("w") as log, harmless(folder) as place:
            (place / _DESIGN).write_text(text)
            (place / _BENCH).write_text(_bench(emitted.top, inputs(emitted), self._of))
            done = subprocess.run(
                build, cwd=place, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False
            )
        if done.returncode:
            raise SimulationError(f"{simulator} cannot build the mutants: see {folder / 'build.log'}")

    def first_difference(self, mutant: int, limit: float, clocks: int | None = None) -> Difference | None:
        """Play all traces to a mutant, or to the whole design (0), until it shows.

        Parameters
        ----------
        limit
            Seconds for each trace.
        clocks
            Only so many of the first trace.
        """
        for k, trace in enumerate(self._traces if clocks is None else self._traces[:1]):
            last = len(trace) if clocks is None else min(clocks, len(trace))
            command = [*self._command, f"+mutant={mutant}", f"+trace={k}.trace", f"+clocks={last}"]
            try:
                done = subprocess.run(
                    command,
                    cwd=self._folder,
                    capture_output=True,
                    text=True,
                    timeout=limit,
                    stdin=subprocess.DEVNULL,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return Difference(k, 0, f"no end within {limit:g} s")
            if found := re.search(r"DIFFERS (\d+) (\w+) (\w+) (\w+)", done.stdout):
                return Difference(k, int(found[1]), differing(self._of, *found.groups()[1:]))
            if f"SAME {last}\n" not in done.stdout:
                raise SimulationError(f"mutant {mutant} broke the simulation off: {(done.stdout + done.stderr)[-200:]}")
        return None


def _bench(top: str, given: Sequence[tuple[str, int]], of: Sequence[Field]) -> str:
    """Plays a trace: what stands at inputs and fields before every clock edge."""
    width, seen = sum(bits for _, bits in given), sum(f.bits for f in of)
    ports, at = [".clk(clk)"], width
    for name, bits in given:
        ports.append(f".{name}(given[{at - 1}:{at - bits}])")
        at -= bits
    outputs = _outputs(of).items()
    ports += [f".{name}({name})" for name, _ in outputs]
    wires = "".join(f"  wire [{bits - 1}:0] {name};\n" for name, bits in outputs)
    word = ", ".join(f.reference() if len(f.path) == 1 else f.reference("dut") for f in of)
    return f"""
`timescale 1ns/1ps
module replay;
  reg clk = 0;
  reg [{width - 1}:0] given = 0;
  reg [{seen - 1}:0] expected, care;
{wires}  wire [{seen - 1}:0] seen = {{{word}}};
  {top} dut({", ".join(ports)});
  integer file, got, clock, last;
  reg [8191:0] name;
  initial begin
    got = $value$plusargs("trace=%s", name);
    got = $value$plusargs("clocks=%d", last);
    file = $fopen(name, "r");
    clock = 0;
    got = $fscanf(file, "%h %h %h\\n", given, expected, care);
    while (got == 3) begin
      #5;
      if (((seen ^ expected) & care) !== 0) begin
        $display("DIFFERS %0d %b %b %b", clock, seen, expected, care);
        got = 0;
      end else begin
        clk = 1;
        #5 clk = 0;
        clock = clock + 1;
        got = clock == last ? 0 : $fscanf(file, "%h %h %h\\n", given, expected, care);
        if (got != 3) $display("SAME %0d", clock);
      end
    end
    $finish;
  end
endmodule
"""


def _outputs(of: Sequence[Field]) -> dict[str, int]:
    """Bits of every output that a field is, or is a part of."""
    result: dict[str, int] = {}
    for f in of:
        if len(f.path) == 1:
            result[f.path[0]] = max(result.get(f.path[0], 0), (f.low or 0) + f.bits)
    return result
