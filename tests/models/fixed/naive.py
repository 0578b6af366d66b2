"""The contract read aloud: fixed-point training in plain Python integers, one edge at a time.

Nothing here is shared with the engine but the description of the network; even narrowing goes through exact fractions.
"""

import math
from fractions import Fraction

from models.network.activations import ACTIVATIONS


def narrow(x: int, drop: int, rounding: str, random: str = "") -> int:
    """``random``: 32 binary digits of which stochastic rounding adds the last ``drop``."""
    exact = Fraction(x) / Fraction(2) ** drop
    if rounding == "stochastic" and drop > 0:
        return math.floor(exact + Fraction(int(random[32 - drop :], 2)) / Fraction(2) ** drop)
    below = math.floor(exact)
    rest = exact - below
    if rounding == "floor" or rest == 0:
        return below
    if rest == Fraction(1, 2):
        return below + 1 if rounding == "half_up" else below + below % 2
    return below + (rest > Fraction(1, 2))


def xorshift(state: int) -> int:
    for move in (lambda x: x * 2**13, lambda x: x // 2**17, lambda x: x * 2**5):
        state = (state ^ move(state)) % 2**32
    return state


class NaiveFixed:
    def __init__(self, network, numbers, parameters, hops, z=(), states=()):
        self.z, self.states = z, [int(state) for state in states]
        self.net, self.num, self.hops = network, numbers, hops
        self.w = [[int(v) for v in w] for w in parameters.weights]
        self.b = [[int(v) for v in b] for b in parameters.biases]
        self.L = len(network.patterns)
        self.flight = {}
        self.t = 0
        self.saturation = {}
        self.predictions, self.outputs = [], []

    def clip(self, x, to, junction, signal):
        y = min(max(x, to.lowest), to.highest)
        if signal and y != x:
            self.saturation[junction, signal] = self.saturation.get((junction, signal), 0) + 1
        return y

    def table(self, junction, s, kind):
        f = ACTIVATIONS[self.net.activations[junction]]
        to = self.num.activation if kind == "value" else self.num.derivative
        real = float(getattr(f, kind)(self.num.preactivation.real([s]))[0])
        return min(max(math.floor(real * to.one + 0.5), to.lowest), to.highest)

    def cycle(self, sample=None):
        """One junction cycle; ``sample`` is (inputs, label, kappa, train) or None for a bubble."""
        self.flight[self.t] = sample and {
            "a": [list(map(int, sample[0]))],
            "d": [None],
            "y": sample[1],
            "k": sample[2],
            "train": sample[3],
        }
        new_w = [list(w) for w in self.w]
        new_b = [list(b) for b in self.b]
        for i in range(1, self.L + 1):
            s = self.flight.get(self.t - self.hops.forward * (i - 1))
            if s:
                self.feedforward(i - 1, s)
        span = self.hops.forward * (self.L - 1) + self.hops.turn
        for i in range(self.L, 0, -1):
            s = self.flight.get(self.t - span - self.hops.backward * (self.L - i))
            if s and s["train"]:
                self.backward(i - 1, s, new_w, new_b)
        self.w, self.b = new_w, new_b
        self.t += 1

    def edges(self, j, right):
        p = self.net.patterns[j]
        return range(int(p.row_start[right]), int(p.row_start[right + 1]))

    def feedforward(self, j, s):
        num, p = self.num, self.net.patterns[j]
        f_p, f_a = num.product_fraction, num.left_activation(j).fraction
        x, pre = s["a"][j], []
        for r in range(p.n_right):
            total = Fraction(self.b[j][r]) * Fraction(2) ** (f_p - num.bias.fraction)
            assert total.denominator == 1 or f_p < num.bias.fraction
            total = math.floor(total)
            for e in self.edges(j, r):
                total += narrow(self.w[j][e] * x[p.left[e]], num.weight.fraction + f_a - f_p, num.rounding["product"])
            wide = narrow(total, f_p - num.preactivation.fraction, num.rounding["preactivation"])
            pre.append(self.clip(wide, num.preactivation, j, "preactivation"))
        s["a"].append([self.table(j, v, "value") for v in pre])
        s["d"].append([self.table(j, v, "derivative") for v in pre])
        if j == self.L - 1:
            scores = [pre[n] for n in self.net.output_neurons]
            self.predictions.append(scores.index(max(scores)))
            self.outputs.append(s["a"][-1])
            if s["train"]:
                s["delta"] = [self.output_delta(j, s, r) for r in range(p.n_right)]

    def output_delta(self, j, s, r):
        num = self.num
        target = num.activation.one if r == self.net.output_neurons[s["y"]] else 0
        error, fraction = s["a"][-1][r] - target, num.activation.fraction
        if self.net.cost == "quadratic":
            error, fraction = error * s["d"][-1][r], fraction + num.derivative.fraction
        return self.clip(narrow(error, fraction - num.delta.fraction, num.rounding["delta"]), num.delta, j, "delta")

    def backward(self, j, s, new_w, new_b):
        num, p = self.num, self.net.patterns[j]
        if j < self.L - 1:
            drop = num.product_fraction + num.derivative.fraction - num.delta.fraction
            s["delta"] = [
                self.clip(narrow(partial * d, drop, num.rounding["delta"]), num.delta, j, "delta")
                for partial, d in zip(s["partial"], s["d"][j + 1], strict=True)
            ]
        delta = s["delta"]
        partial = [0] * p.n_left
        drop = num.weight.fraction + num.delta.fraction - num.product_fraction
        step = num.left_activation(j).fraction + num.delta.fraction - num.weight.fraction + s["k"]
        row = lane = 0
        for r in range(p.n_right):
            for e in self.edges(j, r):
                random = ""
                if self.z:
                    if e // self.z[j] > row:
                        row, self.states[j] = row + 1, xorshift(self.states[j])
                    lane = e % self.z[j]
                    digits = f"{self.states[j]:032b}"
                    random = digits[7 * lane % 32 :] + digits[: 7 * lane % 32]
                partial[p.left[e]] += narrow(self.w[j][e] * delta[r], drop, num.rounding["product"])
                change = narrow(s["a"][j][p.left[e]] * delta[r], step, num.rounding["weight_step"], random)
                new_w[j][e] = self.clip(self.w[j][e] - change, num.weight, j, "weight")
            change = narrow(delta[r], num.delta.fraction - num.bias.fraction + s["k"], num.rounding["bias_step"])
            new_b[j][r] = self.clip(self.b[j][r] - change, num.bias, j, "bias")
        if self.z:
            self.states[j] = xorshift(self.states[j])
        s["partial"] = partial
