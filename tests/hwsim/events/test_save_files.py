"""Save files of viewers: every name in them exists in the waveform, as wide as said, with the right binary point."""

import re

import numpy as np
import pytest
import pywellen

from hwsim.events.log import EventLog, Header
from hwsim.events.save_files import MOST_MEMORIES, groups, write_save_files
from hwsim.events.waveform import TOP, write_vcd
from hwsim.vocabulary import EVENT_FIELDS
from models.numbers.format import Format
from models.numbers.system import NumberSystem
from tests.hwsim.events.test_log import recorded, small_design

# A fraction of its own for every kind of number, so that none can be taken for another.
NUMBERS = NumberSystem(
    input=Format(8, 7, signed=False),
    weight=Format(12, 6),
    bias=Format(12, 5),
    preactivation=Format(12, 8),
    activation=Format(12, 4),
    derivative=Format(12, 3),
    delta=Format(12, 2),
    product_fraction=9,
)
FRACTIONS = {"weight": 6, "bias": 5, "derivative": 3, "delta": 2, "partial_delta": 9}


@pytest.fixture(scope="module", params=["flush", "overlap"])
def written(request, tmp_path_factory):
    """A log, its waveform as an independent reader has it, and both save files."""
    log, path = recorded(small_design(request.param))[0], tmp_path_factory.mktemp("save") / "trace.vcd"
    write_vcd(path, log, NUMBERS)
    write_save_files(path, log, NUMBERS)
    there = {v.full_name: v for v in pywellen.Waveform(str(path)).all_vars()}
    return log, there, path.with_suffix(".gtkw").read_text(), path.with_suffix(".sucl").read_text()


def fraction_of(name):
    junction, kind = re.fullmatch(rf"{TOP}\.junction(\d+)\.(\w+)\..*_data", name).groups()
    return (7 if junction == "1" else 4) if kind == "activation" else FRACTIONS[kind]


def of_gtkwave(text):
    """(group, name, range, flags, fraction) of every signal, read as GTKWave reads: flags and shift stay until changed."""
    found, group, flags, fraction = [], None, 0, 0
    for line in text.splitlines():
        if line.startswith("@"):
            flags, fraction = int(line[1:], 16), 0
        elif line.startswith("[fpshift_count] "):
            fraction = int(line.split()[1])
        elif line.startswith("-"):
            group = line[1:] if flags & 1 << 23 else None if flags & 1 << 24 else group
        elif line.startswith("+"):
            alias, name, bits = re.fullmatch(r"\+\{(.*)\} ([^\[]+)(\[.*\])?", line).groups()
            assert alias == " ".join(name.split(".")[2:])
            found.append((group, name, bits, flags, fraction))
    assert group is None
    return found


def test_names_of_gtkwave_are_in_the_waveform_with_their_widths(written):
    _, there, text, _ = written
    found = of_gtkwave(text)
    assert len(found) > 100 and text.startswith('[dumpfile] "trace.vcd"\n[timestart] 0\n')
    for _, name, bits, flags, fraction in found:
        v = there[name]
        if v.var_type == "Integer":  # which GTKWave lists without a range
            assert bits is None and flags & 1 << 10
        else:
            assert bits == (f"[{v.bitwidth - 1}:0]" if v.bitwidth > 1 else None) and not flags & 1 << 10
        data = name.endswith("_data")
        assert (fraction == fraction_of(name)) if data else fraction == 0
        assert bool(flags & 1 << 30) == data


def test_signals_stand_under_the_junction_and_operation_that_uses_them(written):
    log, _, text, _ = written
    used = {}
    for e in log:
        title = "host" if e.operation == "host" else f"junction {e.junction}, {e.operation}"
        lane = f"lane{e.lane}." if e.memory == "weight" else ""
        scope = f"{TOP}.junction{e.owner}.{e.memory.replace(' ', '_')}.bank{e.bank}.memory{e.index}."
        used.setdefault(title, set()).add(f"{scope}{lane}{e.access}_data")
    found = {}
    for group, name, *_ in of_gtkwave(text):
        if name.endswith("_data"):
            found.setdefault(group, set()).add(name)
    assert found == used and [*found][:1] == ["junction 1, FF"] and [*found][-1] == "host"
    controls = {name for _, name, *_ in of_gtkwave(text) if ".control." in name}
    assert f"{TOP}.junction2.control.BP_sample" in controls and f"{TOP}.junction1.control.cycle" in controls


def test_surfer_gets_the_same_signals_and_formats_for_each(written):
    """Commands act on the item that is in focus, which is told by its number in letters for hexadecimal digits."""
    _, there, text, commands = written
    items, formats, focus = [], {}, None
    for line in commands.splitlines()[1:]:
        command, _, argument = line.partition(" ")
        assert ";" not in line and "#" not in line  # which begin another command, and a comment
        if command in ("divider_add", "variable_add"):
            assert not formats, "items that come later would change the numbers of others"
            items.append(argument if command == "variable_add" else None)
        elif command == "item_focus":
            focus = int("".join("0123456789abcdef"["abcdefghijklmnop".index(c)] for c in argument.removesuffix("_")), 16)
        elif command == "item_set_format":
            formats[focus] = argument
        else:
            assert line in ("item_unfocus", "zoom_fit")
    names = [name for name in items if name]
    assert names == [name for _, name, *_ in of_gtkwave(text)] and set(names) <= set(there)
    for number, name in enumerate(items):
        if name is None:
            continue
        v = there[name]
        known = "Signed" if v.var_type == "Integer" else "Unsigned" if v.bitwidth > 1 else None
        assert formats.get(number) == ("Signed fixed point" if name.endswith("_data") else known)


def test_the_waveform_declares_where_the_binary_point_is(tmp_path):
    """Surfer's fixed-point formats go by the number of the last bit, which is negative."""
    log = recorded(small_design())[0]
    write_vcd(tmp_path / "plain.vcd", log)
    write_vcd(tmp_path / "ranged.vcd", log, NUMBERS)
    plain, ranged = ((tmp_path / f"{name}.vcd").read_text() for name in ("plain", "ranged"))
    assert re.sub(r" \[\d+:-\d+\] \$end", " $end", ranged) == plain
    ranges = re.findall(r"\$var integer (\d+) \S+ (?:read|write)_data \[(\d+):-(\d+)\] \$end", ranged)
    assert len(ranges) == len(re.findall(r"_data", plain)) and {int(lsb) for *_, lsb in ranges} == {2, 3, 4, 5, 6, 7, 9}
    assert all(int(size) == int(msb) + int(lsb) + 1 for size, msb, lsb in ranges)


def test_of_many_memories_the_first_are_listed_and_the_rest_is_told(tmp_path):
    rows = np.zeros((20, len(EVENT_FIELDS)), np.int64)
    rows[:, EVENT_FIELDS.index("junction")] = 1
    rows[:, EVENT_FIELDS.index("memory")] = 2
    rows[:, EVENT_FIELDS.index("index")] = range(20)
    log = EventLog.of(Header("test", "abc", 0, 2), rows)
    (group,) = groups(log, NUMBERS)
    assert len([s for s in group.signals if s.name.endswith("read_data")]) == MOST_MEMORIES
    assert group.note == f"{20 - MOST_MEMORIES} more memories and lanes: see the tree"
    write_vcd(tmp_path / "t.vcd", log, NUMBERS)
    write_save_files(tmp_path / "t.vcd", log, NUMBERS)
    assert f"-{group.note}\n" in (tmp_path / "t.gtkw").read_text()
    assert f"divider_add {group.note}\n" in (tmp_path / "t.sucl").read_text()


def test_a_log_of_nothing_has_save_files_of_nothing(tmp_path):
    nothing = EventLog.of(Header("test", "abc", 3, 3), np.zeros((0, len(EVENT_FIELDS)), np.int64))
    write_save_files(tmp_path / "t.vcd", nothing, NUMBERS)
    assert of_gtkwave((tmp_path / "t.gtkw").read_text()) == []


def test_integers_without_a_fraction_are_no_fixed_point(tmp_path):
    numbers = NumberSystem.uniform(Format(12, 0), input=Format(8, 0, signed=False))
    log = recorded(small_design(), 0, 30)[0]
    write_vcd(tmp_path / "t.vcd", log, numbers)
    write_save_files(tmp_path / "t.vcd", log, numbers)
    assert "_data [" not in (tmp_path / "t.vcd").read_text() and "fpshift" not in (tmp_path / "t.gtkw").read_text()
    assert "fixed point" not in (tmp_path / "t.sucl").read_text()
