"""Sparse PyTorch layers: both forms against each other, and against sums over single edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.connectivity.draw import ClashFree, draw
from models.connectivity.pattern import Pattern
from models.errors import InputError

torch = pytest.importorskip("torch")

from models.torch_layers.linear import GATHERED_BELOW, GatheredLinear, MaskedLinear, sparse_linear  # noqa: E402

FORMS = [MaskedLinear, GatheredLinear]


def ragged(joined):
    """A pattern from a matrix of truth values [n_right, n_left]; neurons may have no edge at all."""
    right, left = np.nonzero(joined)
    starts = np.searchsorted(right, np.arange(len(joined) + 1))
    return Pattern(joined.shape[1], len(joined), left.astype(np.int32), starts.astype(np.int64))


def edge_by_edge(pattern, weights, bias, inputs, upstream):
    """Outputs and gradients of inputs, weights and biases, one edge and one sample at a time."""
    out = np.tile(bias, (len(inputs), 1))
    to_inputs, to_weights = np.zeros_like(inputs), np.zeros_like(weights)
    for b in range(len(inputs)):
        for e, (left, right) in enumerate(zip(pattern.left, pattern.right, strict=True)):
            out[b, right] += weights[e] * inputs[b, left]
            to_inputs[b, left] += weights[e] * upstream[b, right]
            to_weights[e] += inputs[b, left] * upstream[b, right]
    return out, to_inputs, to_weights, upstream.sum(axis=0)


def through(form, pattern, weights, bias, inputs, upstream):
    """The same from a PyTorch layer in float64."""
    layer = form(pattern, torch.float64)
    layer.load(weights, bias)
    x = torch.tensor(inputs, requires_grad=True)
    out = layer(x)
    out.backward(torch.as_tensor(upstream))
    return out.detach().numpy(), x.grad.numpy(), layer.edge_gradient(), layer.bias.grad.numpy()


def values(pattern, batch, seed=0):
    rng = np.random.default_rng(seed)
    shapes = (pattern.n_edges, pattern.n_right, (batch, pattern.n_left), (batch, pattern.n_right))
    return [rng.normal(size=shape) for shape in shapes]


@settings(max_examples=40)
@given(st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.integers(1, 5), st.integers(0, 99))
def test_both_forms_are_sums_over_edges(n_left, n_right, density, batch, seed):
    joined = np.random.default_rng(seed).random((n_right, n_left)) < density
    joined[0, 0] = True
    pattern = ragged(joined)
    given_values = values(pattern, batch, seed)
    wanted = edge_by_edge(pattern, *given_values)
    for form in FORMS:
        for ours, naive in zip(through(form, pattern, *given_values), wanted, strict=True):
            np.testing.assert_allclose(ours, naive, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["full", "structured", "clash_free", "random"])
def test_every_kind_of_pattern_gives_the_same_in_both_forms(kind):
    pattern = draw(kind, 60, 20, np.random.default_rng(3), d_out=4, clash_free=ClashFree(12))
    given_values = values(pattern, 7)
    for masked, gathered in zip(*(through(form, pattern, *given_values) for form in FORMS), strict=True):
        np.testing.assert_allclose(masked, gathered, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_finite_differences(form):
    pattern = draw("structured", 6, 4, np.random.default_rng(1), d_out=2)
    weights, bias, inputs, _ = values(pattern, 3)
    layer = form(pattern, torch.float64)
    layer.load(weights, bias)
    assert torch.autograd.gradcheck(layer, torch.tensor(inputs, requires_grad=True))


@pytest.mark.parametrize("form", FORMS)
def test_weights_come_back_as_they_were_loaded(form):
    pattern = draw("structured", 30, 10, np.random.default_rng(2), d_out=3)
    weights, bias, *_ = values(pattern, 1)
    layer = form(pattern, torch.float64)
    layer.load(weights, bias)
    assert np.array_equal(layer.edge_weights(), weights)
    assert np.array_equal(layer.bias.detach().numpy(), bias)
    for wrong in ((weights[1:], bias), (weights, bias[1:])):
        with pytest.raises(InputError):
            layer.load(*wrong)


def test_a_masked_layer_never_uses_what_stands_beside_its_edges():
    pattern = draw("structured", 30, 10, np.random.default_rng(2), d_out=3)
    layer = MaskedLinear(pattern)
    with torch.no_grad():
        layer.weight.fill_(7)
    layer(torch.ones(2, 30)).sum().backward()
    assert layer(torch.ones(1, 30)).tolist() == [[9 * 7.0] * 10]
    assert int((layer.weight.grad != 0).sum()) == pattern.n_edges


def test_a_gathered_layer_takes_memory_for_edges_only():
    pattern = draw("structured", 100_000, 50_000, np.random.default_rng(0), d_out=1)
    layer = GatheredLinear(pattern)
    assert sum(p.numel() for p in layer.parameters()) == 100_000 + 50_000
    assert sum(b.numel() for b in layer.buffers()) == 100_000 + 50_000
    assert layer(torch.ones(2, 100_000)).shape == (2, 50_000)


def test_the_faster_form_is_chosen_by_density():
    drawn = {d: draw("structured", 400, 100, np.random.default_rng(0), d_out=d) for d in (4, 5)}
    assert drawn[4].density < GATHERED_BELOW <= drawn[5].density
    assert isinstance(sparse_linear(drawn[4]), GatheredLinear)
    assert isinstance(sparse_linear(drawn[5]), MaskedLinear)
    assert isinstance(sparse_linear(drawn[5], "gathered"), GatheredLinear)
    assert "edges=500" not in repr(sparse_linear(drawn[4])) and "edges=1600" in repr(sparse_linear(drawn[4]))
