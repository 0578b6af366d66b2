"""What a co-simulation has set and seen in every clock: recorded once, then each mutant is measured by it.

Up to its first difference a co-simulation would treat a mutant just as it treats the whole design, so that the record
decides: what the co-simulation compares is compared here in the same clock, and what nobody may look at is left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Value

from rtl.cosim.probes import probes
from rtl.ports import register_map
from rtl.ports.results import result_layout
from rtl.verilog.emission import Verilog

_BEGIN, _PAYLOAD = "begin", "results__payload"
COUNTERS, CODE_BITS = 0x5E7, 7
"""What, written to STATUS above a code, sets all counters (:func:`setting`)."""
ALTERNATING, FULL, LONE = 32, 33, 64
"""Codes beside the numbers of bits."""


@dataclass(frozen=True)
class Field:
    """A signal that is compared.

    Attributes
    ----------
    name
        As reports call it.
    path
        Instances below the top module, then the signal.
    bits
        How many.
    where
        Inputs and fields that say when it means anything, ``!`` before the name of one that must be 0: its one bit for all,
        or each of its bits for an equal part.
    low
        Its lowest bit, where it is a part of the signal.
    """

    name: str
    path: tuple[str, ...]
    bits: int
    where: tuple[str, ...] = ()
    low: int | None = None

    def reference(self, *above: str) -> str:
        """The field as an expression in a module ``above`` the top module's signals."""
        part = "" if self.low is None else f"[{self.low + self.bits - 1}:{self.low}]"
        return reference([*above, *self.path]) + part


def fields(emitted: Verilog) -> list[Field]:
    """All outputs, the pace, and every write port of every memory, as co-simulation compares them."""
    when = {"bus__error": ("bus__done",), "bus__read_data": ("bus__done", "!bus__error", "!bus__write")}
    outputs = [
        Field(name, (name,), bits, when.get(name, ()))
        for name, (direction, bits) in emitted.ports.items()
        if direction == "output" and name != _PAYLOAD
    ]
    for name, part in result_layout(emitted.accelerator.plan):
        always = ("results__valid",) if name in ("outputs", "last") else ("results__valid", "results last")
        outputs.append(Field(f"results {name}", (_PAYLOAD,), part.width, always, part.offset))
    result = [*outputs, Field("advance", emitted.path(emitted.accelerator.pacer.advance)[1:], 1)]
    for probe in probes(emitted.accelerator):
        enable = f"{probe.key} write enable"
        for role, signal in probe.signals.items():
            bits, path = len(Value.cast(signal)), emitted.path(signal)[1:]
            result.append(Field(f"{probe.key} write {role}", path, bits, () if role == "enable" else (enable,)))
    return result


def looked_at(emitted: Verilog) -> dict[str, tuple[str, ...]]:
    """For bits of outputs that mean something at times only: the bits that must be set then, clear where ``!`` precedes."""
    of = [f for f in fields(emitted) if len(f.path) == 1]
    single = {f.name: f"{f.path[0]}[{f.low}]" for f in of if f.bits == 1 and f.low is not None}
    result = {}
    for f in of:
        where = tuple(("!" if name.startswith("!") else "") + single.get(name, name).lstrip("!") for name in f.where)
        for k in range(f.bits if where else 0):
            whole = f.low is None and f.bits == 1
            result[f.path[0] if whole else f"{f.path[0]}[{(f.low or 0) + k}]"] = where
    return result


def inputs(emitted: Verilog) -> list[tuple[str, int]]:
    """Name and bits of every input but the clock."""
    return [(name, bits) for name, (way, bits) in emitted.ports.items() if way == "input" and name != "clk"]


def columns(signals: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Where the bits of signals lie in words that begin with the first one's highest; by their names, ``name[bit]``."""
    result, at = {}, 0
    for name, bits in signals:
        for k in reversed(range(bits)):
            result[name if bits == 1 else f"{name}[{k}]"] = at
            at += 1
    return result


def reference(path: Sequence[str]) -> str:
    """A hierarchical name as Verilog reads it."""
    return ".".join(name if re.fullmatch(r"[A-Za-z_]\w*", name) else f"\\{name} " for name in path)


def setting(emitted: Verilog) -> str:
    """Statements for the top module that let a refused write to STATUS set all counters, which no run would fill.

    The low bits of its word are a code: the number of the bit that is 0 where all others are 1; beyond :data:`LONE` that of
    the one that is 1; :data:`ALTERNATING`; or all are 1, :data:`FULL`.
    """
    counts = [reference(emitted.path(count)[1:]) for count in emitted.accelerator.registers.counts]
    code, bit = f"bus__write_data[{CODE_BITS - 1}:0]", "32'd1 << bus__write_data[4:0]"
    value = f"{code} >= {LONE} ? {bit} : {code} == {FULL} ? ~32'd0 : {code} == {ALTERNATING} ? 32'haaaaaaaa : ~({bit})"
    word = f"bus__write_data[31:{CODE_BITS}] == {COUNTERS}"
    when = f"bus__request && bus__write && bus__address == {register_map.STATUS} && {word}"
    return f"\n  always @(negedge clk) if ({when}) begin\n" + "".join(f"    {c} <= {value};\n" for c in counts) + "  end\n"


def recorder(emitted: Verilog, file: Path) -> str:
    """Statements for the top module that append to a file what its inputs and the fields are before every clock edge."""
    set_, seen = ", ".join(name for name, _ in inputs(emitted)), ", ".join(f.reference() for f in fields(emitted))
    return f"""
  integer recorded;
  initial begin
    recorded = $fopen("{file}", "a");
    $fwrite(recorded, "{_BEGIN}\\n");
  end
  always @(posedge clk) $fwrite(recorded, "%b %b\\n", {{{set_}}}, {{{seen}}});
"""


def observed(text: str, top: str, statements: str) -> str:
    """The Verilog with statements at the end of its top module."""
    begin = re.search(rf"^module {top} ?\(", text, re.MULTILINE)
    assert begin is not None
    end = text.index("\nendmodule", begin.end())
    return text[:end] + statements + text[end:]


@dataclass(frozen=True, eq=False)
class Trace:
    """One simulation from its start.

    Attributes
    ----------
    given, expected, care
        uint8 [clocks, bits]: inputs, fields, and which bits of those mean anything; the first input or field comes first.
    """

    given: npt.NDArray[np.uint8]
    expected: npt.NDArray[np.uint8]
    care: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.given)

    def lines(self) -> str:
        """One clock a line: the three in hexadecimal."""
        columns = [_hexadecimal(a) for a in (self.given, self.expected, self.care)]
        return "".join(f"{a} {b} {c}\n" for a, b, c in zip(*columns, strict=True))


def read(file: Path, inputs: Sequence[tuple[str, int]], of: Sequence[Field]) -> list[Trace]:
    """The traces in a recorder's file."""
    parts = file.read_text().split(f"{_BEGIN}\n")
    return [_trace(part.split("\n"), inputs, of) for part in parts if part.strip()]


def _trace(lines: list[str], inputs: Sequence[tuple[str, int]], of: Sequence[Field]) -> Trace:
    rows = [line.split(" ") for line in lines if line]
    given, seen = (np.array([list(row[i].encode()) for row in rows], np.uint8) for i in (0, 1))
    known = (seen == ord("0")) | (seen == ord("1"))
    one, level = seen == ord("1"), given == ord("1")
    care: npt.NDArray[np.bool_] = _care(_parts(inputs, level) | _parts([(f.name, f.bits) for f in of], one), of) & known
    care[0] = False  # reset comes with the first clock
    return Trace(level.astype(np.uint8), one.astype(np.uint8), care.astype(np.uint8))


def _parts(signals: Sequence[tuple[str, int]], word: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[np.bool_]]:
    """The bits of each signal of a word, the highest first."""
    ends = np.cumsum([bits for _, bits in signals]).tolist()
    return {name: word[:, end - bits : end] for (name, bits), end in zip(signals, ends, strict=True)}


def _care(parts: dict[str, npt.NDArray[np.bool_]], of: Sequence[Field]) -> npt.NDArray[np.bool_]:
    """bool [clocks, bits]: which bits of the fields mean anything."""
    result = []
    for f in of:
        care = np.ones((len(parts[f.name]), f.bits), np.bool_)
        for name in f.where:
            enable = ~parts[name[1:]] if name.startswith("!") else parts[name]
            lanes = enable.shape[1]
            if f.bits % lanes:  # one address for all lanes means something where any of them is written
                care &= enable.any(axis=1, keepdims=True)
            else:
                care &= np.repeat(enable, f.bits // lanes, axis=1)
        result.append(care)
    return np.concatenate(result, axis=1)


def _hexadecimal(bits: npt.NDArray[np.uint8]) -> list[str]:
    padded = np.pad(bits, ((0, 0), (-bits.shape[1] % 8, 0)))
    return [row.tobytes().hex() for row in np.packbits(padded, axis=1)]


def differing(of: Sequence[Field], seen: str, expected: str, care: str) -> str:
    """Names of the fields in which two words of a trace, in binary, differ where they mean anything."""
    found, at = [], 0
    for f in of:
        part = slice(at, at + f.bits)
        if any(c == "1" and a != b for a, b, c in zip(seen[part], expected[part], care[part], strict=True)):
            found.append(f.name)
        at += f.bits
    return ", ".join(found)
