"""A number system that no engine could compute with is refused when it is made."""

from dataclasses import replace

import pytest

from models.errors import InputError
from models.numbers.format import Format, Rounding
from models.numbers.system import STEPS, NumberSystem

NUMBERS = NumberSystem.uniform(Format(12, 8))
UNSIGNED = Format(12, 8, signed=False)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"preactivation": Format(21, 8)}, "preactivation.width = 21: is that of the pre-activations, which address the"),
        ({"weight": UNSIGNED}, "weight.signed = False: must be true: only inputs, activations and derivatives can be"),
        ({"bias": UNSIGNED}, "bias.signed = False: must be true"),
        ({"preactivation": UNSIGNED}, "preactivation.signed = False: must be true"),
        ({"delta": UNSIGNED}, "delta.signed = False: must be true"),
        (
            {"product_fraction": 7},
            "product_fraction = 7: must not be less than the fraction of the biases",
        ),
        ({"product_fraction": 16.0}, "product_fraction = 16.0: must be a whole number"),
        ({"rounding": {}}, "rounding = {}: must name the Rounding of each of product, preactivation, delta, weight_step,"),
        ({"rounding": dict.fromkeys([*STEPS, "more"], Rounding.FLOOR)}, "rounding = {"),
        # Text that equals a member is not that member, by which narrowing tells the roundings apart.
        ({"rounding": dict.fromkeys(STEPS, "floor")}, "rounding = {"),
    ],
)
def test_what_is_no_number_system_is_refused_at_once(changed, line):
    with pytest.raises(InputError) as error:
        replace(NUMBERS, **changed)
    assert str(error.value).startswith(line)


def test_inputs_activations_and_derivatives_may_be_unsigned():
    numbers = replace(NUMBERS, input=UNSIGNED, activation=UNSIGNED, derivative=UNSIGNED)
    assert numbers.left_activation(0) == numbers.left_activation(1) == UNSIGNED


def test_a_table_of_the_greatest_width_is_legal():
    assert replace(NUMBERS, preactivation=Format(20, 8)).preactivation.width == 20
