"""Deltas of hidden and output neurons, and predictions, against their definitions."""

import numpy as np
import pytest

from rtl.plan.widths import partial_shape
from rtl.processors.delta import DeltaSource
from rtl.processors.output_error import OutputError
from tests.models.fixed.naive import narrow
from tests.rtl.designs import DEEP, DEEPEST, NUMBERS, design
from tests.rtl.driving import clip, integers, play

NOISE = -1


def rows_of(j, rng, operands):
    """Clocks of a pass, and the index of the neurons' operands that count in each; pauses lie between rows."""
    for group in range(j.groups):
        for part in range(j.rows_per_neuron):
            # Operands count in the first row of their neurons alone.
            yield {"valid": 1, "begins": part == 0} | operands(group if part == 0 else NOISE), group
            while rng.random() < 0.2:
                yield {"valid": 0, "begins": 0} | operands(NOISE), None


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
        partial, slope = integers(rng, shape, j.n_right), integers(rng, n.derivative, j.n_right)
        delta, clipped = hidden_deltas(of, partial.tolist(), slope.tolist())
        assert [x.tolist() for x in component.model(partial, slope)] == [delta, [bool(c) for c in clipped]]

        def operands(group, partial=partial, slope=slope):
            if group == NOISE:
                return {"partial": integers(rng, shape, q), "derivative": integers(rng, n.derivative, q)}
            return {"partial": partial[group * q :][:q], "derivative": slope[group * q :][:q]}

        for row, group in rows_of(j, rng, operands):
            if group is not None:
                part = slice(group * q, (group + 1) * q)
                expected.append((len(clocks) + late, delta[part]))
                flags += [clipped[part]] if row["begins"] and any(clipped[part]) else []
            clocks.append(row)
    seen = play(component, clocks + [{}] * late)
    assert [(t, seen[t].delta) for t, _ in expected] == expected
    # Each is counted once, however many rows its neuron takes.
    assert [[s.saturated >> k & 1 for k in range(q)] for s in seen if s.saturated] == flags
    return component


@pytest.mark.parametrize("name", ["two_junctions", "three_junctions", "type_1", "full", "depth_1", "fine_weights"])
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
@pytest.mark.parametrize("name", ["two_junctions", "depth_1", "short_beat", "type_3"])
def test_stored_deltas_last_for_all_rows_of_their_neurons(name, latency):
    of = design(name, latency=latency)
    j, rng = of.junctions[-1], np.random.default_rng(0)
    component, clocks, expected = DeltaSource(of, j), [], []
    for _ in range(3):
        stored = integers(rng, of.numbers.delta, j.groups, j.results_per_clock)

        def operands(group, stored=stored):
            return {"stored": integers(rng, of.numbers.delta, j.results_per_clock) if group == NOISE else stored[group]}

        for row, group in rows_of(j, rng, operands):
            if group is not None:
                expected.append((len(clocks) + component.latency, stored[group].tolist()))
            clocks.append(row)
    seen = play(component, clocks + [{}] * component.latency)
    assert [(t, seen[t].delta) for t, _ in expected] == expected
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


def first_best(of, preactivation):
    """The lowest class with the greatest pre-activation."""
    scores = [preactivation[n] for n in of.design.network.output_neurons.tolist()]
    return scores.index(max(scores))


def check_output(of, n_samples=12):
    rng, n, j = np.random.default_rng(0), of.numbers, of.junctions[-1]
    component, q = OutputError(of), j.results_per_clock
    clocks, expected, predictions = [], [], []
    for sample in range(n_samples):
        # Few different pre-activations, so that several classes are equal.
        s = rng.integers(-2, 2, j.n_right) + (n.preactivation.lowest + 2 if sample % 3 == 0 else 0)
        a, d = integers(rng, n.activation, j.n_right), integers(rng, n.derivative, j.n_right)
        label = int(rng.integers(of.config.classes))
        deltas, flags = output_deltas(of, a.tolist(), d.tolist(), label)
        model = component.model(s, a, d, label)
        assert (model[0].tolist(), model[1].astype(int).tolist(), model[2]) == (deltas, flags, first_best(of, s.tolist()))
        for g in range(j.groups):
            while sample > 3 and rng.random() < 0.3:
                clocks.append(
                    {"valid": 0, "group": g, "preactivation": [n.preactivation.highest] * q, "activation": [0] * q}
                )
            part = slice(g * q, (g + 1) * q)
            expected.append((len(clocks), deltas[part], flags[part]))
            if g == j.groups - 1:
                predictions.append((len(clocks), first_best(of, s.tolist())))
            operands = {"preactivation": s[part], "activation": a[part], "label": label}
            clocks.append({"valid": 1, "group": g} | operands | ({"derivative": d[part]} if of.trains else {}))
    seen = play(component, clocks)
    assert [(t, seen[t].prediction) for t, _ in predictions] == predictions
    if of.trains:
        got = [(t, seen[t].delta, [seen[t].saturated >> k & 1 for k in range(q)]) for t, _, _ in expected]
        assert got == expected


@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
@pytest.mark.parametrize("numbers", NUMBERS)
def test_formats_and_roundings_of_output_deltas(numbers, cost):
    check_output(design("depth_1", numbers=numbers, cost=cost))


@pytest.mark.parametrize("name", ["two_junctions", "one_junction", "depth_1", "inference"])
@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("pad", ["end", "spread"])
def test_only_classes_are_predicted(name, classes, pad):
    check_output(design(name, classes=classes, pad_outputs=pad))


def test_padding_between_classes_never_leads():
    of = design("short_beat")
    assert of.class_of_output.tolist() == [0, 1, -1, 2, -1]
    assert of.junctions[-1].groups > 1
    check_output(of, 30)
