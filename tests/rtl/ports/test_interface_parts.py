"""The parts of an AXI or Wishbone interface against their models, clock by clock, whatever comes in that may come."""

import numpy as np
import pytest

from rtl.blocks.gear import Gear
from rtl.blocks.store import Store
from rtl.plan.plan import Plan
from rtl.ports.axi_lite import AxiLite
from rtl.ports.axi_stream import ResultSource, SampleSink
from rtl.ports.interface_registers import InterfaceRegisters, words
from rtl.ports.interface_table import PARAMETERS, interface_base
from rtl.ports.register_map import CONTROL, STATUS
from rtl.ports.wishbone import Wishbone
from tests.rtl.designs import design
from tests.rtl.driving import integers
from tests.rtl.ports.packets import packet_beats
from tests.rtl.test_models import check

WIDE = {"width": 18, "fraction": 8, "product_fraction": 16, "preactivation": {"width": 8, "fraction": 4}}
"""Inputs and outputs of four bytes."""
STREAMS = {
    "bytes": ("two_junctions", 32, {}),
    "a_beat_is_a_byte": ("two_junctions", 8, {}),
    "a_number_is_two_beats": ("one_junction", 8, {"numbers": "floor"}),
    "halves": ("three_junctions", 16, {"numbers": "floor"}),
    "odd_beats": ("short_beat", 32, {}),
    "wide": ("short_beat", 128, {}),
    "two_bytes": ("beats_wrap", 64, {"numbers": "half_even"}),
    "everything_at_once": ("one_row", 512, {}),
    "four_bytes": ("one_junction", 64, {"numbers": WIDE}),
    "inference": ("inference", 32, {}),
    "padded_outputs": ("straddling_groups", 64, {}),
}


STREAM_OF_PARAMETERS = {"loading": 0.1, "sending": 0.1, "loaded": 0.5, "quiet": 0.7}
"""How often what is said of it."""


def planned(name: str) -> Plan:
    base, beat_bits, changes = STREAMS[name]
    return design(base, interface="axi", beat_bits=beat_bits, **changes)


@pytest.mark.parametrize("depth", [1, 2, 5, 8])
def test_the_store(depth):
    """Words are kept now and then, dropped now and then, and taken at any speed."""
    rng, store = np.random.default_rng(depth), Store(8, depth, 4)

    def stimulus():
        model = store.model()
        for t in range(800):
            slow = t // 100 % 2
            verdict = int(rng.integers(6))
            given = {"w_data": int(rng.integers(256)), "keep": int(verdict == 0), "drop": int(verdict == 1)}
            given |= {"r_en": int(rng.random() < (0.2 if slow else 0.9))}
            given |= {"w_en": int(model.outputs["room"] and rng.random() < 0.8)}
            model.clock(**given)
            yield given

    told = check(store, stimulus())
    assert {t["room"] for t in told} == {0, 1} == {t["r_rdy"] for t in told}


@pytest.mark.parametrize(
    "sizes", [(4, 4, 8), (4, 3, 15), (3, 4, 15), (1, 4, 6), (8, 2, 13), (6, 4, 10), (2, 6, 5), (16, 4, 4)]
)
def test_the_gear(sizes):
    taken, given, total = sizes
    rng, gear = np.random.default_rng(0), Gear(5, taken, given, total)

    def stimulus():
        offered = None
        for t in range(600):
            slow = t // 100 % 3
            if offered is None and rng.random() < (0.3 if slow == 1 else 1):
                offered = rng.integers(32, size=taken).tolist()
            beats = {"beats_valid": 1, "beats_payload": offered} if offered else {}
            told = yield beats | {"words_ready": int(rng.random() < (0.3 if slow == 2 else 1))}
            if told["beats_ready"]:
                offered = None

    told = check(gear, stimulus())
    packets = sum(t["words_valid"] and t["words_payload"]["last"] for t in told)
    assert packets > 20
    busiest = max(gear.beats_taken, gear.beats_given)
    first = [t["words_valid"] for t in told[:100]]
    assert sum(first) >= 100 * gear.beats_given // busiest - gear.beats_given - 1  # not a clock is lost


@pytest.mark.parametrize("name", STREAMS)
def test_samples_come_in(name):
    """Packets of the right length and others, with legal words and others."""
    of, rng = planned(name), np.random.default_rng(0)
    sink = SampleSink(of)

    def stimulus():
        beats = []
        for t in range(1500):
            slow = t // 250 % 2
            beats = beats or packet_beats(sink.packet, of, rng)
            offered = rng.random() < (0.4 if slow else 0.95)
            beat = {"s_axis_tvalid": 1, "s_axis_tdata": beats[0][0], "s_axis_tlast": beats[0][1]} if offered else {}
            told = yield beat | {"samples_ready": int(rng.random() < (0.9 if slow else 0.5))}
            if offered and told["s_axis_tready"]:
                beats.pop(0)

    told = check(sink, stimulus())
    for event in ("samples_valid", "misframed", "unfit", "waiting"):
        assert {t[event] for t in told} == {0, 1}, event
    assert any(t["refused"] for t in told)


@pytest.mark.parametrize("name", STREAMS)
def test_results_go_out(name):
    of, rng = planned(name), np.random.default_rng(0)
    last = of.junctions[-1]

    def stimulus():
        group, beat = 0, None
        for t in range(800):
            slow = t // 100 % 2
            if beat is None and rng.random() < 0.8:
                outputs = integers(rng, of.numbers.activation, last.results_per_clock).tolist()
                beat = {
                    "outputs": outputs,
                    "prediction": int(rng.integers(of.config.classes)),
                    "train": int(rng.integers(2)),
                }
                beat |= {"label": int(rng.integers(1 << of.config.label_bits)), "last": int(group == last.groups - 1)}
            offered = {"results_valid": 1, "results_payload": beat} if beat else {}
            told = yield offered | {"m_axis_tready": int(rng.random() < (0.3 if slow else 0.95))}
            if beat and told["results_ready"]:
                group, beat = (group + 1) % last.groups, None

    told = check(ResultSource(of), stimulus())
    assert sum(bool(t["m_axis_tlast"]) for t in told) > 10


def requests(rng, greatest, n):
    """Something to ask for: any word, the last ones more often than they would come by chance."""
    for _ in range(n):
        at = int(rng.integers(greatest)) if rng.random() < 0.5 else greatest - 1 - int(rng.integers(12))
        yield at, int(rng.choice([0, 1, 2, 4, 7, 8])) if rng.random() < 0.7 else int(rng.integers(1 << 32))


@pytest.mark.parametrize("streams", [False, True])
def test_registers(streams):
    of, rng = design("two_junctions", interface="axi", parameter_stream=streams), np.random.default_rng(0)
    component = InterfaceRegisters(of, 3)
    base = interface_base(of)

    def stimulus():
        asked, waiting, ends, inside = None, 0, 0, 0
        for _ in range(4000):
            if asked is None and rng.random() < 0.7:
                at, word = next(requests(rng, words(of) + 2, 1))
                at = int(rng.choice([STATUS, CONTROL, base + PARAMETERS.address])) if rng.random() < 0.4 else at
                asked = {"bus_request": 1, "bus_write": int(rng.integers(2)), "bus_address": at, "bus_write_data": word}
                waiting = int(rng.integers(1, 4))
            # What is passed on is what the model says: whether it is follows from registers alone.
            inner = asked is not None and asked["bus_address"] < base and inside
            ends = inner and waiting == 0
            waiting -= inner and not ends
            given = {event: int(rng.random() < 0.05) for event in ("misframed", "refused", "unfit", "illegal")}
            given |= {name: int(rng.integers(2)) for name in ("waiting", "result", "empty")} | {
                "level": int(rng.integers(8))
            }
            given |= {"inner_done": int(ends), "inner_error": int(ends and rng.random() < 0.2)}
            given |= {"inner_read_data": int(rng.integers(1 << 32))}
            if streams:
                given |= {"waiting": int(rng.random() < 0.1)}
                given |= {name: int(rng.random() < often) for name, often in STREAM_OF_PARAMETERS.items()}
            told = yield given | (asked or {})
            inside = told["inner_request"]
            if told["bus_done"]:
                asked, inside = None, 0

    told = check(component, stimulus())
    assert {t["interrupt"] for t in told} == {0, 1} == {t["bus_error"] for t in told}
    assert not streams or {t["load"] for t in told} == {0, 1} == {t["send"] for t in told}


def answered(rng, told, state):
    """The bus behind a bridge: requests take some clocks."""
    if not told.get("bus_request"):
        state["left"] = int(rng.integers(1, 4))
        return {}
    state["left"] -= 1
    if state["left"]:
        return {}
    state["left"] = int(rng.integers(1, 4))
    return {"bus_done": 1, "bus_error": int(rng.integers(4) == 0), "bus_read_data": int(rng.integers(1 << 32))}


@pytest.mark.parametrize("speed", [0.3, 1])
def test_axi_lite(speed):
    """Addresses and words of writes come in any order, reads among them, and answers are taken at any time."""
    of, rng = planned("bytes"), np.random.default_rng(0)
    bridge = AxiLite(of)

    def stimulus():
        aw = w = ar = None
        told, state, model = {}, {"left": 1}, bridge.model()
        for _ in range(4000):
            if aw is None and rng.random() < speed:
                aw = {"s_axi_awvalid": 1, "s_axi_awaddr": int(rng.integers(4 * (words(of) + 9)))}
            if w is None and rng.random() < speed:
                strobes = 15 if rng.random() < 0.7 else int(rng.integers(16))
                w = {"s_axi_wvalid": 1, "s_axi_wdata": int(rng.integers(1 << 32)), "s_axi_wstrb": strobes}
            if ar is None and rng.random() < speed:
                ar = {"s_axi_arvalid": 1, "s_axi_araddr": int(rng.integers(4 * (words(of) + 9)))}
            given = (aw or {}) | (w or {}) | (ar or {})
            given |= {"s_axi_bready": int(rng.random() < speed), "s_axi_rready": int(rng.random() < speed)}
            # What the bus is asked follows from no input of the clock.
            given |= answered(rng, told, state)
            told_now = yield given
            model.clock(**given)
            told = {"bus_request": model.requests}
            aw, w, ar = (
                None if told_now[f"s_axi_{name}ready"] else held for name, held in (("aw", aw), ("w", w), ("ar", ar))
            )

    told = check(bridge, stimulus())
    for channel in ("b", "r"):
        assert {t[f"s_axi_{channel}resp"] for t in told} == {None, 0, 2, 3}


def test_wishbone():
    of, rng = planned("bytes"), np.random.default_rng(0)
    bridge = Wishbone(of)

    def stimulus():
        asked, told, state, model = None, {}, {"left": 1}, bridge.model()
        for _ in range(4000):
            if asked is None and rng.random() < 0.7:
                strobes = 15 if rng.random() < 0.7 else int(rng.integers(16))
                asked = {"wb_cyc": 1, "wb_stb": 1, "wb_we": int(rng.integers(2)), "wb_sel": strobes}
                asked |= {"wb_adr": int(rng.integers(words(of) + 9)), "wb_dat_w": int(rng.integers(1 << 32))}
            elif asked is not None and rng.random() < 0.05:
                asked = None  # given up
            given = (asked or {}) | answered(rng, told, state)
            told_now = yield given
            model.clock(**given)
            told = {"bus_request": model.requests}
            if told_now["wb_ack"] or told_now["wb_err"]:
                asked = None

    told = check(bridge, stimulus())
    assert {t["wb_ack"] for t in told} == {0, 1} == {t["wb_err"] for t in told}
