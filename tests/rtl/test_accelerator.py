"""Whole accelerators against their models: results, and what has been learned."""

import doctest
from pathlib import Path

import numpy as np
import pytest

import rtl
from hwsim.design import Design
from models.errors import InputError
from models.network.parameters import IntegerParameters
from rtl import accelerator, junction_model
from rtl.accelerator import Accelerator
from rtl.accelerator_model import Sample
from rtl.junction import Junction
from rtl.plan.plan import Plan
from rtl.ports.register_map import CONTROL, EMPTY, NO_BUBBLES, RATE, RATE_FIXED, RUN, STANDING, STATUS
from tests.rtl.designs import DEEP, NONE, configuration, design
from tests.rtl.host import Host, beats_of, random_parameters, random_samples, words_of

DESIGNS = {
    "one_junction": ("one_junction", {}),
    "two_junctions": ("two_junctions", {"classes": 3}),
    "three_junctions": ("three_junctions", {"latency": DEEP}),
    "dither": ("type_2_dither", {"layers": [12, 6, 4], "out_degree": [2, 2], "z": [4, 3]}),
    "overlap": ("overlap", {"layers": [16, 8, 4], "out_degree": [4, 4], "z": [4, 2]}),
    "quadratic": ("quadratic", {}),
    "mixed_formats": ("mixed_formats", {"latency": NONE}),
    "fine_weights": ("fine_weights", {}),
    "short_beat": ("short_beat", {}),
    "inference": ("inference", {}),
    "straddling": ("straddling_three", {"layers": [6, 9, 6, 4], "out_degree": [3, 4, 2], "z": [3, 9, 3]}),
    "straddling_groups": ("straddling_groups", {}),
    "straddling_ends": ("straddling_ends", {}),
    "clashing": ("clashing", {}),
    "clashing_straddling": ("clashing_straddling", {}),
    "clashing_inference": ("clashing_inference", {}),
    "one_lane": ("one_lane", {}),
}


def play(of, samples, parameters, rate=None):
    """Results and parameters of an accelerator that is loaded, fed and read back; and its clocks and model."""
    host, after = Host(of), []
    model = host.accelerator.model()

    async def scenario(host):
        await host.load(parameters)
        if rate is not None:
            await host.write(RATE, rate | 1 << RATE_FIXED)
        await host.train(samples)
        after.extend(await host.read_parameters())

    host.play(scenario)
    return host, after, model


def told(results):
    """Results as the stream gives them: a sample's facts come with its last beat."""
    return [(r.outputs, r.prediction, r.label, r.train) for r in results]


def got(of, beats):
    """Results as they came out, beat by beat."""
    groups = of.junctions[-1].groups
    samples = [beats[k : k + groups] for k in range(0, len(beats), groups)]
    facts, n = ("prediction", "label", "train"), of.junctions[-1].n_right
    outputs = [[x for beat in sample for x in beat["outputs"]][:n] for sample in samples]
    return [(words, *(sample[-1][k] for k in facts)) for words, sample in zip(outputs, samples, strict=True)]


@pytest.mark.parametrize(("name", "rate"), [*((name, None) for name in DESIGNS), ("two_junctions", 3)])
def test_results_and_parameters_are_the_models(name, rate):
    """Some samples have labels or learning-rate shifts that are illegal; of the parameters, many come to be clipped."""
    base, changes = DESIGNS[name]
    of = design(base, **changes)
    rng = np.random.default_rng(0)
    samples, parameters = random_samples(of, 7, rng), random_parameters(of, rng)
    samples[2] |= {"kappa": 0, "train": 1}  # 0 may lie below the least
    samples[3] |= {"label": (1 << of.config.label_bits) - 1, "train": 1}
    host, after, model = play(of, samples, parameters, rate)
    model.parameters, model.rate = parameters, rate
    results = model.run(Sample(**s) for s in samples)
    assert got(of, host.results) == told(results)
    assert len(results) == len(samples)
    assert after == words_of(model.parameters)
    assert (after != words_of(parameters)) == of.trains


def test_a_model_begins_with_the_initial_parameters():
    of = design("two_junctions")
    model = Accelerator.of(of.design).model()
    assert words_of(model.parameters) == words_of(of.design.initial_integers)
    assert isinstance(model.parameters, IntegerParameters)


def test_a_design_without_hardware_gives_no_component():
    random = Design(configuration([12, 12], [4], [3], connectivity={"kind": "random"}))
    for make in (Plan.of, Accelerator.of, lambda design: Junction.of(design, 1)):
        with pytest.raises(InputError, match=r"connectivity\.kind"):
            make(random)


def test_bubbles_change_nothing_but_when_results_come():
    """As long as no sample is under way when they come: those that are see fewer updates."""
    of = design("two_junctions")
    samples = [Sample(**s) for s in random_samples(of, 3, np.random.default_rng(0))]
    at_once, apart = (Accelerator.of(of.design).model() for _ in range(2))
    results = [at_once.run([s]) for s in samples]
    drained = [apart.run([None, s, None, None]) for s in samples]
    assert results == drained
    assert words_of(at_once.parameters) == words_of(apart.parameters)


@pytest.mark.parametrize(
    ("name", "no_bubbles"), [("two_junctions", 1), ("overlap", 1), ("three_junctions", 1), ("overlap", 0)]
)
def test_late_samples_without_bubbles_teach_what_a_stream_without_gaps_does(name, no_bubbles):
    """And something else with them: else nothing would be shown."""
    base, changes = DESIGNS[name]
    of, rng = design(base, **changes), np.random.default_rng(1)
    samples, parameters = random_samples(of, 9, rng, train=1), random_parameters(of, rng)
    samples = [s | {"kappa": of.kappas[0]} for s in samples]
    host, after = Host(of), []

    async def scenario(host):
        await host.load(parameters)
        await host.write(CONTROL, 1 << RUN | no_bubbles << NO_BUBBLES)
        for sample in samples:
            for beat in beats_of(of, sample):
                host.beats.append(beat)
                for _ in range(int(rng.integers(2 * of.period + 3))):
                    await host.ctx.tick()
        while host.beats:
            await host.ctx.tick()
        await host.write(CONTROL, 1 << RUN)
        await host.until(STATUS, EMPTY)
        await host.write(CONTROL, 0)
        await host.until(STATUS, STANDING)
        after.extend(await host.read_parameters())

    host.play(scenario)
    model = host.accelerator.model()
    model.parameters = parameters
    results = model.run(Sample(**s) for s in samples)
    same = (got(of, host.results) == told(results), after == words_of(model.parameters))
    assert same == (bool(no_bubbles),) * 2


@pytest.mark.parametrize("name", ["two_junctions", "overlap", "inference"])
def test_the_first_result_comes_after_the_stated_clocks(name):
    """Counted from the first junction cycle, which loads a sample that has been waiting for it."""
    of = DESIGNS[name]
    host, seen = Host(design(of[0], **of[1])), {}

    async def scenario(host):
        ctx, unit = host.ctx, host.accelerator
        host.beats.extend(beats_of(host.plan, random_samples(host.plan, 1, np.random.default_rng(0))[0]))
        while host.beats:
            await ctx.tick()
        await host.write(CONTROL, 1)
        while host.advances == 0:
            await ctx.tick()
        for clock in range(unit.latency + 10):
            if ctx.get(unit.results.valid):
                seen["latency"] = clock
                return
            await ctx.tick()

    host.play(scenario)
    assert seen["latency"] == host.accelerator.latency


@pytest.mark.parametrize("described", [accelerator, junction_model], ids=lambda module: module.__name__)
def test_the_examples_of_the_documentation(described, monkeypatch):
    monkeypatch.chdir(Path(rtl.__file__).parents[1])  # configurations are named from there
    outcome = doctest.testmod(described)
    assert outcome.attempted > 10 and not outcome.failed
