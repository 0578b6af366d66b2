"""Designs with AXI ports under other people's models of AXI: what is learned, answered and counted, on two simulators."""

from itertools import pairwise, product

import numpy as np
import pytest

from rtl.accelerator_model import Sample
from rtl.ports.register_map import CONTROL, ERRORS, ILLEGAL_LABELS, RESULTS, SAMPLES, STATUS
from tests.rtl.designs import design
from tests.rtl.host import random_samples
from tests.rtl.ports.axi_host import Driven, parameters, signed
from tests.rtl.ports.packets import facts, outside

DESIGNS = {
    "two_junctions": ("two_junctions", {"classes": 3, "beat_bits": 32}),
    "short_beat": ("short_beat", {"beat_bits": 64}),
    "mixed_formats": ("mixed_formats", {"beat_bits": 8}),
}
SIMULATORS = ("icarus", "verilator")
OKAY, SLVERR, DECERR = 0, 2, 3


def driven(name: str) -> Driven:
    base, changes = DESIGNS[name]
    return Driven(design(base, interface="axi", **changes))


@pytest.mark.slow
@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("name", DESIGNS)
def test_what_is_learned_is_what_the_model_learns(name, simulator, tmp_path):
    """With every combination of pauses on the streams; bubbles are where they were seen."""
    of, rng = driven(name), np.random.default_rng(0)
    played = []
    for k, (idle, blocked) in enumerate(product((0, 0.5), repeat=2)):
        samples = [Sample(**s) for s in random_samples(of.plan, 9, rng)]
        # Illegal for the accelerator, which feeds it forward only; and with a label that it has no bits for.
        samples[4] = Sample(samples[4].inputs, (1 << of.plan.config.label_bits) - 1, samples[4].kappa, 1)
        of.step("streams", idle, blocked)
        of.write(CONTROL, 1)
        of.step("feed", [of.pack(s).hex() for s in samples])
        of.step("sent")
        of.stop("interface" if k % 2 else "accelerator")
        of.step("paused", 200)
        played.append((samples, of.step("results"), of.step("entries"), of.read_parameters()))
    seen = of.play(simulator, tmp_path)
    for samples, results, entries, words in played:
        assert of.told(seen[results]) == of.modelled(samples, seen[entries][0])
        assert signed([seen[k] for k in words]) == parameters(of.model)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "beat_bits"), [("two_junctions", 32), ("overlap", 64), ("combinational", 256)])
def test_a_sample_enters_in_every_junction_cycle(name, beat_bits, tmp_path):
    """If its packet is no longer than that."""
    of, rng = Driven(design(name, interface="axi", beat_bits=beat_bits)), np.random.default_rng(3)
    samples = [Sample(**s) for s in random_samples(of.plan, 16, rng)]
    assert of.packet.beats <= of.plan.period
    of.write(CONTROL, 1)
    of.step("feed", [of.pack(s).hex() for s in samples])
    of.step("sent")
    of.stop()
    entries = of.step("entries")
    _, clocks = of.play("icarus", tmp_path)[entries]
    assert {b - a for a, b in pairwise(clocks[2:])} == {of.plan.period}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "beat_bits"), [("one_row", 512), ("two_junctions", 32), ("short_beat", 64)])
def test_no_result_comes_earlier_than_stated(name, beat_bits, tmp_path):
    """And one comes then, if its packet is a beat of each stream."""
    of, rng = Driven(design(name, interface="axi", beat_bits=beat_bits)), np.random.default_rng(3)
    of.write(CONTROL, 1)
    for sample in random_samples(of.plan, 24, rng):
        of.step("feed", [of.pack(Sample(**sample)).hex()])
        of.step("paused", 40 * of.plan.period + 1)  # at another clock of a junction cycle each
    told = of.step("latencies")
    latencies = of.play("icarus", tmp_path)[told]
    least = of.emitted.component.latency
    assert len(latencies) == 24 and min(latencies) >= least
    assert min(latencies) == least or of.packet.beats > 1


@pytest.mark.slow
@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("name", DESIGNS)
def test_every_word_is_read_and_written_or_refused(name, simulator, tmp_path):
    of, rng = driven(name), np.random.default_rng(1)
    end = 1 << of.map.bits
    first = of.read_parameters()
    numbers = of.plan.numbers
    regions = [(r, numbers.weight) for r in of.map.weights] + [(r, numbers.bias) for r in of.map.biases]
    written, answers, kept = [], {}, []
    for region, fmt in regions:
        for k in range(region.words):
            value = int(rng.integers(fmt.lowest, fmt.highest + 1))
            answers[of.write(region.address(k), value)] = OKAY
            written.append(value)
        at = region.address(int(rng.integers(region.words)))
        before = of.step("read", 4 * at)
        for first_byte in range(4):
            for n in range(1, 5 - first_byte):
                if n < 4:  # of some bytes only
                    answers[of.step("write", 4 * at + first_byte, "5a" * n)] = SLVERR
        answers[of.step("nothing", 4 * at, 0xFFFFFFFF)] = OKAY
        answers[of.write(at, fmt.highest + 1)] = SLVERR
        kept.append((before, of.step("read", 4 * at)))
    window = range(1 << of.map.bits)
    there = {r.address(k) for r, _ in regions for k in range(r.words)}
    nowhere = [at for at in window if at >= of.map.weights[0].base and at not in there]
    refused = [of.step("read", 4 * at) for at in nowhere[:: max(1, len(nowhere) // 40)]]
    outside_map = [of.step("read", 4 * at) for at in (end + 6, end + 7, 2 * end - 1)]
    answers[of.write(end + 6, 1)] = DECERR
    answers[of.write(STATUS, 1)] = SLVERR
    many, took = of.step("many", 4 * CONTROL, ["00000000"] * 10), 20
    of.write(CONTROL, 1)
    running = of.step("read", 4 * of.map.weights[0].base)
    of.stop()
    last = of.read_parameters()
    seen = of.play(simulator, tmp_path)
    assert signed([seen[k] for k in first]) == parameters(of.model)
    assert {k: seen[k] for k in answers} == answers
    assert all(seen[a] == seen[b] for a, b in kept)
    assert len(refused) > 5 and all(seen[k][1] == SLVERR for k in (*refused, running))
    assert all(seen[k] == [0, DECERR] for k in outside_map)
    assert signed([seen[k] for k in last]) == written
    told, clocks = seen[many]
    assert told == [OKAY] * took
    assert clocks <= 4 * took + 12  # a register takes four clocks, and not one is lost


@pytest.mark.slow
@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("name", DESIGNS)
def test_packets_that_are_wrong_leave_no_trace_but_a_count(name, simulator, tmp_path):
    """Too short by every number of beats, too long, several in a row, words that no sample may have: good ones between."""
    of, rng = driven(name), np.random.default_rng(2)
    beat, size = of.packet.beat_bits // 8, of.packet.size
    samples = [Sample(**s) for s in random_samples(of.plan, 60, rng)]
    source = iter(samples)
    good, packets = [], []
    counts = {"misframed": 0, "refused": 0, "unfit": 0}

    def one() -> bytes:
        return of.pack(next(source))

    def fine() -> None:
        sample = next(source)
        good.append(sample)
        packets.append(of.pack(sample))

    fine()
    shorts = list(range(beat, size, beat))
    for n in shorts[:: max(1, len(shorts) // 12)]:
        packets.append(one()[:n])
        counts["misframed"] += 1
        fine()
    for more in (beat, 3 * beat, size, 2 * size + beat):
        packets.append((one() * 4)[: size + more])
        counts["misframed"] += 1
        fine()
    packets += [one()[:-beat] if size > beat else one() * 2, one() + b"\0" * beat, one() + b"\xff" * beat]
    counts["misframed"] += 3
    fine()
    wrong = outside(of.packet, rng)
    if wrong is not None:
        for at in (0, of.packet.count - 1):
            sample = next(source)
            inputs = [wrong if k == at else x for k, x in enumerate(sample.inputs)]
            packets.append(of.packet.pack(inputs, facts(label=sample.label, kappa=sample.kappa, train=1)))
            counts["refused"] += 1
        fine()
    packets.append(of.pack(next(source), reserved=64))
    counts["refused"] += 1
    bits = of.plan.config.label_bits
    for label, kappa in ((1 << bits, of.plan.kappas[0]), (0, 1 << of.plan.config.kappa_bits)):
        sample = next(source)
        packets.append(of.packet.pack(sample.inputs, facts(label=label, kappa=kappa, train=1)))
        good.append(Sample(sample.inputs, min(label, (1 << bits) - 1), of.plan.kappas[0], 0))
        counts["unfit"] += 1
    fine()

    nothing = of.step("interrupt")
    answers = {of.step("read", of.own("status")): [2, OKAY], of.step("read", of.own("waiting")): [0, OKAY]}
    of.write(of.own("enable") // 4, 4)
    of.write(CONTROL, 1)
    of.step("feed", [p.hex() for p in packets])
    of.step("sent")
    of.stop()
    of.step("paused", 200)
    raised = of.step("interrupt")
    results, entries, words = of.step("results"), of.step("entries"), of.read_parameters()
    answers |= {of.step("read", of.own(name)): [n, OKAY] for name, n in counts.items()}
    answers |= {of.step("read", 4 * at): [len(good), OKAY] for at in (SAMPLES, RESULTS)}
    answers |= {of.step("read", 4 * ILLEGAL_LABELS): [0, OKAY], of.step("read", 4 * ERRORS): [0, OKAY]}
    cleared = [of.write(of.own("misframed") // 4, 0), of.write(of.own("status") // 4, 4)]
    after, low = of.step("read", of.own("misframed")), of.step("interrupt")
    bad = [of.write(of.own("misframed") // 4, 1), of.write(of.own("enable") // 4, 8)]
    seen = of.play(simulator, tmp_path)
    assert of.told(seen[results]) == of.modelled(good, seen[entries][0])
    assert signed([seen[k] for k in words]) == parameters(of.model)
    assert {k: seen[k] for k in answers} == answers
    assert [seen[k] for k in (nothing, raised, low)] == [0, 1, 0]
    assert [seen[k] for k in cleared] == [OKAY, OKAY] and seen[after] == [0, OKAY]
    assert [seen[k] for k in bad] == [SLVERR, SLVERR]
