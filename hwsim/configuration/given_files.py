"""Files that a configuration names in place of drawing: where they are, what they hold, and what is wrong with them."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.configuration.configuration import Configuration
from models.connectivity.files import read_connectivity
from models.connectivity.pattern import Pattern
from models.data.catalogue import CATALOGUE
from models.data.user_files import locate
from models.errors import InputError
from models.files import regular
from models.files.regular import absolute, is_file, unreadable
from models.network.network import Network
from models.network.parameters import IntegerParameters, Parameters, RealParameters

PATTERNS, PARAMETERS = "connectivity.file", "training.init_file"
_KEYS = (PATTERNS, PARAMETERS, "data.name")


def beside(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Plain data of a configuration whose relative file names start from ``folder``; ``data`` stays as it is."""
    result = dict(data)
    for key in _KEYS:
        section, _, name = key.partition(".")
        if isinstance(inner := result.get(section), dict) and name in inner:
            result[section] = {**inner, name: located(key, inner[name], folder)}
    return result


def located(key: str, value: Any, folder: Path) -> Any:
    """The value of a configuration key; a file name relative to ``folder`` becomes an absolute one."""
    if key not in _KEYS or not isinstance(value, str) or Path(value).is_absolute():
        return value
    # A data set has a name or a file (or folder), which may be in the data directory, too.
    if key == "data.name" and (not value or value in CATALOGUE or locate(str(folder / value), None) is None):
        return value
    return str(absolute(folder / value))


def of(config: Configuration) -> dict[str, Path]:
    """The files that stand for patterns and parameters, by configuration key."""
    named = {PATTERNS: config.connectivity.file, PARAMETERS: config.training.init_file}
    return {key: Path(name) for key, name in named.items() if name is not None}


def digests(config: Configuration) -> dict[str, str]:
    """SHA-256 of every file that the configuration names, by key: what counts is the content, not where it lies.

    Raises
    ------
    InputError
        If one that stands for patterns or parameters cannot be read; the file of a data set need not be here.
    """
    found = {key: digest(key, path) for key, path in of(config).items()}
    data = Path(config.data.name)
    return found | ({"data.name": digest("data.name", data)} if data.is_absolute() and is_file(data) else {})


def digest(key: str, path: Path) -> str:
    """SHA-256 of a file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        state = path.stat()
        return _digest(path, state.st_mtime_ns, state.st_size)
    except InputError as e:
        raise InputError(key, str(path), e.rule) from None
    except (OSError, ValueError) as e:
        raise InputError(key, str(path), unreadable(path, e).rule) from None


@cache
def _digest(path: Path, _modified: int, _size: int) -> str:
    return regular.digest(path)


def patterns(config: Configuration) -> tuple[Pattern, ...]:
    """The patterns of ``connectivity.file``, which must be what the rest of the configuration says.

    Raises
    ------
    InputError
        If they are not, or the file is none of connectivity.
    """
    assert config.connectivity.file is not None
    digest(PATTERNS, Path(config.connectivity.file))
    found = tuple(read_connectivity(config.connectivity.file, config.network.layers))
    check(config, found)
    return found


def check(config: Configuration, found: tuple[Pattern, ...]) -> None:
    """Refuse patterns that are not what the rest of the configuration says."""
    for i, pattern in enumerate(found):
        _check_edges(config, i, pattern)
        if config.connectivity.kind == "clash_free":
            _check_seeds(config, i, pattern)


def _check_edges(config: Configuration, i: int, pattern: Pattern) -> None:
    file, degrees = config.connectivity.file, config.out_degrees
    if degrees is None:
        if pattern.n_edges != config.edges[i]:
            rule = f"has {pattern.n_edges} edges in junction {i + 1}, where the network section says {config.edges[i]}"
            raise InputError(PATTERNS, file, rule, [f"network.density {pattern.density!r}"])
    elif pattern.d_in is None or pattern.d_out is None:
        rule = f"has neurons of different degrees in junction {i + 1}"
        raise InputError(PATTERNS, file, rule, ["connectivity.kind random"])
    elif pattern.d_out != degrees[i]:
        rule = f"has out-degree {pattern.d_out} in junction {i + 1}, where the network section says {degrees[i]}"
        raise InputError(PATTERNS, file, rule, [f"network.out_degree[{i}] {pattern.d_out}"])


def _check_seeds(config: Configuration, i: int, pattern: Pattern) -> None:
    c, seeds = config.connectivity, pattern.seeds
    if seeds is None:
        rule = f"has no seeds (address_{i + 1}, memory_{i + 1}), which address generators of clash-free patterns need"
        raise InputError(PATTERNS, c.file, rule, ["connectivity.kind structured"])
    z = config.hardware.z[i] if config.hardware else seeds.z
    said = [("hardware.z", z, seeds.z), ("connectivity.type", c.type, seeds.kind)]
    for key, wanted, is_ in said:
        if wanted != is_:
            raise InputError(PATTERNS, c.file, f"has {key} {is_} in junction {i + 1}, not {wanted}", [f"{key} {is_}"])
    if seeds.dithered and not c.dither:
        rule = f"has memory dither in junction {i + 1}, which the configuration leaves out"
        raise InputError(PATTERNS, c.file, rule, ["connectivity.dither true"])


def parameters(config: Configuration, network: Network) -> Parameters:
    """The parameters of ``training.init_file``: real ones as float64, or integers in the weight and bias formats.

    Raises
    ------
    InputError
        If shapes or values do not fit.
    """
    assert config.training.init_file is not None
    path = Path(config.training.init_file)
    digest(PARAMETERS, path)
    read = Parameters.read(path, network)
    if isinstance(read, IntegerParameters):
        read.check_ranges(config.numbers.system, f"{path}:")
        return read
    with np.errstate(over="ignore"):  # more than float64 holds becomes infinite
        real = RealParameters(*([a.astype(np.float64) for a in part] for part in (read.weights, read.biases)))
    real.check_finite(f"{path}:")
    return real
