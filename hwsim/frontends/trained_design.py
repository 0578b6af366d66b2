"""A network that was trained elsewhere as a run directory that every engine takes: quantised, with what that costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.configuration import config_file, given_files
from hwsim.configuration.configuration import Configuration
from hwsim.configuration.provenance import provenance
from hwsim.configuration.rules import ONLY_FLOAT
from hwsim.design import Design
from hwsim.frontends.figures import EXPORTED
from hwsim.results.directory import CONNECTIVITY, GIVEN, INITIAL, METRICS, RunDirectory
from models.connectivity.files import write_connectivity
from models.connectivity.pattern import Pattern
from models.data.dataset import Split
from models.errors import InputError
from models.files.npz import write_npz
from models.files.regular import absolute
from models.fixed.engine import FixedEngine
from models.network.network import Network
from models.network.parameters import IntegerParameters

_NO_LONGER = (*ONLY_FLOAT, "init_fan", "init_bias")
"""Keys of the training section that say nothing to the fixed engine, or about parameters from a file."""

_SECTIONS = ("network", "connectivity", "training")
"""Of which a trained network says more than it leaves open."""

_OWN = (given_files.PATTERNS, given_files.PARAMETERS, "training.init")
"""Keys by which the design names its own files."""


@dataclass(frozen=True)
class Fidelity:
    """What quantisation costs, on test samples.

    Attributes
    ----------
    before, after
        Share predicted right by the real and by the integer parameters.
    same
        Share predicted alike by both.
    at_limit
        Weights at either end of their range, by junction.
    divisors
        By what the signals of layers 0..L were divided to fit their formats.
    """

    before: float
    after: float
    same: float
    at_limit: list[int]
    divisors: list[float]

    def figures(self) -> dict[str, Any]:
        """For ``metrics.json``."""
        return EXPORTED.all_told(
            {
                "test_accuracy_float": self.before,
                "test_accuracy": self.after,
                "same_predictions": self.same,
                "weights_at_limit": self.at_limit,
                "signal_divisors": self.divisors,
            }
        )


def fidelity(
    config: Configuration,
    network: Network,
    integers: IntegerParameters,
    before: np.ndarray,
    test: Split,
    divisors: list[float],
) -> Fidelity:
    """Compare predictions ``before`` quantisation, [n], with those of the fixed-point reference."""
    numbers = config.numbers.system
    engine = FixedEngine(network, numbers, integers, config.hops, Design(config).generators)
    after = engine.infer(engine.samples(test.integers(numbers.input), test.labels)).prediction
    limits = [int(((w == numbers.weight.lowest) | (w == numbers.weight.highest)).sum()) for w in integers.weights]
    right, still = (float((p == test.labels).mean()) for p in (before, after))
    return Fidelity(right, still, float((after == before).mean()), limits, divisors)


def by_key(overrides: dict[str, Any]) -> dict[str, Any]:
    """Overrides in which whole sections are their keys, so that they leave alone what a trained network says of them."""
    result: dict[str, Any] = {}
    for name, value in overrides.items():
        keys = {f"{name}.{key}": v for key, v in value.items()} if name in _SECTIONS and isinstance(value, dict) else {}
        result |= keys or {name: value}
    return result


def configuration(base: dict[str, Any], out: Path, overrides: dict[str, Any]) -> Configuration:
    """A configuration for the fixed engine whose patterns and parameters are files in ``out``.

    Parameters
    ----------
    base
        Plain data: network, connectivity without its file, data, and what else there is.
    overrides
        What the user says in place of it.

    Raises
    ------
    InputError
        If that names other patterns or parameters, or is not legal.
    """
    overrides = by_key(overrides)
    for key in _OWN:
        if key in overrides:
            raise InputError(key, overrides[key], "cannot be chosen: patterns and parameters are the trained network's")
    training = {k: v for k, v in base.get("training", {}).items() if k not in _NO_LONGER}
    training |= {"engine": "fixed", "order": "pipelined", "init": "file", "samples": None}
    training["init_file"] = str(absolute(out / GIVEN[given_files.PARAMETERS]))
    connectivity = dict(base["connectivity"])
    if connectivity["kind"] != "full":
        connectivity["file"] = str(absolute(out / GIVEN[given_files.PATTERNS]))
    data = base | {"training": training, "connectivity": connectivity, "frontend": None}
    return config_file.parse(config_file.with_overrides(data, overrides))


def network(config: Configuration, patterns: tuple[Pattern, ...]) -> Network:
    """The network of a configuration whose file of patterns need not be there yet.

    Raises
    ------
    InputError
        If the configuration says something else than the patterns.
    """
    sizes = [patterns[0].n_left, *(p.n_right for p in patterns)]
    if list(config.network.layers) != sizes:
        raise InputError("network.layers", list(config.network.layers), "must be those of the trained network", [sizes])
    if config.connectivity.file is not None:
        given_files.check(config, patterns)
    design = Design(config)
    vars(design)["patterns"] = patterns  # computed at the first use unless it has a value by then
    return design.network


def fixed_activations(activations: Sequence[str]) -> list[str]:
    """Activations that fixed point has: sigmoid in place of softmax, of which the predictions are the same."""
    return ["sigmoid" if name == "softmax" else name for name in activations]


def write(
    directory: RunDirectory,
    config: Configuration,
    patterns: Sequence[Pattern],
    integers: IntegerParameters,
    found: Fidelity,
    more: dict[str, Any],
    beside: Mapping[str, Mapping[str, np.ndarray]] | None = None,
) -> None:
    """Write configuration, patterns, parameters and metrics; ``more`` are further figures, ``beside`` further archives."""
    named = given_files.of(config)
    with directory.locked():
        # What the configuration names comes first, so that it never names what is not there.
        if given_files.PATTERNS in named:
            write_connectivity(named[given_files.PATTERNS], patterns)
        write_npz(named[given_files.PARAMETERS], integers.arrays())
        for name, arrays in (beside or {}).items():
            directory.write_arrays(name, arrays)
        directory.begin()
        write_connectivity(directory / CONNECTIVITY, patterns)
        directory.write_arrays(INITIAL, integers.arrays())
        result = provenance(config) | {"status": "exported"} | found.figures() | more
        directory.write_json(METRICS, result)
