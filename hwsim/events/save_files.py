"""What a wave viewer shows of a log's waveform, and how: a save file for GTKWave and a command file for Surfer.

Both list the same signals, by junction and operation: ``FF`` of junction 1 has what FF of junction 1 reads and writes. Words
of memories are told as the fixed-point numbers that they are.

GTKWave's save files state the flags of each signal as a hexadecimal number, ``[fpshift_count]`` the bits behind the binary
point. Surfer documents its commands, which such a file holds, and not the layout of its state files; its fixed-point formats
take the binary point from the range of bits that the waveform declares.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hwsim.events.log import ACCESS, ADDRESS, BANK, INDEX, JUNCTION, LANE, MEMORY, OPERATION, SAMPLE, EventLog, Rows, owners
from hwsim.events.waveform import TOP, fraction_of, memory_scope
from hwsim.vocabulary import ACCESSES, HOST, OPERATIONS, READ, WEIGHT
from models.files.whole import write_whole
from models.numbers.system import NumberSystem

MOST_MEMORIES = 8
"""Of a bank, and lanes of a weight memory, that are listed: the others stand in the viewer's tree of scopes."""

_RIGHT, _DECIMAL, _BINARY, _SIGNED, _FIXED_POINT = 1 << 5, 1 << 2, 1 << 3, 1 << 10, 1 << 30
_COMMENT, _BEGIN, _END, _CLOSED = 1 << 9, 1 << 23, 1 << 24, 1 << 22
_ALPHABET = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
"""Surfer counts items in hexadecimal digits that are letters."""


class Shown(NamedTuple):
    """A signal in a viewer.

    Attributes
    ----------
    name
        Full name in the waveform, without a range of bits.
    bits
        Of a wire; 0 of an integer, whose size the waveform alone says.
    signed
        Whether it is told as a signed number.
    fraction
        Bits behind the binary point; ``None`` of what is no number with one.
    part
        Lowest and highest bit of what is shown, and what it is called; ``None`` for all bits.
    """

    name: str
    bits: int
    signed: bool = False
    fraction: int | None = None
    part: tuple[int, int, str] | None = None


class Group(NamedTuple):
    """Signals that belong together, and what is to be said below them."""

    name: str
    signals: list[Shown]
    note: str = ""


def groups(log: EventLog, numbers: NumberSystem) -> list[Group]:
    """What is shown of a log's waveform: control and memories' ports of each operation of each junction, then the host's."""
    rows, shown = log.rows, []
    width = _widths(rows)
    for junction, operation in np.unique(rows[:, [JUNCTION, OPERATION]], axis=0).tolist():
        own = rows[(rows[:, JUNCTION] == junction) & (rows[:, OPERATION] == operation)]
        title = "host" if operation == HOST else f"junction {junction}, {OPERATIONS[operation]}"
        signals = list(_control(log, own, junction, operation))
        listed, left = _ports(own, numbers, width)
        note = f"{left} more memories and lanes: see the tree" if left else ""
        shown.append(Group(title, signals + listed, note))
    return shown[1:] + shown[:1] if shown and shown[0].name == "host" else shown


def write_save_files(waveform: Path, log: EventLog, numbers: NumberSystem) -> None:
    """Write ``NAME.gtkw`` and ``NAME.sucl`` beside a log's waveform ``NAME.vcd``; equal logs make equal files."""
    write_groups(waveform, groups(log, numbers), log.header.first)


def write_groups(waveform: Path, listed: Sequence[Group], first: int = 0) -> None:
    """Write the save files of any waveform.

    Parameters
    ----------
    first
        Where in time the picture begins.
    """
    write_whole(waveform.with_suffix(".gtkw"), _gtkwave(waveform.name, first, listed).encode())
    write_whole(waveform.with_suffix(".sucl"), _surfer(waveform.name, listed).encode())


def _widths(rows: Rows) -> dict[tuple[int, int, int, int], int]:
    """Bits of addresses and lanes, (column, owner, memory, access): the waveform declares as many as occur."""
    keys = np.column_stack([owners(rows), rows[:, MEMORY], rows[:, ACCESS]])
    found: dict[tuple[int, int, int, int], int] = {}
    for key in np.unique(keys, axis=0).tolist():
        port = rows[(keys == key).all(axis=1)]
        for column in (ADDRESS, LANE):
            found[(column, *key)] = max(int(port[:, column].max()).bit_length(), 1)
    return found


def _control(log: EventLog, own: Rows, junction: int, operation: int) -> Iterator[Shown]:
    scope = f"{TOP}.junction{junction}.control"
    known = log.header.clocking
    if known is not None and 1 <= junction <= len(known.offsets):
        yield Shown(f"{scope}.cycle", 0, signed=True)
    if ((own[:, ACCESS] == READ) & (own[:, SAMPLE] >= 0)).any():
        yield Shown(f"{scope}.{OPERATIONS[operation]}_active", 1)
        yield Shown(f"{scope}.{OPERATIONS[operation]}_sample", 0, signed=True)


def _ports(own: Rows, numbers: NumberSystem, width: dict[tuple[int, int, int, int], int]) -> tuple[list[Shown], int]:
    """The ports of memories that an operation uses, and how many memories and lanes are left out."""
    signals, left = [], 0
    owner = owners(own)
    keys = np.column_stack([own[:, ACCESS], own[:, MEMORY], owner, own[:, BANK]])
    for key in np.unique(keys, axis=0).tolist():
        access, memory, of, bank = key
        port, fraction = own[(keys == key).all(axis=1)], fraction_of(numbers, of, memory)
        verb, place = ACCESSES[access], (of, memory, access)
        numbered = np.unique(port[:, LANE if memory == WEIGHT else INDEX]).tolist()
        left += max(len(numbered) - MOST_MEMORIES, 0)
        if memory == WEIGHT:
            scope = f"{TOP}.{memory_scope(of, memory, bank, 0)}"
            signals.append(Shown(f"{scope}.{verb}_enable", 1))
            signals.append(Shown(f"{scope}.{verb}_address", width[(ADDRESS, *place)]))
            signals += [Shown(f"{scope}.lane{lane}.{verb}_data", 0, True, fraction) for lane in numbered[:MOST_MEMORIES]]
            continue
        for index in numbered[:MOST_MEMORIES]:
            scope = f"{TOP}.{memory_scope(of, memory, bank, index)}"
            signals.append(Shown(f"{scope}.{verb}_enable", 1))
            signals.append(Shown(f"{scope}.{verb}_address", width[(ADDRESS, *place)]))
            signals.append(Shown(f"{scope}.{verb}_lane", width[(LANE, *place)]))
            signals.append(Shown(f"{scope}.{verb}_data", 0, True, fraction))
    return signals, left


def _gtkwave(waveform: str, first: int, listed: Sequence[Group]) -> str:
    """GTKWave's save file: a line of flags before each signal; the first group is open."""
    lines = [f'[dumpfile] "{waveform}"', f"[timestart] {first}"]
    for number, group in enumerate(listed):
        closed = _CLOSED if number else 0  # what there is to open is seen without scrolling
        lines += [f"@{_BEGIN | _COMMENT | closed:x}", f"-{group.name}"]
        for s in group.signals:
            flags = _SIGNED if s.signed else _BINARY if s.bits == 1 else _DECIMAL
            lines.append(f"@{_RIGHT | flags | (_FIXED_POINT if s.fraction else 0):x}")
            if s.fraction:
                lines.append(f"[fpshift_count] {s.fraction}")
            # Wires of several bits have their range in GTKWave's names, integers have not.
            full = s.name if s.bits < 2 else f"{s.name}[{s.bits - 1}:0]"
            if s.part is None:
                # Of a name with dots GTKWave would show what is behind the last one.
                lines.append(f"+{{{' '.join(s.name.split('.')[2:])}}} {full}")
            else:
                low, high, name = s.part  # bits are counted from the leftmost
                picked = " ".join(f"({s.bits - 1 - bit}){full}" for bit in range(high, low - 1, -1))
                lines.append(f"#{{{name}}} {picked}")
        if group.note:
            lines += [f"@{_COMMENT:x}", f"-{group.note}"]
        lines += [f"@{_END | _COMMENT | closed:x}", f"-{group.name}"]
    return "\n".join(lines) + "\n"


def _surfer(waveform: str, listed: Sequence[Group]) -> str:
    """Surfer's commands: first all items, then the formats of those that are not as Surfer would tell them."""
    lines, formats, count = [f"# commands of Surfer for {waveform}"], [], 0
    for group in listed:
        lines.append(f"divider_add {group.name}")
        count += 1
        known: set[str] = set()
        for s in group.signals:
            if s.name in known:  # another part of it, which Surfer cannot show alone
                continue
            known.add(s.name)
            lines.append(f"variable_add {s.name}")
            if s.part is None and (s.signed or s.bits > 1):
                form = "Unsigned" if not s.signed else "Signed fixed point" if s.fraction and not s.bits else "Signed"
                formats += [f"item_focus {format(count, 'x').translate(_ALPHABET)}_", f"item_set_format {form}"]
            count += 1
        if group.note:
            lines.append(f"divider_add {group.note}")
            count += 1
    return "\n".join([*lines, *formats, "item_unfocus", "zoom_fit"]) + "\n"
