"""What the README beside the Verilog says of the port, numbers and times is so."""

import re

import numpy as np
import pytest

from models.connectivity.files import read_connectivity
from models.files.npz import read_npz
from rtl.accelerator import Accelerator
from rtl.cosim import protocol_kernel as kernel
from rtl.cosim.script import Script
from rtl.ports.register_map import AddressMap
from rtl.ports.register_table import registers
from rtl.verilog.description import description
from rtl.verilog.port_description import memory_pages, numbers, register_pages, start
from tests.documents import cells
from tests.rtl import toolchain
from tests.rtl.cosim.driving import samples, verilog
from tests.rtl.designs import DESIGNS, design
from tests.rtl.ports.test_register_table import every_plan, random_plans

FAST = ("two_junctions", "inference", "straddling_groups")


def table(text, head):
    """The rows below a head, cell by cell."""
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"| {head} |"))
    rows = []
    for line in lines[at + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(cells(line))
    return rows


def test_every_field_is_in_the_table_of_registers():
    for of in every_plan():
        rows = table(register_pages(of), "register")
        known = [(r, f) for r in registers(of) for f in r.fields]
        assert len(rows) == len(known)
        for (name, word, byte, bits, field, access, reset, meaning), (r, f) in zip(rows, known, strict=True):
            assert (name, int(word), int(byte, 0), field) == (r.name, r.address, 4 * r.address, f.name)
            high, _, low = bits.partition("..")
            assert (int(low or high), int(high)) == (f.lsb, f.lsb + f.width - 1)
            assert int(reset, 0) == f.reset and access == ("constant" if f.constant else f.access)
            assert meaning.startswith(f.meaning)


@pytest.mark.parametrize("name", ["two_junctions", "results_wrap"])
def test_rows_and_lanes_are_the_edges_of_the_files(name, tmp_path):
    of, folder = design(name), toolchain.delivered(verilog(name), tmp_path / "d")
    text = (folder / "README.md").read_text(encoding="utf-8")
    patterns = read_connectivity(folder / "connectivity.npz", of.config.network.layers)
    initial, where = read_npz(folder / "initial.npz"), AddressMap.of(of)
    rows = [[int(cell, 0) for cell in row] for row in table(text, "junction | z")]
    assert {row[0] for row in rows} == set(range(1, len(patterns) + 1))
    for junction, z, d_in, row, lane, e, left, right, word, byte in rows:
        pattern = patterns[junction - 1]
        assert (e, right) == (row * z + lane, e // d_in) and byte == 4 * word
        assert (pattern.left[e], pattern.right[e]) == (left, right)
        assert word == where.weights[junction - 1].base + (row << where.weights[junction - 1].lane_bits) + lane
        # And so it is in the memories themselves.
        width = of.numbers.weight.width
        held = int((folder / f"weights_{junction}.mem").read_text().splitlines()[row], 16) >> lane * width
        assert held % (1 << width) == int(initial[f"weight_{junction}"][e]) % (1 << width)


def test_memories_are_where_the_map_says():
    for of in every_plan():
        where = AddressMap.of(of)
        printed = [[int(cell, 0) for cell in row[1:6]] for row in table(memory_pages(of), "memory")]
        assert printed == [[r.base, 4 * r.base, r.rows, r.lanes, r.lane_bits] for r in (*where.weights, *where.biases)]


def test_inputs_are_quantised_as_the_models_do_it():
    for of in every_plan():
        found = re.search(
            r"n = ⌊x · 2\^(\d+) \+ ½⌋, but no less than (-?\d+) and no more than (-?\d+); x = 0.5 is (\d+)", numbers(of)
        )
        fraction, least, greatest, half = map(int, found.groups())
        x = np.linspace(-3, 3, 101)
        wanted = np.clip(np.floor(x * 2.0**fraction + 0.5), least, greatest)
        assert np.array_equal(of.numbers.input.quantise(x), wanted) and of.numbers.input.quantise([0.5])[0] == half
        printed = {row[0]: row[3:] for row in table(numbers(of), "number")}
        for name, fmt in (("input", of.numbers.input), ("output", of.numbers.activation), ("weight", of.numbers.weight)):
            ends = f"{fmt.lowest} … {fmt.highest}"
            assert printed[name] == [str(fmt.width), str(fmt.fraction), "yes" if fmt.signed else "no", ends]


def clocks_to_results(of):
    """Clocks from the last beat of a sample to its first result, for every phase in which it can come."""
    found, latency = {}, Accelerator(of).latency
    for phase in range(of.period):
        script = Script(of, samples(of, 1))
        script.start()
        script.wait(3 * of.period + phase)
        script.feed(1)
        script.until_taken()
        script.wait(latency + 3 * of.period)
        r = script.protocol().record
        taken = np.flatnonzero((r.sets & kernel.SENT > 0) & (r.sees & kernel.READY > 0))[-1]
        begins = r.advances[r.advances[:, 1] >= 0][0, 0] + 1
        found[int(begins - taken)] = int(np.flatnonzero(r.sees & kernel.VALID)[0] - taken)
    return found


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(n, marks=pytest.mark.slow) for n in DESIGNS if n not in FAST)])
def test_times_from_samples_to_results(name):
    """The protocol, with which co-simulation compares the circuit in every clock, has the range and the phase."""
    text = description(verilog(name)) if name in FAST else None
    of = design(name)
    found, made = clocks_to_results(of), Accelerator(of)
    least = made.wait + made.latency
    assert found == {made.wait + k: least + k for k in range(of.period)}
    if text is not None:
        assert f"pass {least} to {least + of.period - 1} clocks, if nothing waits" in text
        assert f"{least} clocks pass if the last beat comes {made.wait} clocks before one begins" in text


@pytest.mark.slow
def test_times_of_random_designs():
    for of in random_plans():
        found, made = clocks_to_results(of), Accelerator(of)
        assert found == {made.wait + k: made.wait + made.latency + k for k in range(of.period)}


def test_how_to_start_is_what_happens_after_reset():
    text = start(design("two_junctions"), "rst")
    known = {r.name: r for r in registers(design("two_junctions"))}
    assert f"CONTROL is {known['CONTROL'].reset} and STATUS {known['STATUS'].reset}" in text and "Write CONTROL = 1" in text
    assert f"MAGIC ({known['MAGIC'].address})" in text and f"HASH ({known['HASH'].address})" in text
