"""The co-simulation whose record mutants are measured by.

It is compared with the machine before its record counts. A second one follows with counters that are set near their ends,
which no comparison knows: what the design does there is what a mutant must do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rtl.cosim.capture import Options, SimulationError, simulate
from rtl.cosim.cosimulation import Exercise
from rtl.cosim.expectation import Expectation
from rtl.cosim.script import Script
from rtl.cosim.workplace import harmless
from rtl.mutation.stimulus import COUNTING, PARTS
from rtl.mutation.trace import Trace, fields, inputs, observed, read, recorder
from rtl.verilog.emission import Verilog

_RECORD = "record.txt"


@dataclass(frozen=True, eq=False)
class Recorded:
    """What was recorded: one trace of each simulation, and where its parts begin, (clock, name)."""

    traces: list[Trace]
    parts: list[list[tuple[int, str]]]


def record(
    emitted: Verilog, text: str, wanted: tuple[str, ...], simulator: str, folder: Path, watch: Callable[[str], None]
) -> Recorded:
    """Co-simulate the design, without a mutant, and record what is set and seen.

    Parameters
    ----------
    text
        Verilog to simulate.
    wanted
        Parts of :data:`PARTS`.
    folder
        Absolute; for the simulator and the record.
    watch
        Is told what begins.

    Raises
    ------
    SimulationError
        If the design itself differs from the machine: then no mutant can be judged.
    """
    of = emitted.accelerator.plan
    folder.mkdir(parents=True, exist_ok=True)
    traces, parts = [], []
    for names in (tuple(n for n in wanted if n != COUNTING), tuple(n for n in wanted if n == COUNTING)):
        if not names:
            continue
        script = Script(of)
        for name in names:
            PARTS[name](script)
        expected = Expectation(of, script.samples, protocol := script.protocol())
        with harmless(folder) as place:  # Verilog reads some characters of a file's name in its own way
            file = place / _RECORD
            file.unlink(missing_ok=True)
            options = Options(text=observed(text, emitted.top, recorder(emitted, file)))
            if names == (COUNTING,):
                watch(f"simulating the design, counters near their ends: {protocol.clocks:,} clocks")
                simulate(emitted, protocol, expected.samples, simulator, folder, options)
            else:
                watch(f"co-simulating the design: {protocol.clocks:,} clocks")
                found = Exercise(emitted, script, expected).on(simulator, folder, options).outcome.mismatch
                if found is not None:
                    raise SimulationError(f"the design itself differs from the machine: {found}")
            traces += read(file, inputs(emitted), fields(emitted))
        # The first line of a record comes before the protocol's first clock.
        parts.append([(k + 1, name) for k, name in zip(protocol.record.marks.tolist(), script.parts, strict=True)])
    return Recorded(traces, parts)
