"""Which format every signal has and how every narrowing rounds: the numbers of one design."""

from dataclasses import dataclass, field

from models.errors import InputError
from models.numbers import stochastic
from models.numbers.format import NEAREST, Format, Rounding

STEPS = ("product", "preactivation", "delta", "weight_step", "bias_step")
"""The named points at which numbers are narrowed."""

_MOST_TABLE_BITS = 20


@dataclass(frozen=True)
class NumberSystem:
    """Formats per signal, rounding per narrowing step.

    ``product_fraction`` is the fraction of a product once narrowed (f_p); ``rounding`` maps each of :data:`STEPS`.

    Raises
    ------
    InputError
        If a signal that can be negative is unsigned, a format is too wide for a table, or a rounding is missing.
    """

    input: Format
    weight: Format
    bias: Format
    preactivation: Format
    activation: Format
    derivative: Format
    delta: Format
    product_fraction: int
    rounding: dict[str, Rounding] = field(default_factory=lambda: dict.fromkeys(STEPS, Rounding.HALF_UP))

    def __post_init__(self) -> None:
        self._check_formats()
        if type(self.product_fraction) is not int:
            raise InputError("product_fraction", self.product_fraction, "must be a whole number")
        if self.product_fraction < self.bias.fraction:
            rule = "must not be less than the fraction of the biases, which are added to products"
            raise InputError("product_fraction", self.product_fraction, rule, [self.bias.fraction])
        if self.rounding.keys() != set(STEPS) or not all(isinstance(r, Rounding) for r in self.rounding.values()):
            given = {step: str(r) for step, r in self.rounding.items()}
            raise InputError("rounding", given, f"must name the Rounding of each of {', '.join(STEPS)}", list(Rounding))
        for step, rounding in self.rounding.items():
            if rounding not in NEAREST and step != "weight_step":
                raise InputError(f"rounding.{step}", rounding, "is for the weight step alone", list(NEAREST))

    def _check_formats(self) -> None:
        if self.preactivation.width > _MOST_TABLE_BITS:
            rule = f"is that of the pre-activations, which address the activation tables: at most {_MOST_TABLE_BITS} bits"
            raise InputError("preactivation.width", self.preactivation.width, rule, [_MOST_TABLE_BITS])
        for name in ("weight", "bias", "preactivation", "delta"):
            if not getattr(self, name).signed:
                rule = "must be true: only inputs, activations and derivatives can be unsigned"
                raise InputError(f"{name}.signed", False, rule)

    @classmethod
    def uniform(
        cls,
        default: Format,
        rounding: Rounding = Rounding.HALF_UP,
        product_fraction: int | None = None,
        input: Format | None = None,
    ) -> "NumberSystem":
        """One format for everything but, possibly, the inputs; products exact unless ``product_fraction`` is given."""
        return cls(
            input=input or default,
            weight=default,
            bias=default,
            preactivation=default,
            activation=default,
            derivative=default,
            delta=default,
            product_fraction=2 * default.fraction if product_fraction is None else product_fraction,
            rounding=dict.fromkeys(STEPS, rounding),
        )

    @property
    def stochastic(self) -> bool:
        """Whether weight steps are rounded by random bits."""
        return self.rounding["weight_step"] is Rounding.STOCHASTIC

    def weight_drop(self, junction: int) -> int:
        """Bits that a weight step of junction ``junction`` (0 = first) drops of activation times delta at rate 1."""
        return self.left_activation(junction).fraction + self.delta.fraction - self.weight.fraction

    def most_kappa(self, junctions: int) -> int | None:
        """The greatest learning-rate shift for which there are random bits enough; None where none are needed."""
        if not self.stochastic:
            return None
        return stochastic.MOST_DROP - max(self.weight_drop(j) for j in range(junctions))

    def left_activation(self, junction: int) -> Format:
        """Format of the activations that junction ``junction`` (0 = first) reads."""
        return self.input if junction == 0 else self.activation
