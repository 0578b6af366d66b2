"""Designs with a Wishbone under other people's model of it: what is learned, read, written, refused and given up."""

from itertools import product

import numpy as np
import pytest

from rtl.accelerator_model import Sample
from rtl.ports.register_map import CONTROL, RESULTS, SAMPLES, STATUS
from tests.rtl.designs import design
from tests.rtl.host import random_samples
from tests.rtl.ports.axi_host import Driven, parameters, signed
from tests.rtl.ports.wishbone_bench import ERR, OKAY

DESIGNS = {
    "two_junctions": ("two_junctions", {"classes": 3, "beat_bits": 64}),
    "short_beat": ("short_beat", {"beat_bits": 8}),
    "mixed_formats": ("mixed_formats", {"beat_bits": 32}),
}
RUNS = [*((name, "icarus") for name in DESIGNS), ("mixed_formats", "verilator")]


def driven(name: str) -> Driven:
    base, changes = DESIGNS[name]
    return Driven(design(base, interface="wishbone", **changes))


def learning(of: Driven, rng: np.random.Generator):
    """Samples under every combination of pauses on the streams, gaps on the bus beside; what must be seen of them."""
    played = []
    for k, (idle, blocked) in enumerate(product((0, 0.5), repeat=2)):
        samples = [Sample(**s) for s in random_samples(of.plan, 6, rng)]
        of.step("streams", idle, blocked)
        of.step("gaps", k)
        of.write(CONTROL, 1)
        of.step("feed", [of.pack(s).hex() for s in samples])
        of.step("sent")
        of.stop("interface" if k % 2 else "accelerator")
        of.step("paused", 200)
        played.append((samples, of.step("results"), of.step("entries"), of.read_parameters()))

    def check(seen):
        for samples, results, entries, words in played:
            assert of.told(seen[results]) == of.modelled(samples, seen[entries][0])
            assert signed([seen[k] for k in words]) == parameters(of.model)

    return check


def words(of: Driven, rng: np.random.Generator):
    """Every word of the memories is written and read; what is refused, there or elsewhere, leaves no trace."""
    numbers, answers, written, kept = of.plan.numbers, {}, [], []
    regions = [(r, numbers.weight) for r in of.map.weights] + [(r, numbers.bias) for r in of.map.biases]
    of.step("gaps", 2)
    for region, fmt in regions:
        for k in range(region.words):
            value = int(rng.integers(fmt.lowest, fmt.highest + 1))
            answers[of.write(region.address(k), value)] = OKAY
            written.append(value)
        at = region.address(int(rng.integers(region.words)))
        before = of.step("read", 4 * at)
        for first, n in product(range(4), range(1, 4)):  # of some bytes only
            answers[of.step("write", 4 * at + first, "5a" * min(n, 4 - first))] = ERR
        answers[of.step("nothing", 4 * at, 0xFFFFFFFF)] = OKAY
        answers[of.write(at, fmt.highest + 1)] = ERR
        kept.append((before, of.step("read", 4 * at)))
    end, last = 1 << of.map.bits, of.own("status") // 4
    there = {r.address(k) for r, _ in regions for k in range(r.words)}
    inside = [at for at in range(of.map.weights[0].base, end) if at not in there]
    nowhere = [*inside[:: max(1, len(inside) // 40)], last + 1, last + 2, 2 * end - 1]
    refused = [of.step("read", 4 * at) for at in nowhere]
    answers |= {of.write(at, 1): ERR for at in (*nowhere[::10], last + 1, 2 * end - 1, STATUS)}
    # In one cycle, whose strobe stays: a register takes six clocks, and not one is lost.
    many = of.step("many", 4 * CONTROL, ["02000000", "00000000"] * 5)
    of.write(CONTROL, 1)
    running = of.step("read", 4 * of.map.weights[0].base)
    of.stop()
    told = of.read_parameters()

    def check(seen):
        assert {k: seen[k] for k in answers} == answers
        assert all(seen[a] == seen[b] and seen[a][1] == OKAY for a, b in kept)
        assert len(refused) > 5 and all(seen[k] == [0, ERR] for k in (*refused, running))
        together, clocks = seen[many]
        assert together == [[OKAY, word] for word in (0, 2, 0, 0) * 5]
        assert clocks <= 6 * len(together) + 6
        assert signed([seen[k] for k in told]) == written

    return check


def registers(of: Driven, rng: np.random.Generator, fed: int):
    """The interface's own count a packet that is too short, and raise its interrupt; those inside count samples."""
    sample = of.pack(Sample(**next(iter(random_samples(of.plan, 1, rng)))))
    low = of.step("interrupt")
    answers = {of.write(of.own("status") // 4, 4): OKAY, of.write(of.own("enable") // 4, 4): OKAY}
    answers[of.step("read", of.own("enable"))] = [4, OKAY]
    of.step("feed", [(sample * 2)[: of.packet.size + of.packet.beat_bits // 8].hex()])
    of.step("sent")
    of.step("paused", 20)
    high = of.step("interrupt")
    answers |= {of.step("read", of.own(name)): [n, OKAY] for name, n in {"misframed": 1, "waiting": 0, "status": 6}.items()}
    answers |= {of.step("read", 4 * at): [fed, OKAY] for at in (SAMPLES, RESULTS)}
    answers[of.write(of.own("misframed") // 4, 1)] = ERR
    answers[of.step("read", of.own("misframed"))] = [1, OKAY]
    answers |= {of.write(of.own(name) // 4, value): OKAY for name, value in {"misframed": 0, "status": 4}.items()}
    answers[of.step("read", of.own("misframed"))] = [0, OKAY]
    cleared = of.step("interrupt")

    def check(seen):
        assert {k: seen[k] for k in answers} == answers
        assert [seen[k] for k in (low, high, cleared)] == [0, 1, 0]

    return check


def abandoned(of: Driven):
    """Accesses that are given up after 1, 2, 3... clocks: the next get their own answers, a write is carried through."""
    at, other = of.map.weights[0].address(0), of.map.biases[0].address(0)
    of.step("gaps", 0)
    told = []
    for clocks in range(1, 22):
        of.write(other, clocks % 2)
        ends = of.step("abandoned", 4 * at, (clocks % 3).to_bytes(4, "little").hex(), clocks)
        told.append((of.step("read", 4 * other), clocks % 2))
        told.append((of.step("read", 4 * at), clocks % 3))
        of.step("abandoned", 4 * (2 << of.map.bits) - 4, None, clocks)  # of a word that is not there
        told.append((of.step("read", 4 * at), clocks % 3))
        answered = ends
    first, strays = told[0][0] - 1, of.step("strays")

    def check(seen):
        assert (seen[first], seen[answered]) == (False, True)
        assert [seen[k] for k, _ in told] == [[word, OKAY] for _, word in told]
        assert seen[strays] == 0

    return check


@pytest.mark.slow
@pytest.mark.parametrize(("name", "simulator"), RUNS)
def test_a_host_of_others_gets_what_the_model_has(name, simulator, tmp_path):
    of, rng = driven(name), np.random.default_rng(0)
    checks = [learning(of, rng), words(of, rng), registers(of, rng, 24), abandoned(of)]
    seen = of.play(simulator, tmp_path, "wishbone_bench")
    for check in checks:
        check(seen)
