"""Deltas of hidden and output neurons against their definitions."""

import numpy as np
import pytest

from rtl.plan.ranges import partial_range
from rtl.plan.widths import partial_shape
from rtl.processors.delta import DeltaSource
from rtl.processors.output_error import OutputError
from tests.models.fixed.naive import narrow
from tests.rtl.designs import DEEP, DEEPEST, NUMBERS, design, row, slots
from tests.rtl.driving import activated, clip, integers, play


def rows_of(j, rng, operands):
    """Clocks of a pass and the row of each; pauses lie between rows, but for neurons that straddle them."""
    for c in range(j.rows):
        of = row(j, c)
        place = {"begins": c * j.z % j.d_in == 0, "phase": c % j.routing.phases}
        # Operands count in the first row of their neurons alone.
        yield {"valid": 1} | place | operands(of.begin), of
        while rng.random() < 0.2 and not j.straddles:
            yield {"valid": 0, "begins": 0} | operands([]), None


STRADDLING = ("straddling", "straddling_groups", "straddling_three", "straddling_deepest")


def hidden_deltas(of, partial, derivative):
    """saturate(narrow(P d)) of every neuron, and whether it was clipped."""
    n = of.numbers
    drop = n.product_fraction + n.derivative.fraction - n.delta.fraction
    wide = [narrow(p * d, drop, n.rounding["delta"]) for p, d in zip(partial, derivative, strict=True)]
    return [clip(w, n.delta) for w in wide], [int(clip(w, n.delta) != w) for w in wide]


def check_hidden(of, j, seed=0):
    rng, n, q = np.random.default_rng(seed), of.numbers, j.results_per_clock
    shape = partial_shape(of, of.junctions[j.number])
    component = DeltaSource(of, j)
    clocks, expected, flags, late = [], [], [], component.latency
    for _ in range(3):
        partial, (_, slope) = integers(rng, partial_range(of, j), j.n_right), activated(rng, of, j, j.n_right)
        delta, clipped = hidden_deltas(of, partial.tolist(), slope.tolist())
        assert [x.tolist() for x in component.model(partial, slope)] == [delta, [bool(c) for c in clipped]]

        def operands(neurons, partial=partial, slope=slope):
            return {
                "partial": slots(j, neurons, partial, integers(rng, shape, q)),
                "derivative": slots(j, neurons, slope, integers(rng, n.derivative, q)),
            }

        for given, of_row in rows_of(j, rng, operands):
            if of_row is not None:
                expected.append((len(clocks) + late, [delta[x] for x in of_row.there]))
                fresh = slots(j, of_row.begin, clipped, [0] * q)
                flags += [fresh] if any(fresh) else []
            clocks.append(given)
    seen = play(component, clocks + [{}] * late)
    assert [(t, seen[t].delta[: len(deltas)]) for t, deltas in expected] == expected
    # Each is counted once, however many rows its neuron takes.
    assert [[s.saturated >> k & 1 for k in range(q)] for s in seen if s.saturated] == flags
    return component


@pytest.mark.parametrize(
    "name", ["two_junctions", "three_junctions", "type_1", "full", "depth_1", "fine_weights", *STRADDLING]
)
def test_hidden_deltas(name):
    of = design(name)
    for j in of.junctions[:-1]:
        check_hidden(of, j)


@pytest.mark.parametrize("numbers", NUMBERS)
def test_formats_and_roundings_of_hidden_deltas(numbers):
    of = design("two_junctions", numbers=numbers)
    check_hidden(of, of.junctions[0])


@pytest.mark.parametrize("multiplier", range(5))
@pytest.mark.parametrize("name", ["two_junctions", "full"])
def test_hidden_deltas_come_after_the_multiplier(name, multiplier):
    of = design(name, latency={"multiplier": multiplier})
    assert check_hidden(of, of.junctions[0]).latency == multiplier


@pytest.mark.parametrize("latency", [{}, DEEP, DEEPEST], ids=["short", "deep", "deepest"])
@pytest.mark.parametrize("name", ["two_junctions", "depth_1", "short_beat", "type_3", *STRADDLING])
def test_stored_deltas_last_for_all_rows_of_their_neurons(name, latency):
    of = design(name, latency=latency)
    j, rng = of.junctions[-1], np.random.default_rng(0)
    component, clocks, expected = DeltaSource(of, j), [], []
    for _ in range(3):
        stored = integers(rng, of.numbers.delta, j.n_right)

        def operands(neurons, stored=stored):
            return {"stored": slots(j, neurons, stored, integers(rng, of.numbers.delta, j.results_per_clock))}

        for given, of_row in rows_of(j, rng, operands):
            if of_row is not None:
                expected.append((len(clocks) + component.latency, stored[of_row.there].tolist()))
            clocks.append(given)
    seen = play(component, clocks + [{}] * component.latency)
    assert [(t, seen[t].delta[: len(deltas)]) for t, deltas in expected] == expected
    assert component.latency == of.config.hardware.latency.multiplier


def output_deltas(of, activation, derivative, label):
    n, neuron_of_class = of.numbers, of.design.network.output_neurons.tolist()
    fraction = n.activation.fraction
    deltas, flags = [], []
    for neuron, (a, d) in enumerate(zip(activation, derivative, strict=True)):
        error = a - (n.activation.one if neuron == neuron_of_class[label] else 0)
        quadratic = of.config.network.cost == "quadratic"
        wide = error * d if quadratic else error
        drop = fraction + (n.derivative.fraction if quadratic else 0) - n.delta.fraction
        wide = narrow(wide, drop, n.rounding["delta"])
        deltas.append(clip(wide, n.delta))
        flags.append(int(deltas[-1] != wide))
    return deltas, flags


def check_output(of, ahead=0, n_samples=12):
    rng, n, j = np.random.default_rng(0), of.numbers, of.junctions[-1]
    component, q = OutputError(of, ahead), j.results_per_clock
    places, operands, expected = [], [], []
    for _ in range(n_samples):
        a, d = activated(rng, of, j, j.n_right)
        label = int(rng.integers(of.config.classes))
        deltas, flags = output_deltas(of, a.tolist(), d.tolist(), label)
        model = component.model(a, d, label)
        assert (model[0].tolist(), model[1].astype(int).tolist()) == (deltas, flags)
        for c in range(j.rows):
            ended = row(j, c).end
            if not ended:
                continue
            expected.append((len(places) + ahead, {x % q: (deltas[x], flags[x]) for x in ended}))
            places.append({"group": c * j.z // j.d_in // q, "phase": c % j.routing.phases, "label": label})
            operands.append(
                {
                    "activation": slots(j, ended, a, integers(rng, n.activation, q)),
                    "derivative": slots(j, ended, d, integers(rng, n.derivative, q)),
                }
            )
    nothing = [{}] * ahead
    seen = play(component, [x | y for x, y in zip(places + nothing, nothing + operands, strict=True)])
    got = [(t, {k: (seen[t].delta[k], seen[t].saturated >> k & 1) for k in there}) for t, there in expected]
    assert got == expected
    assert all(seen[t].saturated >> k & 1 == 0 for t, there in expected for k in range(q) if k not in there)


@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
@pytest.mark.parametrize("numbers", NUMBERS)
def test_formats_and_roundings_of_output_deltas(numbers, cost):
    check_output(design("depth_1", numbers=numbers, cost=cost))


@pytest.mark.parametrize("name", ["two_junctions", "one_junction", "depth_1", "straddling_ends", "straddling_groups"])
@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("pad", ["end", "spread"])
@pytest.mark.parametrize("ahead", [0, 1])
def test_only_the_label_is_to_be_one(name, classes, pad, ahead):
    check_output(design(name, classes=classes, pad_outputs=pad), ahead)
