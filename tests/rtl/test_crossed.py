"""Designs whose AXI ports have a clock of their own: what is learned is the same at any clocks, through any reset."""

from contextlib import nullcontext
from itertools import product

import numpy as np
import pytest

from rtl.accelerator_model import Sample
from rtl.blocks import crossing
from rtl.ports.register_map import CONTROL, EMPTY, SAMPLES, STATUS
from rtl.verilog.emission import Verilog
from rtl.verilog.generate import component
from tests.rtl.designs import design
from tests.rtl.host import random_samples
from tests.rtl.ports.axi_host import TOP, Driven, parameters, signed
from tests.rtl.undecided import undecided

DESIGNS = {"two_junctions": {"classes": 3}, "mixed_formats": {"beat_bits": 64}}
CLOCKS = [(10_000, 10_000, 2500, 0.0), (4_000, 12_000, 700, 0.0), (12_000, 4_000, 100, 0.0), (7_000, 5_000, 1300, 0.15)]
"""Periods of bus and accelerator in ps, and what the latter is put off by; jitter of each half of a period."""


class Crossed(Driven):
    """A design with two clocks."""

    def __init__(self, name: str) -> None:
        of = design(name, interface="axi", bus_clock="own", **DESIGNS[name])
        super().__init__(of, Verilog.of(component(of)))
        self.text = self.emitted.text

    def play(self, simulator, folder, bench="tests.rtl.crossed_bench"):
        object.__setattr__(self.emitted, "text", self.text)
        return super().play(simulator, folder, bench)

    def batch(self, rng, n, streams, asked="interface"):
        """Steps that feed samples and read all that has come of them."""
        samples = [Sample(**s) for s in random_samples(self.plan, n, rng)]
        self.step("streams", *streams)
        self.write(CONTROL, 1)
        self.step("feed", [self.pack(s).hex() for s in samples])
        self.step("sent")
        self.stop(asked)
        self.step("paused", 200)
        return samples, self.step("results"), self.step("entries")

    def everything(self, clocks=CLOCKS):
        """Steps: with every pair of clocks, with and without pauses; what is learned is read at the end of each."""
        rng = np.random.default_rng(0)
        self.played = []
        for pair in clocks:
            self.step("clocked", *pair)
            streams = product((0, 0.5), repeat=2)
            batches = [self.batch(rng, 4, s, ("interface", "accelerator")[k % 2]) for k, s in enumerate(streams)]
            self.played.append((batches, self.read_parameters()))

    def check(self, seen):
        """What has come is what the model says."""
        for batches, words in self.played:
            for samples, results, entries in batches:
                assert sum(seen[entries][0]) == len(samples)  # that have entered
                assert self.told(seen[results]) == self.modelled(samples, seen[entries][0])
            assert signed([seen[k] for k in words]) == parameters(self.model)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "simulator"), [("two_junctions", "icarus"), ("mixed_formats", "verilator")])
def test_what_is_learned_is_what_the_model_learns(name, simulator, tmp_path):
    of, rng = Crossed(name), np.random.default_rng(1)
    of.everything()
    numbers, written = of.plan.numbers, []
    for regions, fmt in ((of.map.weights, numbers.weight), (of.map.biases, numbers.bias)):
        for region in regions:
            for k in range(region.words):
                written.append(int(rng.integers(fmt.lowest, fmt.highest + 1)))
                of.write(region.address(k), written[-1])
    words = of.read_parameters()
    seen = of.play(simulator, tmp_path)
    of.check(seen)
    assert signed([seen[k] for k in words]) == written


@pytest.mark.slow
def test_what_is_caught_late_changes_nothing(tmp_path):
    of = Crossed("two_junctions")
    of.text = undecided(of.text, TOP)
    of.everything()
    of.check(of.play("icarus", tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True], ids=["decided", "undecided"])
def test_counts_that_change_in_several_bits_are_found_where_changes_are_caught_late(late, tmp_path, monkeypatch):
    """And only there: with registers that never hesitate a queue with binary counts is as good."""
    monkeypatch.setattr(crossing, "gray", lambda x: x)
    monkeypatch.setattr(crossing, "a_turn_ahead", lambda x, bits: x ^ (1 << bits - 1))
    of = Crossed("two_junctions")
    of.text = undecided(of.text, TOP) if late else of.text
    of.everything(CLOCKS[2:3])
    with pytest.raises(AssertionError) if late else nullcontext():
        of.check(of.play("icarus", tmp_path))


@pytest.mark.slow
def test_a_reset_of_either_side_leaves_nothing_of_what_was_under_way(tmp_path):
    """In the middle of a packet, of results, of a write that has not reached the accelerator; changes are caught late."""
    of, rng = Crossed("two_junctions"), np.random.default_rng(4)
    of.text = undecided(of.text, TOP)
    initial = parameters(of.model)
    regions = [*of.map.weights, *of.map.biases]
    at = [r.address(k) for r in regions for k in range(r.words)]
    tried = []
    for k, (clocks, name) in enumerate(product(CLOCKS[1:], ("aresetn", "bus_aresetn"))):
        of.step("clocked", *clocks)
        samples = [Sample(**s) for s in random_samples(of.plan, 12, rng)]
        of.step("streams", 0, (0, 0.9)[k % 2])
        of.write(CONTROL, 1)
        of.step("feed", [of.pack(s).hex() for s in samples])
        of.step("begun", of.packet.beats * (k + 3) + k % of.packet.beats + 1)
        of.step("reset", name, 1 + k % 2)
        quiet = of.step("nothing_comes", 300)
        counts = [of.step("read", 4 * x) for x in (CONTROL, SAMPLES, STATUS)]
        misframed = of.step("read", of.own("misframed"))
        for address, word in zip(at, initial, strict=True):
            of.write(address, word)
        tried.append((quiet, counts, misframed, ([of.batch(rng, 4, (0.3, 0.3))], of.read_parameters())))
    seen = of.play("icarus", tmp_path)
    for quiet, counts, misframed, played in tried:
        assert seen[quiet] == 0
        assert [seen[k][0] for k in (*counts, misframed)] == [0, 0, 3, 0]
        of.model, of.played = of.emitted.component.model(), [played]
        of.check(seen)


@pytest.mark.slow
def test_an_interrupt_arrives_and_what_is_between_the_clocks_counts(tmp_path):
    """A result that waits behind the accelerator, at the bus's side, waits; samples in front of it are not forgotten."""
    of, rng = Crossed("two_junctions"), np.random.default_rng(5)
    checks = []
    for clocks in CLOCKS:
        of.step("clocked", *clocks)
        of.step("streams", 0, 1.0)  # nobody takes results
        (sample,) = (Sample(**s) for s in random_samples(of.plan, 1, rng))
        of.write(of.own("enable") // 4, 1)
        before = of.step("interrupt")
        of.step("feed", [of.pack(sample).hex()])
        of.step("sent")
        status = of.step("read", 4 * STATUS)
        of.write(CONTROL, 1)
        of.step("until", 4 * STATUS, EMPTY)
        raised = of.step("until_interrupt", 1)
        cause = of.step("read", of.own("status"))
        of.step("streams", 0, 0)
        lowered = of.step("until_interrupt", 0)
        cleared = of.step("read", of.own("status"))
        of.write(CONTROL, 0)
        checks.append((before, status, raised, cause, lowered, cleared, of.step("results")))
    seen = of.play("icarus", tmp_path)
    for before, status, _, cause, _, cleared, results in checks:
        assert seen[before] == 0 and seen[cause] == [3, 0] and seen[cleared] == [2, 0]
        assert not seen[status][0] >> EMPTY & 1
        assert len(seen[results]) == 1
