"""The walk of docs/architecture.md from a configuration to a word of the Verilog, worked out again."""

import doctest
import math
import re

import numpy as np
import pytest

from hwsim import Design, load
from hwsim.machine.log import Log
from hwsim.vocabulary import EVENT_FIELDS, WEIGHT, WRITE
from models.network.order import FLUSH
from rtl.plan.plan import Plan
from rtl.ports import register_map
from rtl.verilog.files import contents
from rtl.verilog.generate import generate
from tests.documents import ROOT, page, section, table

TEXT = section(page("docs/architecture.md"), "§11")


def test_code_of_the_weight_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    code = re.search(r"<!-- weight -->\n```python\n(.*?)```", TEXT, re.DOTALL)[1]
    example = doctest.DocTestParser().get_doctest(code, {}, "docs/architecture.md §11", None, 0)
    assert doctest.DocTestRunner().run(example).failed == 0


class Weight:
    """Edge 70 of junction 2 of the demo, worked out step by step with plain integers."""

    edge, junction = 70, 2

    def __init__(self, design):
        self.design, self.config = design, design.config
        self.pattern, self.z = design.patterns[1], self.config.hardware.z[1]
        self.row, self.lane = divmod(self.edge, self.z)
        self.left, self.right = int(self.pattern.left[self.edge]), int(self.pattern.right[self.edge])
        self.before = int(design.initial_integers.weights[1][self.edge])
        self.real = float(design.initial_real.weights[1][self.edge])

    def learn(self):
        """What the first training sample makes of it."""
        data = self.design.dataset(None).train
        self.sample = int(self.design.epoch_order(0, len(data))[0])
        self.label = int(data.labels[self.sample])
        self.kappa = self.config.training.kappa(0)
        values = data.integers(self.config.numbers.system.input)[self.sample].astype(np.int64)
        sigmoid = [math.floor(256 / (1 + math.exp(-s / 256)) + 0.5) for s in range(-2048, 2048)]
        for pattern, weights, biases in zip(
            self.design.patterns, self.design.initial_integers.weights, self.design.initial_integers.biases, strict=True
        ):
            self.activations = values
            products = weights.astype(np.int64) * values[pattern.left]
            self.sums = products.reshape(pattern.n_right, -1).sum(1)
            self.preactivations = np.clip((biases.astype(np.int64) * 256 + self.sums + 128) >> 8, -2048, 2047)
            values = np.array([sigmoid[s + 2048] for s in self.preactivations])
        self.bias = int(biases[self.right])
        self.output = int(values[self.right])
        self.delta = self.output - 256 * (self.right == self.label)
        self.a = int(self.activations[self.left])
        self.step = (self.a * self.delta + (1 << (7 + self.kappa))) >> (8 + self.kappa)
        self.after = self.before - self.step


@pytest.fixture(scope="module")
def weight():
    one = Weight(Design(load(ROOT / "sim_configs/demo.yaml")))
    one.learn()
    return one


def minus(text):
    return text.replace("-", "−")


def test_keys_that_decide(weight):
    c = weight.config
    said = TEXT.split("<!-- weight -->")[0]
    assert f"Edge {weight.edge} of junction {weight.junction} of" in said
    for keys in (
        f"`network.layers: {list(c.network.layers)}`",
        f"`out_degree: {list(c.network.out_degree)}`",
        f"`connectivity: {{kind: {c.connectivity.kind}, type: {c.connectivity.type}}}`",
        f"`hardware.z: {list(c.hardware.z)}`",
        f"`seed: {c.seed}`",
    ):
        assert keys in said.replace("\n", " ")


def test_where_the_weight_is(weight):
    w, (c, d) = weight, (weight.pattern.n_edges // weight.z, weight.pattern.n_left // weight.z)
    sweep, clock = divmod(w.row, d)
    seed = int(w.pattern.seeds.address[sweep, 0, w.lane])
    address = (seed + clock) % d
    assert address * w.z + w.lane == w.left and (w.pattern.seeds.memory == np.arange(w.z)).all()
    d_out, n_left, n_right, edges = w.pattern.d_out, w.pattern.n_left, w.pattern.n_right, w.pattern.n_edges
    told = {step: what for step, _, what in table(TEXT, "step")}
    assert told == {
        "degrees": f"d_out = {d_out}, W = {n_left} · {d_out} = {edges}, d_in = {edges} / {n_right} = {w.pattern.d_in}",
        "row and lane": f"C = {edges} / {w.z} = {c} rows; edge {w.edge} = {w.row} · {w.z} + {w.lane} "
        f"is lane {w.lane} of row {w.row}",
        "sweep": f"D = {n_left} / {w.z} = {d}; row {w.row} is clock {clock} of sweep {sweep}; φ_{sweep}[{w.lane}] = {seed}",
        "left neuron": f"memory {w.lane}, address ({seed} + {clock}) mod {d} = {address}: "
        f"neuron {address} · {w.z} + {w.lane} = {w.left}",
        "right neuron": f"{w.edge} div {w.pattern.d_in} = {w.right}",
        "initial weight": f"{w.real:.4f} drawn, {w.before} in the format {w.config.numbers.system.weight}: "
        f"weight_2[{w.edge}] of initial.npz",
    }


def test_what_is_computed_of_the_weight(weight):
    w, f = weight, 8
    assert f"number {w.sample} of the training samples, a {w.label}. " in TEXT
    assert f"f = {f}, f_p = {2 * f} and κ = {w.kappa}:" in TEXT
    assert dict(table(TEXT.split("(`models/fixed/kernel.py`")[1], "step")) == {
        f"activation of left neuron {w.left}": f"a = {w.a}",
        "product, exact": minus(f"{w.before} · {w.a} = {w.before * w.a}"),
        f"pre-activation of right neuron {w.right}": minus(
            f"s = narrow({w.bias} · 2^8 + {w.sums[w.right]}, 8) = {w.preactivations[w.right]}"
        ),
        "its activation": minus(f"A[{w.preactivations[w.right]}] = {w.output}"),
        "its delta": minus(f"{w.output} − 256 = {w.delta}"),
        "weight step": minus(
            f"narrow({w.a} · {w.delta}, {f} + {w.kappa}) = narrow({w.a * w.delta}, {f + w.kappa}) = {w.step}"
        ),
        "new weight": minus(f"{w.before} + {-w.step} = {w.after}"),
    }
    engine = w.design.fixed_engine()
    data = w.design.dataset(None).train[np.array([w.sample])]
    engine.run(engine.samples(data.integers(engine.numbers.input), data.labels), w.kappa)
    engine.drain()
    assert engine.parameters.weights[1][w.edge] == w.after


def test_what_the_machine_does_with_the_weight(weight):
    w, c = weight, weight.config
    log = Log(0, 140)
    machine = w.design.machine(log=log)
    data = w.design.dataset(None).train
    data = data[w.design.epoch_order(0, len(data))[:8]]
    machine.feed(machine.samples(data.integers(c.numbers.system.input), data.labels, w.kappa))
    events = [dict(zip(EVENT_FIELDS, map(int, e), strict=True)) for e in log.events]
    place = {"junction": 2, "memory": WEIGHT, "address": w.row, "lane": w.lane}
    mine = [e for e in events if place.items() <= e.items() and e["clock"] < 140]
    period = machine.timing.period
    told = []
    for e in mine:
        cycle = (e["clock"] - machine.timing.junctions[1].update * (e["access"] == WRITE)) // period - 1
        if e["access"] == WRITE:
            said = f"{e['value']} is written: the update of sample {e['sample']} lands"
            operations_ = "UP"
        else:
            fed, learned = cycle - FLUSH.feedforward_lag(2), cycle - FLUSH.backward_lag(2, 2)
            said = f"{e['value']} is read, for " + (
                f"FF of sample {fed}, BP and UP of sample {learned}" if learned >= 0 else f"sample {fed}"
            )
            operations_ = "FF, BP, UP" if learned >= 0 else "FF"
        told.append([str(e["clock"]), str(cycle), operations_, said])
    assert table(TEXT, "clock") == told
    assert f"| what happens to row {w.row}, lane {w.lane} of the weights of junction {w.junction} |" in TEXT
    assert f"has\n{period} (" in TEXT


def test_word_of_the_weight_in_the_hardware(weight):
    w, of = weight, Plan.of(weight.design)
    told = {what: (where, value) for what, where, value in table(TEXT, "what")}
    bits = w.config.numbers.system.weight.width
    low = bits * w.lane
    assert told["the word in it"][1] == f"bits {low + bits - 1}..{low} of row {w.row}"
    file, digits = told["its initial value"][0], bits // 4
    line = contents(of)[file].splitlines()[w.row]
    word = line[len(line) - digits * (w.lane + 1) : len(line) - digits * w.lane]
    assert int(word, 16) == w.before
    assert told["its initial value"][1] == (
        f"line {w.row + 1}, digits {digits * w.lane + 1} to {digits * (w.lane + 1)} from the right: {word} = {w.before}"
    )
    region = register_map.AddressMap.of(of).weights[1]
    address = region.address(w.edge)
    assert told["its address on the bus"][1] == f"{region.base} + ({w.row} << {region.lane_bits}) + {w.lane} = {address}"


@pytest.mark.slow
def test_names_of_the_weight_in_the_verilog(weight):
    emitted = generate(weight.design)
    told = {what: value for what, _, value in table(TEXT, "what")}
    instance, module = told["instance of the memory"], told["its module"]
    assert emitted.module(tuple(instance.split("."))) == module
    text = emitted.text.split(f"module {module} (")[1].split("endmodule")[0]
    ram, meaning = told["its RAM"].split(": ")
    assert f"{ram};" in text and meaning == f"{weight.pattern.n_edges // weight.z} rows of {weight.z} · 12 bits"
    for name in told["enable, address and data of its write port"].split(", "):
        assert ".".join(emitted.path(emitted.accelerator.named[name])[:-1]) == instance
    low = 12 * weight.lane
    row = re.search(rf"ram\[{weight.row}\] = 384'h([0-9a-f]+);", text)[1]
    assert (int(row, 16) >> low) & 0xFFF == weight.before
