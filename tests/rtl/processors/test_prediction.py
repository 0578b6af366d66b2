"""The class that a sample is taken for, against its definition."""

import numpy as np
import pytest

from rtl.processors.prediction import Prediction
from tests.rtl.designs import design, row, slots
from tests.rtl.driving import play


def first_best(of, preactivation):
    """The lowest class with the greatest pre-activation."""
    scores = [preactivation[n] for n in of.design.network.output_neurons.tolist()]
    return scores.index(max(scores))


def check(of, clocks_given, n_samples=12):
    rng, n, j = np.random.default_rng(0), of.numbers, of.junctions[-1]
    component, q = Prediction(of, clocks_given), j.results_per_clock
    clocks, expected = [], []
    for sample in range(n_samples):
        # Few different pre-activations, so that several classes are equal.
        s = rng.integers(-2, 2, j.n_right) + (n.preactivation.lowest + 2 if sample % 3 == 0 else 0)
        assert component.model(s) == first_best(of, s.tolist())
        for c in range(j.rows):
            ended = row(j, c).end
            place = {"group": c * j.z // j.d_in // q, "phase": c % j.routing.phases}
            while sample > 3 and rng.random() < 0.3:
                clocks.append({"valid": 0, "preactivation": [n.preactivation.highest] * q} | place)
            if not ended:
                clocks.append({"valid": 0} | place)
                continue
            if j.n_right - 1 in ended:
                expected.append((len(clocks) + component.latency, first_best(of, s.tolist())))
            operands = {"preactivation": slots(j, ended, s, [n.preactivation.highest] * q)}
            clocks.append({"valid": 1} | place | operands)
    seen = play(component, clocks + [{}] * component.latency)
    assert [(t, seen[t].prediction) for t, _ in expected] == expected
    return component


@pytest.mark.parametrize(
    "name", ["two_junctions", "one_junction", "depth_1", "inference", "straddling_ends", "straddling_groups"]
)
@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("pad", ["end", "spread"])
@pytest.mark.parametrize("clocks", [0, 1, 2])
def test_only_classes_are_predicted(name, classes, pad, clocks):
    check(design(name, classes=classes, pad_outputs=pad), clocks)


@pytest.mark.parametrize("clocks", [0, 1, 5])
def test_padding_between_classes_never_leads(clocks):
    of = design("short_beat")
    assert of.class_of_output.tolist() == [0, 1, -1, 2, -1]
    assert of.junctions[-1].groups > 1
    component = check(of, clocks, 30)
    assert component.latency == min(clocks, 2)


@pytest.mark.parametrize(("name", "rows"), [("overlap", 2), ("type_3", 3), ("overlap_three", 4), ("two_junctions", 1)])
@pytest.mark.parametrize("clocks", [0, 1, 2, 3])
def test_a_neuron_that_takes_several_clocks_leaves_one_between_comparing_and_keeping(name, rows, clocks):
    of = design(name)
    assert of.junctions[-1].results_per_clock == 1 and of.junctions[-1].rows_per_neuron == rows
    assert check(of, clocks, 30).latency == min(clocks, 2 if rows > 1 else 1)
