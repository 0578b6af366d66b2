"""Queues between two clocks, and their reset, against their models: with edges in any order, and with two real clocks."""

from itertools import count

import numpy as np
import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from rtl.blocks.crossing import Crossing
from rtl.blocks.joint_reset import JointReset, JointResetModel
from rtl.proofs.ticked import Ticked
from tests.rtl.test_models import check

CLOCKS = {
    "shifted": (1000, 1000, 250),
    "three_to_one": (300, 900, 0),
    "one_to_three": (900, 300, 77),
    "uneven": (700, 500, 1),
}
"""Periods of writer and reader, and how much later the reader begins."""


@pytest.mark.parametrize("depth", [2, 4, 16])
@pytest.mark.parametrize("ticks", [(0.9, 0.9), (0.9, 0.2), (0.2, 0.9)], ids=["alike", "fast_writer", "fast_reader"])
def test_words_cross_at_edges_in_any_order(depth, ticks):
    rng, w, r = np.random.default_rng(depth), *ticks
    stimulus = [
        {"w_tick": int(rng.random() < w), "r_tick": int(rng.random() < r), "part_w_data": int(rng.integers(64))}
        | {"part_w_en": int(rng.random() < 0.8), "part_r_en": int(rng.random() < (0.8 if k // 150 % 2 else 0.1))}
        for k in range(900)
    ]
    told = check(Ticked(Crossing(6, depth)), stimulus)
    assert {(t["part_w_rdy"], t["part_r_rdy"]) for t in told} >= {(0, 1), (1, 0), (1, 1)}
    assert any(t["part_w_holds"] and not t["part_r_holds"] for t in told)


@pytest.mark.parametrize("name", CLOCKS)
def test_words_cross_between_two_clocks(name):
    """The simulator has the clocks here; the model is told of their edges in the order in which they come."""
    (w_period, r_period, phase), rng, n, depth = CLOCKS[name], np.random.default_rng(0), 300, 8
    queue, seen = Crossing(6, depth), {}
    w_given = [{"w_en": int(rng.random() < 0.8), "w_data": int(rng.integers(64))} for _ in range(n)]
    r_given = [{"r_en": int(rng.random() < (0.9 if k // 50 % 2 else 0.2))} for k in range(n)]
    top = Module()
    top.domains += [ClockDomain(name, reset_less=True) for name in ("write", "read")]
    top.submodules.queue = queue
    simulator = Simulator(top)
    simulator.add_clock(w_period * 1e-12, phase=1000e-12, domain="write")
    simulator.add_clock(r_period * 1e-12, phase=(1000 + phase) * 1e-12, domain="read")

    def side(domain, inputs, outputs):
        async def bench(ctx):
            for k, given in enumerate(inputs):
                for port, value in given.items():
                    ctx.set(getattr(queue, port), value)
                await ctx.tick(domain)
                seen[domain, k] = {port: ctx.get(getattr(queue, port)) for port in outputs}

        return bench

    simulator.add_testbench(side("write", w_given, ("w_rdy", "w_holds")))
    simulator.add_testbench(side("read", r_given, ("r_rdy", "r_data", "r_holds")))
    simulator.run()

    model, taken = queue.model(), 0
    edges = {("write", k): 1000 + k * w_period for k in range(n)} | {
        ("read", k): 1000 + phase + k * r_period for k in range(n)
    }
    ends = min(edges["write", n - 1], edges["read", n - 1])  # the clocks go on, with inputs that nobody changes any more
    for time in sorted({at for at in edges.values() if at <= ends}):
        now = [edge for edge, at in edges.items() if at == time]
        given = {f"{domain[0]}_tick": 1 for domain, _ in now}
        for domain, k in now:
            given |= (w_given if domain == "write" else r_given)[k]
        before = model.clock(**given)
        taken += bool(given.get("r_en") and before["r_rdy"])
        told = model.clock()
        for edge in now:
            assert all(told[port] in (None, value) for port, value in seen[edge].items()), (edge, seen[edge], told)
    assert taken > 30


@pytest.mark.parametrize("ratio", [(1, 1), (2, 1), (1, 2), (5, 7)], ids=str)
def test_one_word_passes_in_every_clock_of_the_slower_side(ratio):
    """With 8 places, though the other side knows late of what is taken and put."""
    shifts = zip(ratio, (0, 0.3), strict=True)
    edges = sorted(((k + shift) / rate, side) for side, (rate, shift) in enumerate(shifts) for k in range(40 * rate))
    both = {"part_w_en": 1, "part_w_data": 5, "part_r_en": 1}
    stimulus = ({"w_tick": int(not side), "r_tick": side} | both for _, side in edges)
    told = check(Ticked(Crossing(4, 8)), stimulus)
    passed = [(t["part_w_rdy"], t["part_r_rdy"]) for t in told]
    slow = int(ratio[0] >= ratio[1])  # which side has fewer edges: the reader, if they have as many
    settled = [p[slow] for (_, side), p in zip(edges, passed, strict=True) if side == slow][12:]
    assert len(settled) > 20 and all(settled), settled


def test_a_word_is_there_when_it_is_said_to_be():
    model = Crossing(4, 4).model()
    model.clock(w_tick=1, w_en=1, w_data=9)
    waited = next(k for k in count() if model.clock(r_tick=1)["r_rdy"])
    assert waited == Crossing.latency


@pytest.mark.parametrize("ticks", [(0.9, 0.9), (0.9, 0.2), (0.2, 0.9)], ids=["alike", "fast_bus", "fast_core"])
def test_both_sides_are_reset_whichever_is_asked(ticks):
    rng, w, r = np.random.default_rng(1), *ticks
    stimulus = [
        {"w_tick": int(rng.random() < w), "r_tick": int(rng.random() < r)}
        | {f"part_{side}_reset": int(rng.random() < (0.02 if k // 200 % 2 else 0.2)) for side in ("bus", "core")}
        for k in range(1600)
    ]
    told = check(Ticked(JointReset("write", "read")), stimulus)
    seen = {(t["part_closed"], t["part_bus_held"], t["part_core_held"]) for t in told}
    assert seen >= {(0, 0, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1)} and (0, 0, 1) not in seen and (0, 1, 0) not in seen


@pytest.mark.parametrize("side", ["bus", "core"])
@pytest.mark.parametrize("ratio", [1, 3, 0.3, 20, 0.05])
def test_a_reset_of_one_clock_is_over_when_it_is_said_to_be(side, ratio):
    for phase in (0.01, 0.37, 0.99):
        model, began, ended = JointResetModel(), None, None
        both = 1 + ratio
        edges = [(k, 0) for k in range(round(60 * both))] + [(k * ratio + phase, 1) for k in range(round(60 * both / ratio))]
        for time, which in sorted(edges):
            asks = time > 30 * both and began is None and which == ("bus", "core").index(side)
            told = model.clock(w_tick=int(not which), r_tick=which, **({f"{side}_reset": 1} if asks else {}))
            began = time if asks else began
            closed_too_late = began is not None and not told["closed"] and time - began > 4 + 2 * ratio
            if closed_too_late:
                ended = time
                break
        # Each way between the clocks may take a clock more where a change is caught late.
        assert ended is not None and ended - began <= 10 * both, (began, ended)
