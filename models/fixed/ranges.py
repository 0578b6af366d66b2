"""How large the exact sums of a network can become: which accumulator widths are proved sufficient by the formats."""

from dataclasses import dataclass
from typing import Any

from models.errors import InputError
from models.network.network import Network
from models.numbers.format import Format, Rounding
from models.numbers.system import NumberSystem
from models.vector_code import LANES

_INT16, _INT32, _INT64 = 1 << 15, 1 << 31, 1 << 63


@dataclass(frozen=True)
class Ranges:
    """Greatest magnitudes over all possible inputs and parameters.

    Attributes
    ----------
    sums
        Per junction: a pre-activation before narrowing, in units of the product fraction (exact integers).
    partials
        Per junction: a partial delta of its left layer.
    narrow
        Whether all of them, and every term on the way, stay within 32 bits.
    narrow_kappa
        Per junction: a learning-rate shift up to which every weight step stays within 32 bits, -1 if not even that of 0.
    lefts, output_delta
        Lowest and highest left activation of every junction, and delta of the output layer, as the tables make them.
    part
        Per junction: so many products, each narrowed but not lifted, are summed up in 32 bits (at most 2**31).
    wide
        Per junction: whether a pre-activation before narrowing needs more than 32 bits.
    short
        Whether loops on vectors do: weights, inputs, activations and deltas have 16 bits, partial deltas, steps and the sum
        of a vector of products 32, at every learning rate, and nothing is rounded by random bits.
    short_steps
        Whether a step no greater than an activation fits 16 bits, and steps are rounded half up.
    """

    sums: tuple[int, ...]
    partials: tuple[int, ...]
    narrow: bool
    narrow_kappa: tuple[int, ...]
    lefts: tuple[tuple[int, int], ...]
    output_delta: tuple[int, int]
    part: tuple[int, ...]
    wide: tuple[bool, ...]
    short: bool
    short_steps: bool

    @classmethod
    def of(cls, network: Network, numbers: NumberSystem) -> "Ranges":
        """Prove the ranges of ``network`` in ``numbers``.

        Raises
        ------
        InputError
            If an exact sum, or a term on the way to it, could exceed 62 bits and a sign.
        """
        f_p, f_w = numbers.product_fraction, numbers.weight.fraction
        sums, partials, terms, kappas = [], [], [], []
        for j, p in enumerate(network.patterns):
            left = numbers.left_activation(j)
            product, term = _narrowed(numbers.weight.magnitude * left.magnitude, f_w + left.fraction - f_p)
            back, back_term = _narrowed(
                numbers.weight.magnitude * numbers.delta.magnitude, f_w + numbers.delta.fraction - f_p
            )
            bias = _narrowed(numbers.bias.magnitude, numbers.bias.fraction - f_p)[0]
            sums.append(int(p.in_degrees.max()) * product + bias)
            partials.append(int(p.out_degrees.max()) * back)
            terms += [term, back_term]
            base = left.fraction + numbers.delta.fraction - f_w
            step = left.magnitude * numbers.delta.magnitude
            kappas.append(_narrow_kappa(step, base, numbers.weight.magnitude, numbers.stochastic))
            # The widest 64-bit intermediates: a product, a shifted sum, a partial delta times a derivative, a weight step.
            widest = max(
                term,
                back_term,
                _narrowed(sums[-1], f_p - numbers.preactivation.fraction)[1],
                _narrowed(
                    partials[-1] * numbers.derivative.magnitude,
                    f_p + numbers.derivative.fraction - numbers.delta.fraction,
                )[1],
                _narrowed(step, base)[1] * 2,
            )
            if widest >= _INT64 >> 1:
                rule = f"exact sums of junction {j + 1} may need {widest.bit_length()} bits and a sign, at most 62 are legal"
                raise InputError("numbers", None, rule)
        narrow = max(sums + partials + terms) < _INT32
        return cls(tuple(sums), tuple(partials), narrow, tuple(kappas), *_on_vectors(network, numbers))


def _on_vectors(network: Network, numbers: NumberSystem) -> tuple[Any, ...]:
    """From ``lefts`` on: ranges that look at what the tables hold, and not only at its format."""
    f_p, f_w, f_delta = numbers.product_fraction, numbers.weight.fraction, numbers.delta.fraction
    one, n = numbers.activation.one, len(network.patterns)
    lefts = [_ends(numbers.input), *(_values(numbers.activation, a) for a in network.activations)]
    low, high = lefts.pop()
    output_delta = _ends(numbers.delta)
    if network.cost == "cross_entropy":  # that of another cost has a derivative as factor
        error = _narrowed(max(abs(low - one), abs(high)), numbers.activation.fraction - f_delta)[0]
        output_delta = max(-error, output_delta[0]), min(error, output_delta[1])
    part, wide, fits = [], [], []
    for j, p in enumerate(network.patterns):
        d_in, d_out = int(p.in_degrees.max()), int(p.out_degrees.max())
        drop = f_w + numbers.left_activation(j).fraction - f_p
        products = _products(_ends(numbers.weight), lefts[j])
        product, term = _narrowed(max(map(abs, products)), max(drop, 0))
        lowest, highest = products if drop <= 0 else (-product, product)
        part.append(min(_INT32 // max(-lowest, 1), (_INT32 - 1) // max(highest, 1), _INT32))
        exact = d_in * (product << max(-drop, 0))
        exact += _narrowed(numbers.bias.magnitude, numbers.bias.fraction - f_p)[0]
        rounded = _narrowed(exact, f_p - numbers.preactivation.fraction)[1]
        wide.append(part[j] < d_in or max(exact, rounded) >= _INT32)
        delta = max(map(abs, output_delta if j == n - 1 else _ends(numbers.delta)))
        back, back_term = _narrowed(numbers.weight.magnitude * delta, f_w + f_delta - f_p)
        step = max(map(abs, lefts[j])) * delta
        steps = _narrow_kappa(step, numbers.weight_drop(j), numbers.weight.magnitude, False) >= 0
        largest = max(term, 2 * step, *((back_term, d_out * back) if j else ()))
        fits.append(largest < _INT32 and steps and part[j] >= min(LANES, d_in))
    kept = numbers.weight, numbers.input, numbers.activation, numbers.delta
    short = all(-_INT16 <= f.lowest and f.highest < _INT16 for f in kept) and all(fits) and not numbers.stochastic
    short_steps = all(-_INT16 < low and high < _INT16 for low, high in lefts)
    short_steps = short_steps and numbers.rounding["weight_step"] is Rounding.HALF_UP
    return tuple(lefts), output_delta, tuple(part), tuple(wide), short, short_steps


def _ends(fmt: Format) -> tuple[int, int]:
    return fmt.lowest, fmt.highest


def _values(fmt: Format, activation: str) -> tuple[int, int]:
    """The least and the greatest number that a table of activations may hold."""
    bounds = {"sigmoid": (0, fmt.one), "clipped_relu": (0, fmt.one), "tanh": (-fmt.one, fmt.one), "relu": (0, fmt.highest)}
    low, high = bounds.get(activation, _ends(fmt))
    return max(low, fmt.lowest), min(high, fmt.highest)


def _products(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """The least and the greatest product of a number from each range."""
    found = [x * y for x in a for y in b]
    return min(found), max(found)


def _narrowed(magnitude: int, drop: int) -> tuple[int, int]:
    """Bounds of a number once ``drop`` bits are dropped, and of the largest intermediate on the way."""
    if drop <= 0:
        return magnitude << -drop, magnitude << -drop
    with_half = magnitude + (1 << (drop - 1))
    return (with_half >> drop) + 1, with_half + 1


def _narrow_kappa(product: int, base: int, weight: int, random: bool) -> int:
    fitting = -1
    for kappa in range(32):
        step, intermediate = _narrowed(product, base + kappa)
        if random:  # up to twice the half of rounding to nearest is added
            intermediate += 1 << max(base + kappa - 1, 0)
        if base + kappa > 30 or intermediate >= _INT32 or weight + step >= _INT32:
            break
        fitting = kappa
    return fitting
