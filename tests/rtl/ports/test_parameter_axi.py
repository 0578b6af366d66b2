"""Weights and biases through the streams of designs with AXI ports, under other people's models, on two simulators."""

from itertools import product

import numpy as np
import pytest

from models.network.parameters import IntegerParameters
from rtl.accelerator_model import Sample
from rtl.ports.interface_table import LOADED
from rtl.ports.parameter_order import order
from rtl.ports.register_map import CONTROL, STATUS
from tests.rtl.designs import DEEPEST, design
from tests.rtl.host import random_samples
from tests.rtl.ports.axi_host import Driven, parameters, signed
from tests.rtl.ports.packets import parameter_packet, parameter_words, random_parameters

DESIGNS = {
    "two_junctions": ("two_junctions", {"classes": 3, "beat_bits": 32}),
    "inference": ("inference", {"beat_bits": 64}),
    "one_row": ("one_row", {"beat_bits": 8, "latency": DEEPEST}),
    "short_groups": ("short_beat", {"beat_bits": 128}),
}
RUNS = [("two_junctions", "icarus"), ("one_row", "icarus"), ("inference", "verilator"), ("short_groups", "icarus")]
OKAY, SLVERR = 0, 2
LOAD, SEND = 1, 2


class Loaded(Driven):
    """A design with a stream of parameters."""

    def __init__(self, name: str) -> None:
        base, changes = DESIGNS[name]
        super().__init__(design(base, interface="axi", parameter_stream=True, **changes))
        self.bits = self.packet.beat_bits

    def set(self, word: int) -> int:
        """Write PARAMETERS."""
        return self.write(self.own("parameters") // 4, word)

    def load(self, words: list[int]) -> None:
        """As a driver does."""
        self.set(LOAD)
        self.step("feed", [parameter_packet(words, self.bits).hex()])
        self.step("until", self.own("parameters"), LOADED)
        self.set(0)

    def now(self, name: str) -> int:
        return self.step("read", self.own(name))

    def stored(self, packet: str) -> list[int]:
        """The words of a packet."""
        n = len(order(self.plan))
        data = bytes.fromhex(packet)
        assert len(data) == len(parameter_packet([0] * n, self.bits)) and not any(data[4 * n :])
        return np.frombuffer(data, "<i4")[:n].tolist()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "simulator"), RUNS)
def test_parameters_are_loaded_learned_from_and_read(name, simulator, tmp_path):
    """With every combination of pauses on the streams; words of the bus are those of the packets."""
    of, rng = Loaded(name), np.random.default_rng(0)
    played = []
    for k, (idle, blocked) in enumerate(product((0, 0.5), repeat=2)):
        given = random_parameters(of.plan, rng)
        samples = [Sample(**s) for s in random_samples(of.plan, 5, rng)]
        of.step("streams", idle, blocked)
        of.load(parameter_words(of.plan, given))
        before = of.read_parameters() if k == 0 else []
        of.write(CONTROL, 1)
        of.step("feed", [of.pack(s).hex() for s in samples])
        of.step("sent")
        of.stop()
        of.step("paused", 200)
        results, entries = of.step("results"), of.step("entries")
        of.set(SEND)
        played.append((given, samples, before, results, entries, of.step("comes"), of.read_parameters()))
    dropped = [of.now("misframed"), of.now("refused"), of.now("parameters")]
    seen = of.play(simulator, tmp_path)
    for given, samples, before, results, entries, packet, words in played:
        of.model.parameters = given
        assert not before or signed([seen[k] for k in before]) == parameters(of.model)
        assert of.told(seen[results]) == of.modelled(samples, seen[entries][0])
        assert of.stored(seen[packet][1]) == parameter_words(of.plan, of.model.parameters)
        assert signed([seen[k] for k in words]) == parameters(of.model)
    assert [seen[k] for k in dropped] == [[0, OKAY]] * 3


def changed(of: Loaded, rng: np.random.Generator, stored: list[int]) -> list[int]:
    """Other words than those."""
    other = parameter_words(of.plan, random_parameters(of.plan, rng))
    return [new if new != old else new ^ 1 for new, old in zip(other, stored, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "simulator"), RUNS[:3])
def test_what_is_wrong_is_refused_and_what_came_before_it_stands(name, simulator, tmp_path):
    of, rng = Loaded(name), np.random.default_rng(1)
    n, per_beat, size = len(order(of.plan)), max(1, of.bits // 32), of.bits // 8
    wide = 1 << 30
    answers: dict[int, int] = {}
    counts = {"misframed": 0, "refused": 0}
    stored: list[int] = [0] * n
    sent: list[tuple[int, list[int]]] = []
    seen_counts: list[tuple[int, int]] = []

    def send() -> None:
        answers[of.set(SEND)] = OKAY
        sent.append((of.step("comes"), list(stored)))
        seen_counts.extend((of.now(event), count) for event, count in counts.items())

    def load(packet: bytes) -> None:
        answers[of.set(LOAD)] = OKAY
        of.step("feed", [packet.hex()])
        of.step("until", of.own("parameters"), LOADED)
        answers[of.set(0)] = OKAY
        answers[of.step("nothing", 0, 0)] = OKAY

    stored = changed(of, rng, stored)
    load(parameter_packet(stored, of.bits))
    send()
    for cut in (size, size * max(1, 4 * n // size // 2), len(parameter_packet(stored, of.bits)) - size):
        new = changed(of, rng, stored)
        load(parameter_packet(new, of.bits)[:cut] if cut else parameter_packet(new, of.bits) + bytes(size))
        whole = min(cut // 4, n) if cut else n
        stored = new[:whole] + stored[whole:]
        counts["misframed"] += 1
        send()
    for more in (size, 5 * size):
        stored = changed(of, rng, stored)
        load(parameter_packet(stored, of.bits) + b"\x01" * more)
        counts["misframed"] += 1
        send()
    for at in (0, n // 3, n - 1):
        new = changed(of, rng, stored)
        stored = new[:at] + stored[at:]
        load(parameter_packet([*new[:at], wide, *new[at + 1 :]], of.bits))
        counts["refused"] += 1
        send()
    # Behind all that a good one, and another one at once.
    answers[of.set(LOAD)] = OKAY
    first, stored = changed(of, rng, stored), changed(of, rng, stored)
    of.step("feed", [parameter_packet(words, of.bits).hex() for words in (first[: n - per_beat], stored)])
    counts["misframed"] += 1
    of.step("sent")
    answers[of.set(0)] = OKAY
    of.step("paused", 40)
    send()
    seen = of.play(simulator, tmp_path)
    assert {k: seen[k] for k in answers} == answers
    assert [seen[k] for k, _ in seen_counts] == [[count, OKAY] for _, count in seen_counts]
    for packet, words in sent:
        assert of.stored(seen[packet][1]) == words


@pytest.mark.slow
@pytest.mark.parametrize(("name", "simulator"), [("two_junctions", "verilator"), RUNS[1]])
def test_parameters_come_and_go_only_while_nothing_else_does(name, simulator, tmp_path):
    of, rng = Loaded(name), np.random.default_rng(2)
    memory = 4 * of.map.weights[0].base
    samples = [Sample(**s) for s in random_samples(of.plan, 3, rng)]
    given = IntegerParameters([j.weights.ravel() for j in of.model.junctions], [j.biases for j in of.model.junctions])
    words = parameter_words(of.plan, given)
    packet = parameter_packet(changed(of, rng, words), of.bits)
    answers: dict[int, int] = {}

    def refused() -> None:
        for word in (LOAD, SEND):
            answers[of.set(word)] = SLVERR

    for word in (3, 4, 7, 1 << 31):
        answers[of.set(word)] = SLVERR
    of.write(CONTROL, 1)
    refused()  # it runs
    of.stop()
    of.step("taking", False)
    of.step("feed", [of.pack(samples[0]).hex()])
    of.step("sent")
    of.step("paused", 100)
    refused()  # a sample waits
    of.write(CONTROL, 1)
    of.step("until", 4 * STATUS, 1)
    of.step("paused", 20 * of.plan.period)
    of.write(CONTROL, 0)
    of.step("until", 4 * STATUS, 0)
    refused()  # a result waits
    of.step("taking", True)
    of.step("paused", 100)
    part = -1
    if of.packet.beats > 4:
        part = of.step("part", of.pack(samples[1]).hex(), 2)
        refused()  # part of a sample waits
        of.step("rest")
        of.write(CONTROL, 1)
        of.stop()
        of.step("paused", 100)
    results, entries = of.step("results"), of.step("entries")

    # The memories are the stream's now, and it is not told to run.
    answers[of.set(LOAD)] = OKAY
    half = -1
    for begun in (False, True):
        half = of.step("part", packet.hex(), 2) if begun else half
        answers[of.write(CONTROL, 1)] = answers[of.write(CONTROL, 3)] = answers[of.set(SEND)] = SLVERR
        answers[of.write(CONTROL, 2)] = answers[of.write(CONTROL, 0)] = answers[of.set(LOAD)] = OKAY
        lent = of.step("read", memory), of.now("parameters")
    # What has begun is over before LOAD is.
    answers[of.set(0)] = OKAY
    of.step("paused", 50)
    still, barred = of.now("parameters"), of.step("read", memory)
    of.step("reset")
    seen_words = of.step("read", 4 * STATUS), of.now("parameters")
    stored = changed(of, rng, words)
    of.load(stored)
    of.step("taking", False)
    answers[of.set(SEND)] = OKAY
    of.step("paused", 50)
    going = of.now("parameters")
    answers[of.set(LOAD)] = answers[of.set(SEND)] = answers[of.write(CONTROL, 1)] = SLVERR
    barred_again = of.step("read", memory)
    answers[of.set(0)] = OKAY
    of.step("reset")
    of.step("taking", True)
    of.step("paused", 100)
    nothing = of.step("results")
    answers[of.set(SEND)] = OKAY
    sent = of.step("comes")
    seen = of.play(simulator, tmp_path)
    assert {k: seen[k] for k in answers} == answers
    n = 2 if part >= 0 else 1
    assert of.told(seen[results]) == of.modelled(samples[:n], seen[entries][0])
    assert [seen[k] for k in (*lent, still)] == [[0, SLVERR], [LOAD, OKAY], [LOAD, OKAY]]
    assert seen[half] < len(packet) // (of.bits // 8)
    assert [seen[k] for k in (barred, barred_again, going)] == [[0, SLVERR], [0, SLVERR], [SEND, OKAY]]
    assert [seen[k] for k in seen_words] == [[3, OKAY], [0, OKAY]]
    assert seen[nothing] == [] and of.stored(seen[sent][1]) == stored
