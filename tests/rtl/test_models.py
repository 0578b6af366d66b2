"""Components with a state against their models: every output of every clock, whatever comes in that may come."""

import numpy as np
import pytest
from amaranth.hdl import signed

from rtl.control.pacer import Pacer
from rtl.control.position import PositionCounter
from rtl.memories.interleaved import InterleavedMemory
from rtl.memories.partial_deltas import Loop, PartialDeltaMemory
from rtl.memories.row import RowMemory
from rtl.plan.interleaving import Interleaving
from rtl.ports.register_map import CONTROL, ERRORS, RATE, SATURATION
from rtl.ports.registers import Registers
from rtl.ports.results import ResultQueue
from rtl.ports.samples import SampleLoader, sample_layout
from tests.rtl.designs import DEEPEST, NONE, design, planned
from tests.rtl.driving import integers, play

INTERLEAVINGS = {str(sizes): Interleaving(*sizes) for sizes in [(12, 3, 4), (15, 2, 3), (14, 4, 7), (5, 5, 5), (5, 1, 1)]}
for _name, _number in (("straddling", 1), ("straddling_groups", 1), ("straddling_three", 2)):
    INTERLEAVINGS |= {f"{_name}_{way}": getattr(design(_name).junctions[_number - 1], way) for way in ("right", "fresh")}


def check(component, stimulus):
    """Take the model through the clocks of the component; ``None`` is an output that means nothing."""
    model, expected = component.model(), []

    def clocks():
        source = iter(stimulus)
        given = next(source, None)
        while given is not None:
            expected.append(model.clock(**given))
            yield given
            try:
                given = source.send(expected[-1]) if hasattr(source, "send") else next(source)
            except StopIteration:
                given = None

    seen = play(component, clocks())
    assert len(seen) == len(expected) > 0
    for clock, (got, told) in enumerate(zip(seen, expected, strict=True)):
        assert agree(vars(got), told), (clock, vars(got), told)
    return expected


def agree(got, told):
    """Whether all that is told is what was got."""
    if told is None:
        return True
    if isinstance(told, dict):
        return got.keys() == told.keys() and all(agree(got[k], told[k]) for k in told)
    if isinstance(told, list):
        return len(got) == len(told) and all(map(agree, got, told))
    return got == told


@pytest.mark.parametrize("stages", range(4))
@pytest.mark.parametrize(("depth", "banks", "init"), [(5, 1, [0x21, 0x8F, 0x07]), (3, 4, []), (1, 1, [0x78])])
def test_rows_of_which_every_lane_has_an_address(depth, banks, init, stages):
    rng = np.random.default_rng(0)
    clocks = [
        {"read_bank": int(rng.integers(banks)), "read_address": rng.integers(depth, size=2).tolist()}
        | {"write_bank": int(rng.integers(banks)), "write_address": rng.integers(depth, size=2).tolist()}
        | {"write_enable": int(rng.integers(4)), "write_data": integers(rng, signed(4), 2).tolist()}
        for _ in range(120)
    ]
    check(RowMemory(signed(4), 2, depth, banks=banks, stages=stages, init=init, apart=True), clocks)


@pytest.mark.parametrize("stages", range(4))
@pytest.mark.parametrize(("depth", "banks", "init"), [(5, 1, [0x21, 0x8F, 0x07]), (3, 4, []), (1, 3, []), (1, 1, [0x78])])
def test_rows(depth, banks, init, stages):
    rng = np.random.default_rng(0)
    clocks = [
        {"read_bank": int(rng.integers(banks)), "read_address": int(rng.integers(depth))}
        | {"write_bank": int(rng.integers(banks)), "write_address": int(rng.integers(depth))}
        | {"write_enable": int(rng.integers(2)), "write_data": integers(rng, signed(4), 2).tolist()}
        for _ in range(120)
    ]
    check(RowMemory(signed(4), 2, depth, banks=banks, stages=stages, init=init), clocks)


def group(of, rng):
    """A clock of a walk over the neurons."""
    g = int(rng.integers(of.clocks))
    return g, dict(zip(("base", "phase"), PositionCounter(of).model()[g, 1:].tolist(), strict=True))


@pytest.mark.parametrize(("banks", "stages"), [(1, 0), (2, 1), (3, 3), (5, 2)])
@pytest.mark.parametrize("name", INTERLEAVINGS)
def test_interleaved_words(name, banks, stages):
    of, rng, clocks = INTERLEAVINGS[name], np.random.default_rng(0), []
    for _ in range(120):
        g, place = group(of, rng)
        enable = sum(1 << n % of.memories for n in of.walked[g][2]) * int(rng.integers(2))
        clocks.append(
            {"write_enable": enable, "write_bank": int(rng.integers(banks))}
            | {f"write_{k}": v for k, v in place.items()}
            | {"write_data": integers(rng, signed(6), of.per_clock).tolist()}
            | {"read_address": rng.integers(of.depth, size=of.memories).tolist()}
            | {"a_bank": int(rng.integers(banks)), "b_bank": int(rng.integers(banks))}
        )
    # A word of the last address that no neuron has is never written.
    check(InterleavedMemory(of, signed(6), banks, ("a", "b"), stages=stages, lut_ram_depth=8), clocks)


@pytest.mark.parametrize(
    "loop", [Loop(1), Loop(1, 1), Loop(1, 1, 2), Loop(1, 1, 1, 1), Loop(2, behind=1), Loop(2), Loop(3), Loop(4)], ids=str
)
@pytest.mark.parametrize(("banks", "stages", "apart"), [(1, 0, False), (2, 1, True), (3, 2, False)])
@pytest.mark.parametrize("name", INTERLEAVINGS)
def test_partial_deltas_even_where_contributions_are_lost(name, banks, stages, apart, loop):
    """The addresses come at random: with a long loop, some return too early."""
    of, rng, clocks = INTERLEAVINGS[name], np.random.default_rng(0), []
    for _ in range(150):
        _, place = group(of, rng)
        flags = of.memories if apart else 1
        valid, first = (sum(int(rng.random() < share) << k for k in range(flags)) for share in (0.8, 0.3))
        clocks.append(
            {"valid": valid, "first": first, "bank": int(rng.integers(banks))}
            | {"address": rng.integers(of.depth, size=of.memories).tolist()}
            | {"product": integers(rng, signed(5), of.memories).tolist(), "read_bank": int(rng.integers(banks))}
            | {f"read_{k}": v for k, v in place.items()}
        )
    memory = PartialDeltaMemory(of, signed(5), signed(16), banks, loop, stages=stages, lut_ram_depth=8, apart=apart)
    check(memory, clocks)


@pytest.mark.parametrize("share", [0.1, 0.9, 1])
@pytest.mark.parametrize("name", ["two_junctions", "one_row", "overlap"])
def test_the_pacer(name, share):
    of = design(name, **({"latency": NONE} if name == "one_row" else {}))
    rng = np.random.default_rng(0)
    told = check(Pacer(of), [{"go": int(rng.random() < share)} for _ in range(400)])
    assert sum(t["advance"] for t in told) > 2


@pytest.mark.parametrize("rate", [{}, {"rate": 1, "rate_fixed": 1}], ids=["own_rates", "fixed_rate"])
@pytest.mark.parametrize("name", ["two_junctions", "one_row", "short_beat", "beats_wrap", "inference", "combinational"])
def test_the_loader(name, rate):
    of, rng = design(name), np.random.default_rng(0)
    layout = sample_layout(of)

    def stimulus():
        payload, passed = None, 0
        for t in range(600):
            slow = t // 150 % 2
            if payload is None and rng.random() < (0.3 if slow else 0.9):
                words = integers(rng, of.junctions[0].left, of.beat).tolist()
                facts = {name: int(rng.integers(1 << layout[name].width)) for name in ("label", "kappa", "train")}
                payload = {"inputs": words} | facts
            passed += 1
            advance = passed > max(of.period, of.inputs.groups) and rng.random() < 0.7
            passed = 0 if advance else passed
            offered = {} if payload is None else {"samples_valid": 1, "samples_payload": payload}
            told = yield {"advance": int(advance)} | offered | rate
            if offered and told["samples_ready"]:
                payload = None

    told = check(SampleLoader(of), stimulus())
    assert {t["writes_valid"] for t in told} == {0, 1} == {t["waiting"] for t in told}
    assert any(t["illegal_label"] for t in told) == (of.trains and of.design.network.classes & 1 != 0)


@pytest.mark.parametrize("share", [1, 0.4, 0.1])
@pytest.mark.parametrize("name", ["two_junctions", "one_junction", "depth_1", "short_beat"])
def test_the_queue(name, share):
    of, rng = design(name), np.random.default_rng(0)
    last, beats = of.junctions[-1], []

    def stimulus():
        room = 1
        for _ in range(400):
            due = int(rng.random() < 0.8)
            reserve = int(not beats and (room or not due))
            if due and reserve:
                tag = {"valid": 1, "train": int(rng.integers(2)), "label": int(rng.integers(of.config.classes)), "shift": 0}
                for g in range(last.groups):
                    words = integers(rng, of.numbers.activation, last.results_per_clock).tolist()
                    facts = {"last": int(g == last.groups - 1), "prediction": int(rng.integers(of.config.classes))}
                    beats.append({"valid": 1, "outputs": words, "tag": tag} | facts)
            beat = beats.pop(0) if beats and rng.random() < 0.7 else {}
            told = yield {"due": due, "reserve": reserve, "results_ready": int(rng.random() < share)} | beat
            room = told["room"]

    told = check(ResultQueue(of), stimulus())
    assert sum(t["taken"] for t in told) > 4
    assert {t["room"] for t in told} == ({0, 1} if share < 1 else {1})


REGISTERS = {
    "short_last_row": {"layers": [5, 5], "out_degree": [3], "z": [5], "classes": 4},
    "plain": {"layers": [6, 6, 4], "out_degree": [2, 2], "z": [2, 3], "classes": 3},
    "one_junction": {"layers": [6, 4], "out_degree": [2], "z": [3], "latency": DEEPEST},
    "mixed_formats": {"layers": [6, 4], "out_degree": [2], "z": [3], "numbers": "mixed"},
    "without_counters": {"layers": [6, 4], "out_degree": [2], "z": [3], "counters": False},
    "inference": {"layers": [6, 4], "out_degree": [2], "z": [3], "build": "inference"},
}


@pytest.mark.parametrize("name", REGISTERS)
def test_the_registers(name):
    of, rng = planned(**REGISTERS[name]), np.random.default_rng(0)
    component = Registers(of)
    width = max(of.numbers.weight.width, of.numbers.bias.width)

    def request():
        """Any address, those of registers more often than they would come by chance; words that are often legal."""
        some = [CONTROL, RATE, ERRORS, SATURATION, int(rng.integers(30))]
        address = int(rng.choice(some)) if rng.random() < 0.5 else int(rng.integers(1 << component.map.bits))
        word = int(rng.integers(-8, 8)) if rng.random() < 0.8 else int(rng.integers(1 << 32))
        word = int(rng.choice([0, 1])) if address == CONTROL else word
        word = int(rng.integers(of.kappas[0], of.kappas[1] + 2)) + 256 * int(rng.integers(2)) if address == RATE else word
        return {"bus_address": address, "bus_write": int(rng.integers(2)), "bus_write_data": word % (1 << 32)}

    def stimulus():
        asked = None
        for _ in range(6000):
            if asked is None and rng.random() < 0.7:
                asked = {"bus_request": 1} | request()
            events = ("sample", "result", "cycle", "illegal_kappa", "illegal_label")
            given = {event: int(rng.random() < 0.2) for event in events} | {"standing": int(rng.random() < 0.9)}
            given["empty"] = int(rng.integers(2))
            for j in of.junctions:
                given[f"access_{j.number}_read_word"] = int(rng.integers(1 << width))
                given[f"saturation_{j.number}"] = rng.integers(max(j.z, j.results_per_clock) + 1, size=4).tolist()
            told = yield given | (asked or {})
            if told["bus_done"]:
                asked = None

    told = check(component, stimulus())
    assert {t["run"] for t in told} == {0, 1} == {t["rate_fixed"] for t in told}
    assert any(t["access_1_strobe"] and t["access_1_write"] for t in told)
    assert any(t["access_1_strobe"] and t["access_1_bias"] for t in told)
    assert len({t["bus_read_data"] for t in told if t["bus_done"]}) > 50
