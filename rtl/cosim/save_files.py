"""Save files for the waveform of everything that a simulator of the Verilog writes: GTKWave, Surfer."""

from collections.abc import Collection, Iterator
from pathlib import Path

from hwsim.events.save_files import MOST_MEMORIES, Group, Shown, write_groups
from hwsim.events.waveform import fraction_of
from hwsim.vocabulary import HOST, OPERATIONS, MemoryKind
from models.numbers.system import NumberSystem
from rtl.cosim.testbench import TOP_BENCH, Watched

WAVEFORMS = ("*.fst", "*.vcd")


def write(watches: Collection[Watched], numbers: NumberSystem, folder: Path) -> None:
    """Write save files beside every waveform in a folder and below."""
    listed = groups(watches, numbers)
    for pattern in WAVEFORMS:
        for waveform in folder.rglob(pattern):
            write_groups(waveform, listed)


def groups(watches: Collection[Watched], numbers: NumberSystem) -> list[Group]:
    """The bench's streams and port, then what each operation of each junction writes, words as fixed-point numbers."""
    ports = [(f"{TOP_BENCH}.{name}", bits) for w in watches if w.probe is None for name, bits in w.fields.values()]
    shown: dict[str, list[Shown]] = {"streams and port": [Shown(name, bits) for name, bits in ports]}
    more: dict[str, int] = {}
    for w in watches:
        if w.probe is None:
            continue
        junction, operation = w.probe.junction, w.probe.operation
        title = "host" if operation == HOST else f"junction {junction}, {OPERATIONS[operation]}"
        shown.setdefault(title, []).extend(_written(w, numbers))
        more[title] = more.get(title, 0) + max(w.probe.lanes - MOST_MEMORIES, 0)
    notes = {title: f"{n} more words: see the tree" for title, n in more.items() if n}
    return [Group(title, signals, notes.get(title, "")) for title, signals in sorted(shown.items(), key=_place)]


def _place(item: tuple[str, list[Shown]]) -> tuple[bool, bool, str]:
    return item[0] == "host", item[0] == "streams and port", item[0]


def _written(w: Watched, numbers: NumberSystem) -> Iterator[Shown]:
    """A write port: enable, bank and address, and each of the words that lie side by side."""
    probe = w.probe
    assert probe is not None
    kind, layer = probe.key.kind, probe.key.number
    owner = layer + 1 if kind in (MemoryKind.ACTIVATIONS, MemoryKind.PARTIAL_DELTAS) else layer
    fraction = fraction_of(numbers, owner, kind.code)
    for field, (name, bits) in w.fields.items():
        full = f"{TOP_BENCH}.{name}"
        if field != "word":
            yield Shown(full, bits)
            continue
        for lane in range(min(probe.lanes, MOST_MEMORIES)):
            low = lane * probe.width
            part = (low, low + probe.width - 1, f"{probe.key}, word {lane}")
            yield Shown(full, bits, probe.signed, fraction, None if probe.lanes == 1 else part)
