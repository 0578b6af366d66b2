"""How large the exact sums of a network can become: which accumulator widths are proved sufficient by the formats."""

from dataclasses import dataclass

from models.errors import InputError
from models.network.network import Network
from models.numbers.format import Rounding
from models.numbers.system import NumberSystem

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
    short
        Whether loops on vectors do: weights, inputs, activations and deltas have 16 bits, all sums and steps 32, at every
        learning rate, and nothing is rounded by random bits.
    short_steps
        Whether a weight less a step no greater than an activation fits 16 bits, and steps are rounded half up.
    """

    sums: tuple[int, ...]
    partials: tuple[int, ...]
    narrow: bool
    narrow_kappa: tuple[int, ...]
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
        lefts = [numbers.left_activation(j) for j in range(len(network.patterns))]
        kept = [numbers.weight, numbers.input, numbers.activation, numbers.delta]
        kept = [numbers.weight, numbers.input, numbers.activation, numbers.delta]
        rounded = _narrowed(max(sums), f_p - numbers.preactivation.fraction)[1]
        step = max(f.magnitude for f in lefts) * numbers.delta.magnitude
        short = (
            all(-_INT16 <= f.lowest and f.highest < _INT16 for f in kept)
            and narrow
            and max(rounded, 2 * step) < _INT32
            and min(kappas) >= 0
            and not numbers.stochastic
        )
        short_steps = numbers.weight.magnitude + max(f.magnitude for f in lefts) < _INT16
        short_steps = short_steps and numbers.rounding["weight_step"] is Rounding.HALF_UP
        return cls(tuple(sums), tuple(partials), narrow, tuple(kappas), short, short_steps)


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
