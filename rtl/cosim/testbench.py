"""The test bench, in Verilog: plays what the protocol says clock by clock, and writes down what the design does.

It decides nothing. In every clock it sets the inputs of that clock, compares the control signals with what they must be, and
writes down results, answers of the port and all writes of memories, lines of one length in a file for each. Some clocks
after the first control signal that differs it stops.

Any simulator of Verilog can run it: it reads and writes hexadecimal digits, and cocotb gives it its clock. For Verilator a
few lines of C++ do so, which read and keep lines as they lie in memory: neither Python nor digits cost time there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Value

from rtl.accelerator import Accelerator
from rtl.cosim import protocol_kernel as kernel
from rtl.cosim.lines import WORD_BITS, Lines, words_of
from rtl.cosim.probes import Probe, probes
from rtl.cosim.protocol import Protocol
from rtl.ports.register_map import WIDTH
from rtl.verilog.emission import Verilog

BENCH, DRIVER, TOP_BENCH = "bench.v", "driver.cpp", "bench"
CONTROL, BEATS = "control", "beats"
DIFFERENCES, RESULTS, ANSWERS = "differences", "results", "answers"
CLOCK_BITS = 32
_SETS, _SEES = 6, 6  # bits


@dataclass(frozen=True)
class Watched:
    """A file of the bench: when a line is written, and the fields of it, the lowest bits first: expressions and bits.

    Attributes
    ----------
    probe
        The write ports that it tells of, if it does.
    """

    name: str
    when: str
    fields: dict[str, tuple[str, int]]
    probe: Probe | None = None

    @property
    def bits(self) -> int:
        """Of a line, the clock's included: they stand above all others."""
        return CLOCK_BITS + sum(bits for _, bits in self.fields.values())

    @property
    def files(self) -> tuple[str, str]:
        """Names of the files: of words, where C++ keeps them, and of digits."""
        return f"{self.name}.bin", f"{self.name}.hex"

    def read(self, folder: Path) -> Lines:
        """The lines as they were written, into one file or the other."""
        words, digits = (folder / name for name in self.files)
        return Lines.read(words, self.bits) if words.exists() else Lines.read_digits(digits, self.bits)


def path_in_bench(path: Sequence[str]) -> str:
    """A signal of the design as the bench names it."""
    return ".".join(["dut", *(name if _PLAIN.fullmatch(name) else f"\\{name} " for name in path[1:])])


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def watched(emitted: Verilog) -> list[Watched]:
    """Everything that is written down: differences of control, results, answers of the port, then all write ports."""
    of: Accelerator = emitted.accelerator
    result = [
        Watched(DIFFERENCES, "seen !== sees", {"seen": ("seen", _SEES)}),
        Watched(RESULTS, "results__valid", {"beat": ("results__payload", emitted.ports["results__payload"][1])}),
        Watched(ANSWERS, "bus__done", {"word": ("bus__read_data", WIDTH)}),
    ]
    for k, probe in enumerate(probes(of)):
        fields = {
            name: (path_in_bench(emitted.path(signal)), len(Value.cast(signal))) for name, signal in probe.signals.items()
        }
        result.append(Watched(f"writes{k}", f"{fields['enable'][0]} !== {fields['enable'][1]}'d0", fields, probe))
    return result


def bench(emitted: Verilog, watch: Sequence[Watched], linger: int) -> str:
    """The bench's text; it goes on for ``linger`` clocks after the first control signal that differs."""
    ports, of = emitted.ports, emitted.accelerator
    address, payload = ports["bus__address"][1], ports["samples__payload"][1]
    flags = _SETS + _SEES + address
    outputs = ("samples__ready", "results__valid", "results__payload", "bus__done", "bus__error", "bus__read_data")
    inputs = {
        "rst": _bit(kernel.RESETS),
        "samples__valid": _bit(kernel.SENT),
        "samples__payload": "payload",
        "results__ready": _bit(kernel.TAKES),
        "bus__request": _bit(kernel.REQUESTS),
        "bus__write": _bit(kernel.WRITES),
        "bus__address": f"flags[{flags - 1}:{_SETS + _SEES}]",
        "bus__write_data": "data",
    }
    connections = [".clk(clk)", *(f".{p}({x})" for p, x in inputs.items()), *(f".{p}({p})" for p in outputs)]
    advance, standing = (path_in_bench(emitted.path(s)) for s in (of.pacer.advance, of.pacer.standing))
    files = "\n".join(f'    f_{w.name} = $fopen("{w.files[1]}", "w");' for w in watch)
    kept = "\n".join(f'  import "DPI-C" function void {_KEEPS}{w.name}(input bit [{w.bits - 1}:0] line);' for w in watch)
    lines = "\n".join(_writing(w) for w in watch)
    return f"""`timescale 1ns/1ps
module {TOP_BENCH} (
  input wire clk,
  output reg over
);
  // What a line of the script says: so many clocks, the host's bits, what must be seen, the bus; then the beat's payload.
  reg [31:0] count = 0, next_count;
  reg [{flags - 1}:0] flags = 0, next_flags;
  reg [{WIDTH - 1}:0] data = 0, next_data;
  reg [{payload - 1}:0] payload = 0, next_payload;
  reg [{CLOCK_BITS - 1}:0] now = 0, stop = {{{CLOCK_BITS}{{1'b1}}}};
  reg differs = 0, started = 0;
  integer got;
`ifdef VERILATOR
  import "DPI-C" function int {_TAKES}{CONTROL}(output bit [{_CONTROL_BITS - 1}:0] line);
  import "DPI-C" function int {_TAKES}{BEATS}(output bit [{payload - 1}:0] line);
{kept}
  reg [{_CONTROL_BITS - 1}:0] line;
`else
  integer {CONTROL}, {BEATS}, {", ".join(f"f_{w.name}" for w in watch)};
  initial begin
    {CONTROL} = $fopen("{CONTROL}.hex", "r");
    {BEATS} = $fopen("{BEATS}.hex", "r");
{files}
  end
`endif
{chr(10).join(f"  wire {_range(ports[p][1])}{p};" for p in outputs)}
  wire [{_SEES - 1}:0] sees = flags[{_SETS + _SEES - 1}:{_SETS}];
  wire [{_SEES - 1}:0] seen = {{{standing}, {advance}, bus__error, bus__done, results__valid, samples__ready}};
  {emitted.top} dut (
    {f",{chr(10)}    ".join(connections)}
  );
  initial over = 0;
  always @(posedge clk) begin
    if (started) begin
{lines}
      if (!differs && seen !== sees) begin
        differs <= 1;
        stop <= now + {linger};
      end
      now <= now + 1;
`ifndef VERILATOR
      if (now % {_EVERY} == 0) begin
        $display("%0d", now);
        $fflush;
      end
`endif
      if (now + 1 >= stop) over <= 1;
    end
    started <= 1;
    if (count == 0) begin
`ifdef VERILATOR
      if ({_TAKES}{CONTROL}(line) == 0) over <= 1;
      next_count = line[31:0];
      next_flags = line[{32 + flags - 1}:32];
      next_data = line[{96 + WIDTH - 1}:96];
`else
      got = $fscanf({CONTROL}, "%h %h %h\\n", next_count, next_flags, next_data);
      if (got != 3) over <= 1;
`endif
      count <= next_count - 1;
      flags <= next_flags;
      data <= next_data;
      if (next_flags[{_place(kernel.NEXT)}]) begin
`ifdef VERILATOR
        got = {_TAKES}{BEATS}(next_payload);
`else
        got = $fscanf({BEATS}, "%h\\n", next_payload);
`endif
        payload <= next_payload;
      end
    end else count <= count - 1;
  end
endmodule
"""


def driver(emitted: Verilog, watch: Sequence[Watched]) -> str:
    """C++ that gives Verilator's model of the bench its clock and the script, and keeps what it writes down."""
    read = {CONTROL: _CONTROL_BITS, BEATS: emitted.ports["samples__payload"][1]}
    files = "\n".join(
        [
            f"""static File {name}("{name}.bin", "rb", {4 * words_of(bits)});
extern "C" int {_TAKES}{name}(svBitVecVal* line) {{ return {name}.take(line); }}"""
            for name, bits in read.items()
        ]
        + [
            f"""static File {w.name}("{w.files[0]}", "wb", {4 * words_of(w.bits)});
extern "C" void {_KEEPS}{w.name}(const svBitVecVal* line) {{ {w.name}.keep(line); }}"""
            for w in watch
        ]
    )
    return _DRIVER.format(
        model=MODEL,
        files=files,
        flush="\n".join(f"    {w.name}.flush();" for w in watch),
        every=_KEPT_EVERY,
        half=_PERIOD // 2,
        waves=WAVES,
    )


_DRIVER = """// Gives the bench its clock and the script, and keeps what it writes down: words of 32 bits, the lowest first.
#include "{model}.h"
#include "{model}__Dpi.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

#include <cstdio>
#include <cstdlib>

static void check(bool good) {{
  if (good) return;
  std::perror("the bench cannot read or write");
  std::exit(1);
}}

class File {{
  std::FILE* const file;
  const size_t bytes;

 public:
  File(const char* name, const char* mode, size_t line) : file(std::fopen(name, mode)), bytes(line) {{
    check(file != nullptr && std::setvbuf(file, nullptr, _IOFBF, 1 << 20) == 0);
  }}
  bool take(void* line) {{ return std::fread(line, bytes, 1, file) == 1; }}
  void keep(const void* line) {{ check(std::fwrite(line, bytes, 1, file) == 1); }}
  void flush() {{ check(std::fflush(file) == 0); }}
}};

{files}

int main(int argc, char** argv) {{
  VerilatedContext context;
  context.commandArgs(argc, argv);
  {model} bench{{&context, ""}};  // without a name of its own, so that the waveform begins with the bench
  bench.clk = 0;
#if VM_TRACE
  VerilatedVcdC waves;
  context.traceEverOn(true);
  bench.trace(&waves, 99);
  waves.open("{waves}");
#endif
  const auto settle = [&]() {{
    bench.eval();
#if VM_TRACE
    waves.dump(context.time());
#endif
    context.timeInc({half});
  }};
  const auto flush = []() {{
{flush}
  }};
  settle();
  for (unsigned long clock = 0; !context.gotFinish() && !bench.over; ++clock) {{
    bench.clk = 1;
    settle();
    bench.clk = 0;
    settle();
    if (clock % {every} == 0) {{
      flush();
      std::printf("%lu\\n", clock);
      std::fflush(stdout);
    }}
  }}
  bench.final();
  flush();
#if VM_TRACE
  waves.close();
#endif
  return context.errorCount() ? 1 : 0;
}}
"""
MODEL, WAVES = "Vbench", "dump.vcd"
"""What Verilator calls its model of the bench; the waveform of everything."""
_KEEPS, _TAKES = "keep_", "take_"
_CONTROL_BITS = 128
"""Of a line of the script as words: clocks, twice as many bits of flags, data."""
_EVERY = 128
"""Clocks between two signs of life."""
_KEPT_EVERY = 2048
"""The same of the C++, which is quicker: what it keeps is in the files then."""
_PERIOD = 10_000
"""Of the clock, in ps."""


def _place(bit: int) -> int:
    return bit.bit_length() - 1


def _bit(bit: int) -> str:
    return f"flags[{_place(bit)}]"


def _range(bits: int) -> str:
    return f"[{bits - 1}:0] " if bits > 1 else ""


def _writing(w: Watched) -> str:
    fields = ", ".join(expression for expression, _ in reversed(w.fields.values()))
    return f"""      if ({w.when})
`ifdef VERILATOR
        {_KEEPS}{w.name}({{now, {fields}}});
`else
        $fwrite(f_{w.name}, "%h\\n", {{now, {fields}}});
`endif"""


@dataclass(frozen=True, eq=False)
class Script:
    """The lines that the bench reads.

    Attributes
    ----------
    clocks, flags, data
        int64 [n]: a line for every clock in which an input or what must be seen changes, and how long it is so.
    beats
        uint8 [beats, bytes], little-endian.
    """

    clocks: npt.NDArray[np.int64]
    flags: npt.NDArray[np.int64]
    data: npt.NDArray[np.int64]
    beats: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, protocol: Protocol, beats: npt.NDArray[np.uint8]) -> "Script":
        """What a protocol says, and all beats in order."""
        r = protocol.record
        words = r.accesses[:, 2:4]
        changes = np.flatnonzero((np.diff(r.sets) != 0) | (np.diff(r.sees) != 0) | (np.diff(r.access) != 0)) + 1
        fresh = np.flatnonzero(r.sets & kernel.NEXT)
        starts = np.union1d(np.union1d(changes, fresh), [0]).astype(np.int64)
        clocks = np.diff([*starts.tolist(), protocol.clocks])
        asked = np.maximum(r.access[starts], 0)
        address, data = (np.where(r.access[starts] >= 0, words[asked, k], 0) if len(words) else 0 * starts for k in (0, 1))
        flags = r.sets[starts] | r.sees[starts].astype(np.int64) << _SETS | address << (_SETS + _SEES)
        return cls(clocks, flags, data, beats)

    def write_words(self, folder: Path) -> None:
        """For the C++ that drives the bench."""
        lines = np.zeros((len(self.clocks), _CONTROL_BITS // WORD_BITS), np.uint32)
        lines[:, 0], lines[:, 1], lines[:, 2], lines[:, 3] = self.clocks, self.flags & _WORD, self.flags >> 32, self.data
        lines.tofile(folder / f"{CONTROL}.bin")
        n, size = self.beats.shape
        padded = np.zeros((n, 4 * words_of(8 * size)), np.uint8)
        padded[:, :size] = self.beats
        padded.tofile(folder / f"{BEATS}.bin")

    def write_digits(self, folder: Path) -> None:
        """For the bench alone."""
        rows = zip(self.clocks.tolist(), self.flags.tolist(), self.data.tolist(), strict=True)
        (folder / f"{CONTROL}.hex").write_text("".join([f"{count:x} {flag:x} {word:x}\n" for count, flag, word in rows]))
        (folder / f"{BEATS}.hex").write_text("".join([row.tobytes().hex() + "\n" for row in self.beats[:, ::-1]]))


_WORD = (1 << WORD_BITS) - 1
