"""Estimates of FPGA resources before synthesis: what a design has of each kind of hardware, times weights fitted to Yosys.

The weights, the designs they were fitted to and the errors they had on designs they were not fitted to are data:
``area.yaml``, which ``hwsim fit-area`` makes from a study that has synthesized some designs.
"""

import math
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.configuration.messages import told
from hwsim.configuration.sections import Int, Real, Section, Text
from hwsim.costs.operations import Costs, Task
from hwsim.costs.resources import RESOURCES
from models.errors import InputError

DEFAULT = Path(__file__).with_name("area.yaml")

FEATURES = (
    "one",
    "adder_bits",
    "multipliers",
    "derivative_multipliers",
    "operand_bits",
    "product_bits",
    "port_bits",
    "address_bits",
    "crossbar_bits",
    "shallow_bits",
    "shallow_cells",
    "deep_cells",
    "table_cells",
    "register_bits",
    "shift_bits",
)
"""What :func:`features` counts."""


class Weights(Section):
    """One resource of one family.

    Attributes
    ----------
    weights
        Of the features that count; the estimate is their sum of products.
    median_error, worst_error
        Relative, of designs left out of the fit one at a time.
    """

    weights: dict[Text, Real]
    median_error: Real
    worst_error: Real


class Areas(Section):
    """A table of fitted weights."""

    source: Text
    designs: Annotated[Int, Field(ge=1)]
    tools: dict[Text, Text]
    resources: dict[Text, Weights]

    def figures(self, of: Costs) -> dict[str, int]:
        """Estimates by name, whole and not negative; units and meanings are in :mod:`hwsim.measurements.costs`."""
        known = features(of)
        return {
            name: max(0, round(sum(w * known[f] for f, w in fitted.weights.items())))
            for name, fitted in self.resources.items()
        }


@cache
def load(path: Path = DEFAULT) -> Areas:
    """Read a table of weights.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        areas = Areas.model_validate(config_file.read_sections(path, "table of areas"))
    except ValidationError as e:
        raise told(e, Areas) from None
    for name, fitted in areas.resources.items():
        for known, key in ((RESOURCES, name), *((FEATURES, f) for f in fitted.weights)):
            if key not in known:
                raise InputError(f"resources.{name}", key, "is not known", list(known))
    return areas


def _has_crossbars(config: Configuration) -> bool:
    """The dither of type 1 is one permutation for all sweeps: wires."""
    c = config.connectivity
    return c.kind == "structured" or (c.kind == "clash_free" and c.dither and c.type > 1)


def features(of: Costs) -> dict[str, float]:
    """What a design has of each kind of hardware, all independent of the family.

    ``port_bits`` are the words that all memories can read in a clock together, ``address_bits`` their addresses,
    ``crossbar_bits`` what a structured pattern, or a dither that changes from sweep to sweep, leads from any lane to any
    other; ``shallow`` memories
    are LUT RAM (cells of 64 words of 3 bits), ``deep`` ones and tables block RAM (18 kbit); ``register_bits`` are operands
    and results of multipliers, adders and tables times the registers in front of and behind them, ``shift_bits`` what waits
    for them.
    """
    config, known = of.config, of.inventory
    assert config.hardware is not None
    latency, numbers = config.hardware.latency, config.numbers.system
    shallow = [m for m in known.memories if m.depth <= config.hardware.lut_ram_depth]
    deep = [m for m in known.memories if m.depth > config.hardware.lut_ram_depth]
    products = sum(w.units * (w.a + w.b) for w in of.multiplications)
    tree = sum(w.units * w.a for w in of.additions if w.task is Task.TREE)
    lanes = sum(m.count for m in known.memories)
    words = 2**numbers.preactivation.width
    tables = of.table_bits / words
    waiting = sum(j.z for j in known.junctions) * numbers.weight.width * known.flush
    return {
        "one": 1,
        "adder_bits": of.adder_bits,
        "multipliers": of.edge_multipliers,
        "derivative_multipliers": of.derivative_multipliers,
        "operand_bits": products,
        "product_bits": sum(j.z for j in known.junctions) * (numbers.weight.width + numbers.delta.width),
        "port_bits": sum(m.count * m.width for m in known.memories),
        "address_bits": sum(m.count * max(1, math.ceil(math.log2(max(m.depth, 2)))) for m in known.memories),
        "crossbar_bits": sum(
            m.count * m.width * math.log2(max(m.lanes, 2)) for m in known.memories if _has_crossbars(config) and m.lanes > 1
        ),
        "shallow_bits": sum(m.bits for m in shallow),
        "shallow_cells": sum(m.count * math.ceil(m.width / 3) * math.ceil(m.depth / 64) for m in shallow),
        "deep_cells": sum(m.count * max(math.ceil(m.width / 36), math.ceil(m.depth * m.width / 18432)) for m in deep),
        "table_cells": max(1, words / 1024) * tables / 18,
        "register_bits": products * latency.multiplier
        + (tree / latency.tree_every if latency.tree_every else 0)
        + tables * latency.table,
        "shift_bits": waiting + lanes * latency.write_back,
    }
