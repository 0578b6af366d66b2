"""Illegal learning-rate shifts and labels among good ones, and values that no word can hold: Verilog and machine agree."""

from typing import Any

import pytest

from rtl.cosim.script import Script
from rtl.ports import register_map
from tests.rtl.cosim.driving import cosimulate, generate, loud, play, samples, verilog
from tests.rtl.cosim.test_grid import OVERLAP_SMALL, sizes
from tests.rtl.designs import DEEP, DESIGNS, OVERLAP, SHORT, planned

TWO = DESIGNS["two_junctions"] | {"numbers": SHORT}
FAST = {
    "shifts and labels": TWO | {"classes": 3},
    "overlap": sizes([16, 8, 4], [4, 4], [4, 2], numbers=SHORT, classes=3, **OVERLAP_SMALL),
}
SLOW = {
    "one shift": TWO | {"rate_shift": ((0, 2),)},
    "one class": TWO | {"classes": 1, "rate_shift": ((0, 0), (1, 4))},
    "classes among padding, two beats of which the last is short": DESIGNS["short_beat"] | {"numbers": SHORT},
    "samples of one beat": DESIGNS["one_row"] | {"numbers": SHORT},
    "registers everywhere": DESIGNS["two_junctions"] | {"numbers": SHORT, "classes": 3, "latency": DEEP},
    "three junctions, overlapping": sizes([16, 8, 8, 8], [4, 4, 4], [4, 2, 2], numbers=SHORT, classes=6, **OVERLAP),
}


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_illegal_samples_do_in_verilog_what_they_do_in_the_machine(name, tmp_path):
    of = planned(**(FAST | SLOW)[name])
    start = loud(of)
    run = cosimulate(generate(of, start), tmp_path, n=24, illegal=0.5, inference=0.2, idle=0.2, blocked=0.3)
    assert run.mismatch is None, str(run.mismatch)
    illegal, config = run.expected.illegal, of.config
    assert (illegal["label"] > 0) == (config.classes < 1 << config.label_bits)
    assert (illegal["kappa"] > 0) == (config.kappa_range != (0, (1 << config.kappa_bits) - 1))
    assert sum(illegal.values()) > 2
    # Some were trained on all the same, and those alone.
    trained = run.outcome.by_memory["weight"] // sum(config.edges)
    assert 0 < trained < samples(of, 24, 0, 0.2).train.sum() == samples(of, 24, 0, 0.2, 0.5).train.sum()


@pytest.mark.slow
def test_with_nothing_but_illegal_samples_no_weight_is_written(tmp_path):
    of = planned(**FAST["shifts and labels"])
    start = loud(of)
    run = cosimulate(generate(of, start), tmp_path, illegal=1.0)
    assert run.mismatch is None, str(run.mismatch)
    assert "weight" not in run.outcome.by_memory
    assert all((a == b).all() for a, b in zip(run.parameters.weights, start.weights, strict=True))


def test_values_that_no_word_can_hold_are_refused(tmp_path):
    """And what follows is as if they had never been written."""
    emitted = verilog("two_junctions")
    of = emitted.accelerator.plan
    where, start = register_map.AddressMap.of(of), loud(of)
    weight, bias = where.weights[0].address(3), where.biases[1].address(1)
    attempts: list[Any] = [(weight, of.numbers.weight.highest + 1), (bias, of.numbers.bias.lowest - 1), (weight, 5000)]
    attempts += [(register_map.RATE, of.kappas[1] + 1 | 1 << register_map.RATE_FIXED), (register_map.CONTROL, 4)]
    fed = samples(of, 8)
    script = Script(of, fed)
    script.load(start)
    script.poke(*zip(*attempts, strict=True))
    script.peek([register_map.ERRORS, register_map.REFUSED_VALUES])
    script.poke([register_map.ERRORS], [0b100])
    script.peek([register_map.ERRORS])
    script.run(8)
    run = play(emitted, script, tmp_path)
    assert run.mismatch is None, str(run.mismatch)
    assert run.reads[:3] == [(0b100, 0), (len(attempts), 0), (0, 0)]
