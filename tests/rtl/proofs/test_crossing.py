"""Queues between two clocks and their reset are proved for clocks of any ratio and phase, and faults in them are refuted."""

import pytest

from rtl.blocks import crossing, joint_reset
from rtl.blocks.crossing import Crossing
from rtl.blocks.joint_reset import JointReset
from rtl.proofs import session
from rtl.proofs.prover import Status
from rtl.proofs.ticked import Ticked
from tests.rtl.designs import design


def proved(part, folder):
    """What became of each property."""

    def make():
        return Ticked(part())

    bench = session.stated(make)
    proofs = session._component("part", make, bench, bench.monitor.required, folder, 300)
    return {proof.stated.name: proof.verdict.status for proof in proofs}


def joint():
    return JointReset("write", "read")


def queue():
    return Crossing(4, 4)


@pytest.mark.slow
@pytest.mark.parametrize("part", [queue, joint], ids=["queue", "reset"])
def test_all_that_is_stated_is_proved(part, tmp_path):
    status = proved(part, tmp_path / "p")
    assert len(status) >= 5 and set(status.values()) == {Status.PROVED}


def test_a_design_with_two_clocks_has_them():
    """With the words and the depth of its own queues."""
    parts = session.components(design("one_junction", interface="axi", bus_clock="own"))
    assert parts["stream crossing"]().part.depth == 16 and parts["stream crossing"]().part.width == 33
    assert parts["access crossing"]().part.depth == 4 and isinstance(parts["joint reset"]().part, JointReset)
    assert "joint reset" not in session.components(design("one_junction", interface="axi"))


def counts_in_binary(patch):
    patch.setattr(crossing, "gray", lambda x: x)
    patch.setattr(crossing, "a_turn_ahead", lambda x, bits: x ^ (1 << bits - 1))


def one_place_too_many(patch):
    """Room is taken for a fact one word later than it ends."""
    patch.setattr(crossing, "a_turn_ahead", lambda x, bits: ~x)


def does_not_wait_for_the_core(patch):
    as_it_was = joint_reset.JointReset.elaborate

    def elaborate(self, platform):
        m = as_it_was(self, platform)
        m.d[self.bus] += self.bus_held.eq(self.ordered.i)
        return m

    patch.setattr(joint_reset.JointReset, "elaborate", elaborate)


FAULTS = {
    counts_in_binary: (queue, "written_by_one"),
    one_place_too_many: (queue, "writer_knows_less"),
    does_not_wait_for_the_core: (joint, "core_first"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refuted(fault, tmp_path, monkeypatch):
    fault(monkeypatch)
    part, shows = FAULTS[fault]
    assert proved(part, tmp_path / "p")[shows] is Status.FAILED
