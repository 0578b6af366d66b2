"""Whatever single bit is wrong in what a design says of itself, the co-simulation says so, and names the register."""

import pytest

from rtl.cosim.script import Script
from rtl.ports import registers as circuit
from rtl.ports.register_table import registers
from tests.rtl.cosim.driving import generate, play
from tests.rtl.designs import planned

SMALLEST = {"layers": [6, 4], "out_degree": [2], "z": [3]}
CONSTANTS = [r.name for r in registers(planned(**SMALLEST)) if r.constant]
FAST = ("HASH", "LANES_1")


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(n, marks=pytest.mark.slow) for n in CONSTANTS if n not in FAST)])
def test_a_wrong_bit_is_caught(name, monkeypatch, tmp_path):
    of = planned(**SMALLEST)
    bit = sum(map(ord, name)) % 32

    def wrong(plan):
        """The registers, one of them with another word; constants have no other bits than those of their fields."""
        return tuple(spoilt(r) if r.name == name else r for r in registers(plan))

    def spoilt(register):
        fields = [f for f in register.fields if f.lsb <= bit < f.lsb + f.width] or list(register.fields[:1])
        field, at = fields[0], max(bit - fields[0].lsb, 0) % fields[0].width
        return register.filled({field.name: field.reset ^ 1 << at})

    monkeypatch.setattr(circuit, "registers", wrong)
    found = play(generate(of), Script(of), tmp_path).mismatch
    assert found is not None and f"bus.read_data of register {name}" in str(found)
    assert (found.machine ^ found.verilog).bit_count() == 1


def test_without_a_fault_nothing_is_found(tmp_path):
    of = planned(**SMALLEST)
    run = play(generate(of), Script(of), tmp_path)
    assert run.mismatch is None
    words = dict(zip([r.address for r in registers(of)], run.reads[: len(registers(of))], strict=True))
    assert {r.address: (r.reset, 0) for r in registers(of) if r.constant}.items() <= words.items()
