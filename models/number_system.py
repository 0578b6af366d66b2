"""Which format every signal has and how every narrowing rounds: the numbers of one design."""

from dataclasses import dataclass, field

from models.fixedpoint import Format, Rounding

STEPS = ("product", "preactivation", "delta", "weight_step", "bias_step")
"""The named points at which numbers are narrowed."""


@dataclass(frozen=True)
class NumberSystem:
    """Formats per signal, rounding per narrowing step.

    ``product_fraction`` is the fraction of a product once narrowed (f_p); ``rounding`` maps each of :data:`STEPS`.
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

    def left_activation(self, junction: int) -> Format:
        """Format of the activations that junction ``junction`` (0 = first) reads."""
        return self.input if junction == 0 else self.activation
