"""A junction by itself: its neighbours are played, and what its passes give is what its model gives."""

from typing import Any

import numpy as np
import pytest

from rtl.junction import Junction
from rtl.plan.ranges import partial_range
from rtl.ports.row_access import picking
from tests.rtl.designs import DEEP, NONE, design
from tests.rtl.driving import integers, play

DESIGNS: dict[str, dict[str, Any]] = {
    "two_junctions": {},
    "one_junction": {},
    "three_junctions": {"latency": DEEP},
    "type_2_dither": {"numbers": "mixed"},
    "full": {"latency": NONE},
    "results_wrap": {},
    "overlap": {"layers": [16, 8, 4], "out_degree": [4, 4], "z": [4, 2]},
    "inference": {},
}
SAMPLES = 6
SILENT = {"valid": 0, "train": 0, "label": 0, "shift": 0}


class Neighbours:
    """What comes to a junction from both sides, clock by clock, and what it must give.

    Cycle c works on the samples that entered ``forward_lag`` and ``backward_lag`` cycles ago; one of them is a bubble, one
    is for inference. Sample n has bank n modulo the banks everywhere.
    """

    def __init__(self, of, number, rng):
        self.of, self.j, n = of, of.junctions[number - 1], of.numbers
        self.component = Junction.of(of.design, number)
        self.model = self.component.model()
        self.read = of.config.hardware.latency.memory_read
        self.left = integers(rng, self.j.left, SAMPLES, self.j.n_left)
        partial = n.delta if self.j.is_last else partial_range(of, self.j)
        self.partial = integers(rng, partial, SAMPLES, self.j.n_right)
        greatest, classes = of.kappas[1], of.design.network.classes
        self.kappa = rng.integers(of.kappas[0], greatest + 1, SAMPLES).tolist()
        self.tags = [
            {"valid": 1, "train": int(k != 1), "label": int(rng.integers(classes)), "shift": greatest - self.kappa[k]}
            for k in range(SAMPLES)
        ]
        self.tags[3] = SILENT
        self.cycles = SAMPLES + 2 + of.hops.drain(len(of.junctions))
        self.clocks = [{} for _ in range((self.cycles + 1) * of.period + 20)]

    def sample(self, cycle, lag):
        """The sample of a cycle, ``None`` if there is none."""
        n = cycle - 1 - lag
        return n if 0 <= n < SAMPLES and self.tags[n]["valid"] else None

    def tag(self, cycle, lag):
        n = self.sample(cycle, lag)
        return SILENT if n is None else self.tags[n]

    def first(self, cycle):
        """The first clock of a junction cycle; its advance is the clock before."""
        return cycle * self.of.period + 1

    def stimulus(self):
        of, j = self.of, self.j
        for c in range(self.cycles):
            advance = self.clocks[self.first(c) - 1]
            advance |= {"advance": 1, "forward_in": self.tag(c, j.forward_lag)}
            if of.trains and not j.is_last:
                advance |= {"backward_in": self.tag(c, j.backward_lag)}
                self._give_partials(c)
            written = self.sample(c + 1, j.forward_lag)
            if written is not None:
                for clock, write in enumerate(self._writes(written), self.first(c)):
                    self.clocks[clock] |= write
            if of.trains and j.number > 1:
                self._take_partials(c)
        return self.clocks + list(self._reads())

    def _writes(self, n):
        """The left activations of a sample, as the host or the junction before writes them."""
        where = self.before
        for g in range(where.groups):
            words = self.left[n, g * where.per_clock : (g + 1) * where.per_clock].tolist()
            short = where.per_clock - len(words)
            place = {"bank": n % self.j.left_banks} | self._place(where, g)
            enable = sum(1 << (g * where.per_clock + k) % where.memories for k in range(len(words)))
            write = {"valid": 1, "enable": enable, "data": words + [0] * short} | place
            yield {f"inputs_{k}": v for k, v in write.items()}

    @property
    def before(self):
        """How the left layer comes."""
        return self.of.inputs if self.j.number == 1 else self.of.junctions[self.j.number - 2].right

    def _place(self, where, g):
        return {"base": g * where.per_clock // where.memories, "phase": g % where.phases}

    def _give_partials(self, c):
        """The partial deltas of every row's neurons, when the memory of the junction behind would give them."""
        j, n = self.j, self.sample(c, self.j.backward_lag)
        for row in range(j.rows if n is not None else 0):
            neuron = row // j.rows_per_neuron * j.results_per_clock
            self.clocks[self.first(c) + row + self.read]["partial_in_data"] = self.partial[
                n, neuron : neuron + j.results_per_clock
            ]

    def _take_partials(self, c):
        """Partial deltas are asked for when the junction before would."""
        n = self.sample(c - self.of.hops.backward, self.j.backward_lag)
        for g in range(self.before.groups if n is not None else 0):
            place = {"bank": n % self.j.partial_banks} | self._place(self.before, g)
            self.clocks[self.first(c) + g] |= {f"partial_out_{k}": v for k, v in place.items()}

    def _reads(self):
        """All weights, then all biases, through the bus."""
        shapes = ((0, self.model.weights.shape), (1, (self.j.groups, self.j.results_per_clock)))
        for bias, (rows, lanes) in shapes:
            for k in range(rows * lanes):
                place = {"bias": bias, "row": k // lanes, "lane": k % lanes}
                for strobe in (1, 0):
                    yield {f"access_{name}": v for name, v in ({"strobe": strobe} | place).items()}
        yield from [{}] * (1 + self.read + picking(self.of.lanes))

    def expected(self):
        """What every sample must give, in the order of time: results, partial deltas, and the parameters in the end."""
        j, fed, results, partials = self.j, {}, [], []
        for c in range(self.cycles):
            n = self.sample(c, j.forward_lag)
            if n is not None:
                fed[n] = self.model.feedforward(self.left[n])
                results += self._results(self.first(c), n, fed[n])
            n = self.sample(c, j.backward_lag) if self.of.trains else None
            if n is not None and self.tags[n]["train"]:
                stored = self.model.output_deltas(fed[n], self.tags[n]["label"]) if j.is_last else None
                delta = stored if j.is_last else self.model.deltas(self.partial[n], fed[n].derivative)
                partial = self.model.learn(self.left[n], delta, self.kappa[n])
                if partial is not None:
                    partials += self._partials(self.first(c + self.of.hops.backward), partial)
        parameters = [*self.model.weights.ravel().tolist(), *self.model.biases.tolist()]
        word = 1 << max(self.of.numbers.weight.width, self.of.numbers.bias.width)
        return results, partials, [p % word for p in parameters], sum(int(f.saturated.sum()) for f in fed.values())

    def _results(self, first, n, fed):
        """Clock, bank, group and words of a sample's results, and its facts with the last."""
        j = self.j
        for g in range(j.groups):
            clock = first + self.component.latency + g * j.rows_per_neuron
            words = fed.activation[g * j.results_per_clock : (g + 1) * j.results_per_clock].tolist()
            prediction = self.model.prediction(fed) if j.is_last and g == j.groups - 1 else None
            yield clock, n % j.next_banks, g, words, self.tags[n], int(g == j.groups - 1), prediction

    def _partials(self, first, partial):
        where = self.before
        for g in range(where.groups):
            yield first + g + self.read, partial[g * where.per_clock : (g + 1) * where.per_clock].tolist()


def check(of, number):
    world = Neighbours(of, number, np.random.default_rng(number))
    seen = play(world.component, world.stimulus())
    j, (results, partials, parameters, clipped) = world.j, world.expected()
    got = [
        (t, s.results_bank, s.group, s.results_data, s.tag, s.last, s.prediction if j.is_last and s.last else None)
        for t, s in enumerate(seen)
        if s.results_valid
    ]
    assert got == results
    # A short group's last words mean nothing.
    assert [(t, seen[t].partial_out_data[: len(words)]) for t, words in partials] == partials
    assert [s.access_read_word for s in seen][1 - 2 * len(parameters) :: 2] == parameters
    assert sum(s.saturation[0] for s in seen) == clipped
    for c in range(1, world.cycles):  # the neighbours are told what to work on when they begin cycle c
        if not j.is_last:
            behind = of.junctions[number].timing.offset - j.timing.offset
            assert seen[world.first(c) - 1 + behind].forward_out == world.tag(c - 1, j.forward_lag)
        if of.trains and number > 1 and c > of.hops.backward:
            ahead = j.timing.offset - of.junctions[number - 2].timing.offset
            assert seen[world.first(c) - 1 - ahead].backward_out == world.tag(c - of.hops.backward, j.backward_lag)
    return world


@pytest.mark.parametrize("name", DESIGNS)
def test_passes_give_what_the_model_gives(name):
    of = design(name, **DESIGNS[name])
    for number in range(1, len(of.junctions) + 1):
        world = check(of, number)
        initial = of.design.initial_integers.weights[number - 1]
        assert (world.model.weights.ravel() != initial).any() == of.trains
