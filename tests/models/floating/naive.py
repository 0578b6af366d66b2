"""A naive float engine that walks dictionaries of edges, and small networks, parameters and samples to compare it on."""

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from models.connectivity.pattern import Pattern
from models.network.network import Network
from models.network.parameters import RealParameters


def full(n_left, n_right):
    return Pattern.regular(n_left, n_right, np.tile(np.arange(n_left), n_right))


def ragged(n_left, n_right, rng, density=0.5):
    """Degrees left to chance; right neuron 1 and left neuron 0 have no edge at all."""
    joined = rng.random((n_right, n_left)) < density
    joined[1], joined[:, 0] = False, False
    right, left = np.nonzero(joined)
    starts = np.searchsorted(right, np.arange(n_right + 1))
    return Pattern(n_left, n_right, left.astype(np.int32), starts.astype(np.int64))


def make_network(layers, hidden="sigmoid", output="sigmoid", cost="cross_entropy", kind="full", classes=None, seed=0):
    rng = np.random.default_rng(seed)
    pairs = list(pairwise(layers))
    patterns = tuple(full(a, b) if kind == "full" else ragged(a, b, rng) for a, b in pairs)
    outputs = np.arange(layers[-1]) if classes is None else np.array(classes)
    return Network(patterns, (hidden,) * (len(pairs) - 1) + (output,), cost, outputs)


def some_parameters(network, seed=1, scale=0.7):
    rng = np.random.default_rng(seed)
    return RealParameters(
        [rng.normal(0, scale, p.n_edges) for p in network.patterns],
        [rng.normal(0.1, scale, p.n_right) for p in network.patterns],
    )


def some_samples(network, n, seed=2, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return rng.random((n, network.layers[0])).astype(dtype), rng.integers(0, network.classes, n)


VALUE = {
    "sigmoid": lambda s: 1 / (1 + math.exp(-s)),
    "tanh": math.tanh,
    "relu": lambda s: max(s, 0.0),
    "clipped_relu": lambda s: min(max(s, 0.0), 1.0),
}
SLOPE = {
    "sigmoid": lambda s: math.exp(-s) / (1 + math.exp(-s)) ** 2,
    "tanh": lambda s: 1 / math.cosh(s) ** 2,
    "relu": lambda s: float(s > 0),
    "clipped_relu": lambda s: float(0 < s < 1),
}


@dataclass
class Junction:
    """Weights by (right, left) and biases by right neuron."""

    weights: dict[tuple[int, int], float]
    biases: list[float]

    def copy(self):
        return Junction(dict(self.weights), list(self.biases))


@dataclass
class Naive:
    """One sample at a time, one edge at a time."""

    network: Network
    junctions: list[Junction]
    predictions: list[int] = field(default_factory=list)
    loss: float = 0.0

    @classmethod
    def of(cls, network, parameters):
        junctions = []
        for p, w, b in zip(network.patterns, parameters.weights, parameters.biases, strict=True):
            edges = zip(p.right.tolist(), p.left.tolist(), strict=True)
            junctions.append(Junction(dict(zip(edges, w.tolist(), strict=True)), b.tolist()))
        return cls(network, junctions)

    def forward(self, sample, junctions):
        """Pre-activations of layers 1..L and activations of layers 0..L."""
        sums, values = [], [list(map(float, sample))]
        for junction, name in zip(junctions, self.network.activations, strict=True):
            s = list(junction.biases)
            for (right, left), w in junction.weights.items():
                s[right] += w * values[-1][left]
            if name == "softmax":
                total = sum(math.exp(s[k]) for k in self.network.output_neurons)
                a = [math.exp(x) / total if j in self.network.output_neurons else 0.0 for j, x in enumerate(s)]
            else:
                a = [VALUE[name](x) for x in s]
            sums.append(s)
            values.append(a)
        return sums, values

    def judge(self, sums, values, label):
        """Count the sample; its output deltas."""
        classes = self.network.output_neurons.tolist()
        scores = [sums[-1][j] for j in classes]
        self.predictions.append(scores.index(max(scores)))
        target = [1.0 if j == classes[label] else 0.0 for j in range(len(values[-1]))]
        error = [a - y for a, y in zip(values[-1], target, strict=True)]
        name = self.network.activations[-1]
        if self.network.cost == "quadratic":
            self.loss += sum(e * e for e in error) / 2
            return [e * SLOPE[name](s) for e, s in zip(error, sums[-1], strict=True)]
        if name == "softmax":
            self.loss -= math.log(values[-1][classes[label]])
        else:
            self.loss -= sum(math.log(a if y else 1 - a) for a, y in zip(values[-1], target, strict=True))
        return error

    def backward(self, sums, values, delta, junctions):
        """Gradient of every junction, as junctions."""
        gradients = []
        for i in reversed(range(len(junctions))):
            edges = junctions[i].weights
            gradients.insert(0, Junction({(r, k): values[i][k] * delta[r] for r, k in edges}, list(delta)))
            if i:
                partial = [0.0] * len(values[i])
                for (right, left), w in edges.items():
                    partial[left] += w * delta[right]
                slope = SLOPE[self.network.activations[i - 1]]
                delta = [p * slope(s) for p, s in zip(partial, sums[i - 1], strict=True)]
        return gradients

    def gradient_of_batch(self, inputs, labels, l2=0.0):
        mean = [Junction(dict.fromkeys(j.weights, 0.0), [0.0] * len(j.biases)) for j in self.junctions]
        for sample, label in zip(inputs, labels, strict=True):
            sums, values = self.forward(sample, self.junctions)
            delta = self.judge(sums, values, label)
            for total, g in zip(mean, self.backward(sums, values, delta, self.junctions), strict=True):
                step(total, g, -1 / len(labels))
        for total, junction in zip(mean, self.junctions, strict=True):
            for edge, w in junction.weights.items():
                total.weights[edge] += 2 * l2 * w
        return mean

    def train(self, inputs, labels, batch, rate, l2=0.0):
        for start in range(0, len(labels), batch):
            gradients = self.gradient_of_batch(inputs[start : start + batch], labels[start : start + batch], l2)
            for junction, g in zip(self.junctions, gradients, strict=True):
                step(junction, g, rate)

    def train_pipelined(self, inputs, labels, rates, hops):
        """By the definition of staleness: sample n is fed forward by weights that miss so many updates."""
        n_junctions = len(self.junctions)
        history = [[j.copy()] for j in self.junctions]
        for n, (sample, label) in enumerate(zip(inputs, labels, strict=True)):
            seen = [max(0, n - hops.staleness(i, n_junctions)) for i in range(1, n_junctions + 1)]
            sums, values = self.forward(sample, [h[k] for h, k in zip(history, seen, strict=True)])
            now = [h[n] for h in history]
            for h, g in zip(history, self.backward(sums, values, self.judge(sums, values, label), now), strict=True):
                h.append(h[n].copy())
                step(h[n + 1], g, rates[n])
        self.junctions = [h[-1] for h in history]

    def flat(self):
        """All weights in edge order, then all biases."""
        return [w for j in self.junctions for w in j.weights.values()] + [b for j in self.junctions for b in j.biases]


def step(junction, gradient, rate):
    for edge, g in gradient.weights.items():
        junction.weights[edge] -= rate * g
    junction.biases = [b - rate * g for b, g in zip(junction.biases, gradient.biases, strict=True)]


def flat(parameters):
    return np.concatenate([*parameters.weights, *parameters.biases])
