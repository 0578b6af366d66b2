"""Designs of other tools that tell of layers and parallelism, without weights: what of them a configuration can say.

A folding of FINN names, for every matrix-vector unit, the rows (``PE``) and columns (``SIMD``) that it multiplies at once: a
junction with as many edge processors, z = PE · SIMD. Sizes of layers are those of the configuration that is given beside it.
A topology of SCALE-Sim lists the layers: a product of matrices [M, K] by [K, N] is a junction of K to N neurons.
"""

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwsim.configuration import config_file
from hwsim.configuration.configuration import Configuration
from hwsim.frontends import model_file
from hwsim.frontends.names import brief, field
from hwsim.results.directory import RunDirectory
from models.errors import InputError
from models.files import json_text
from models.files.regular import digest, read_text

_MOST_BYTES = 1 << 22
_MOST_LAYERS = 32
_UNIT = re.compile(r"(MVAU|MVA|MatrixVectorActivation|StreamingFCLayer_Batch)(_hls|_rtl)?_[0-9]{1,6}")
_WITHOUT_EDGES = re.compile(
    r"(Thresholding(_Batch)?|LabelSelect(_Batch)?|StreamingFIFO|StreamingDataWidthConverter(_Batch)?|DuplicateStreams(_Batch)?"
    r"|IODMA|TLastMarker)(_hls|_rtl)?_[0-9]{1,6}"
)
_SIZES = ("m", "n", "k")
_CONVOLUTION = ("ifmapheight", "ifmapwidth", "filterheight", "filterwidth", "channels", "numfilter")


@dataclass(frozen=True)
class Described:
    """What a description became.

    Attributes
    ----------
    config
        The design.
    directory
        In which it is.
    notes
        What each layer says, and what was left out: a line each.
    """

    config: Configuration
    directory: RunDirectory
    notes: list[str]


def import_description(
    source: Path, out: Path, base: Path | None = None, overrides: Mapping[str, Any] | None = None, *, force: bool = False
) -> Described:
    """Turn a folding or topology into a configuration, and write it.

    Parameters
    ----------
    source
        The file.
    out
        Directory for the configuration.
    base
        Configuration for all that the description does not say.
    overrides
        Values in place of both.
    force
        Whether another run in ``out`` may be replaced.

    Raises
    ------
    InputError
        If anything in it has no counterpart, or the design is not legal.
    """
    data = {} if base is None else config_file.resolved(config_file.load(base))
    told = dict(overrides or {})
    if model_file.kind(source) == model_file.FINN:
        config, notes = _folded(source, data, told)
    else:
        config, notes = _listed(source, data, told)
    directory = RunDirectory(out, config, "import-model", {"source": digest(source)}, force=force)
    with directory.locked():
        directory.begin()
    return Described(config, directory, notes)


def _folded(source: Path, data: dict[str, Any], told: dict[str, Any]) -> tuple[Configuration, list[str]]:
    """A folding of FINN."""
    units, left_out = _units(source)
    merged = config_file.with_overrides(data, told)
    sizes = merged.get("network", {}).get("layers") if isinstance(merged.get("network"), dict) else None
    if not isinstance(sizes, list | tuple) or len(sizes) != len(units) + 1 or not all(type(n) is int for n in sizes):
        rule = (
            f"folds {len(units)} layers and does not say their sizes: give a configuration of as many junctions, "
            "or network.layers"
        )
        raise InputError(str(source), None, rule)
    notes = []
    for (name, rows, columns), left, right in zip(units, sizes, sizes[1:], strict=False):
        for key, value, of, what in (("PE", rows, right, "outputs"), ("SIMD", columns, left, "inputs")):
            if of % value:
                near = [n for n in range(1, of + 1) if of % n == 0 and (n <= value)][-1:]
                raise InputError(
                    f"{field(source, name)}.{key}", value, f"does not divide the {of} {what} of the layer", near
                )
        clocks = left * right // (rows * columns)
        notes.append(
            f"{name}: PE {rows} x SIMD {columns} is z = {rows * columns}; {clocks:,} clocks for all of {left} x {right}"
        )
    if left_out:
        notes.append(f"left out, as they multiply nothing: {', '.join(left_out[:6])}{' ...' * (len(left_out) > 6)}")
    return _configuration(source, data, told, {"hardware.z": [rows * columns for _, rows, columns in units]}, units), notes


def _units(source: Path) -> tuple[list[tuple[str, int, int]], list[str]]:
    """Name, PE and SIMD of every matrix-vector unit in the order of the file, and the names of what has no edges."""
    found = json_text.read(source, _MOST_BYTES)
    if not isinstance(found, dict) or not all(isinstance(entry, dict) for entry in found.values()):
        raise InputError(str(source), None, "is JSON, but no folding of FINN: must hold settings by the name of the node")
    units, left_out = [], []
    for name, settings in found.items():
        if name == "Defaults":
            if settings:
                raise InputError(field(source, name), None, "must be empty: give PE and SIMD of every node by itself")
        elif _UNIT.fullmatch(name):
            pair = [settings.get(key) for key in ("PE", "SIMD")]
            if not all(type(n) is int and 1 <= n < 1 << 20 for n in pair):
                raise InputError(field(source, name), brief(str(pair)), "must have PE and SIMD, positive whole numbers")
            units.append((name, pair[0], pair[1]))
        elif _WITHOUT_EDGES.fullmatch(name):
            left_out.append(brief(name))
        else:
            rule = "is no matrix-vector unit: convolutions, pooling and branches have no counterpart among junctions"
            raise InputError(field(source, name), None, rule)
    if not 1 <= len(units) <= _MOST_LAYERS:
        raise InputError(str(source), None, f"has {len(units)} matrix-vector units, where 1 to {_MOST_LAYERS} must be")
    return units, left_out


def _listed(source: Path, data: dict[str, Any], told: dict[str, Any]) -> tuple[Configuration, list[str]]:
    """A topology of SCALE-Sim."""
    rows = _rows(source)
    layers = [_fully_connected(place, row) for place, row in rows]
    for (place, _), (_, before, _), (inputs, _, _) in zip(rows[1:], layers, layers[1:], strict=False):
        if before != inputs:
            raise InputError(
                place, inputs, f"inputs do not follow {before} outputs of the row before: layers must be in a row"
            )
    sizes = [layers[0][0], *(outputs for _, outputs, _ in layers)]
    densities = [density for _, _, density in layers]
    network: dict[str, Any] = {"network.layers": sizes}
    kind = "full"
    if any(density < 1 for density in densities):
        network["network.density"], kind = densities, "structured"
    else:
        network["network.out_degree"] = "full"
    network["connectivity.kind"] = kind
    notes = [
        f"{place.rpartition(': ')[2]}: {i} inputs, {o} outputs, density {d:g}"
        for (place, _), (i, o, d) in zip(rows, layers, strict=True)
    ]
    if "hardware.z" not in told:
        notes.append("a topology does not say how many edges work at once: say hardware.z, or see `hwsim solve`")
    kept = {key: value for key, value in data.items() if key not in ("network", "connectivity", "hardware")}
    return _configuration(source, kept, told, network, ()), notes


def _rows(source: Path) -> list[tuple[str, dict[str, str]]]:
    """Every row: how messages call it, and its cells by the names of the head, without blanks and capitals."""
    lines = [line for line in csv.reader(io.StringIO(read_text(source, _MOST_BYTES))) if any(cell.strip() for cell in line)]
    head = [re.sub(r"[^a-z]", "", cell.lower()) for cell in lines[0]]
    while head and not head[-1]:
        head.pop()
    if not 1 <= len(lines) - 1 <= _MOST_LAYERS:
        raise InputError(str(source), None, f"lists {len(lines) - 1} layers, where 1 to {_MOST_LAYERS} must be")
    result = []
    for number, line in enumerate(lines[1:], 1):
        cells = [cell.strip() for cell in line]
        place = f"{source}: row {number} ({brief(cells[0])})"
        if len(cells) < len(head) or any(cells[len(head) :]):
            raise InputError(place, None, f"has {len(cells)} cells, where the head has {len(head)}")
        result.append((place, dict(zip(head, cells, strict=False))))
    return result


def _fully_connected(place: str, row: Mapping[str, str]) -> tuple[int, int, float]:
    """Inputs, outputs and density of a layer."""
    if all(name in row for name in _SIZES):
        _, outputs, inputs = (_number(place, name.upper(), row[name]) for name in _SIZES)
    elif all(name in row for name in _CONVOLUTION):
        height, width, rows, columns, channels, outputs = (_number(place, name, row[name]) for name in _CONVOLUTION)
        if (height, width) != (rows, columns):
            rule = (
                f"is a convolution of {rows} x {columns} over {height} x {width}: only layers whose filter covers "
                "all of the input are fully connected"
            )
            raise InputError(place, None, rule)
        inputs = height * width * channels
    else:
        raise InputError(place, None, "has neither the columns M, N, K nor those of a convolution in the head")
    sparsity = row.get("sparsity", "") or "1:1"
    kept, _, of = sparsity.partition(":")
    some, all_ = _number(place, "Sparsity", kept), _number(place, "Sparsity", of)
    if some > all_ or inputs % all_:
        raise InputError(place, sparsity, f"must keep at most all of as many weights as divide the {inputs} inputs", ["1:1"])
    return inputs, outputs, some / all_


def _number(place: str, name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise InputError(place, brief(text), f"must be a positive whole number ({name})")
    return int(text)


def _configuration(
    source: Path, data: dict[str, Any], told: dict[str, Any], found: dict[str, Any], units: Sequence[tuple[str, int, int]]
) -> Configuration:
    """The design; a fault of a z that a unit tells is told with that unit."""
    name = "".join(c if c.isalnum() and c.isascii() else "_" for c in source.stem[:60]).lstrip("_") or "imported"
    for key in found:
        if key in told and told[key] != found[key] and key in ("network.layers", "hardware.z"):
            raise InputError(key, told[key], f"cannot be chosen: {source} says it", [found[key]])
    try:
        return config_file.parse(config_file.with_overrides({"name": name} | data, found | told))
    except InputError as e:
        place = re.fullmatch(r"hardware\.z\[([0-9]+)\]", e.field)
        if place is None or int(place[1]) >= len(units):
            raise
        unit, rows, columns = units[int(place[1])]
        raise InputError(
            f"{field(source, unit)} (PE {rows} x SIMD {columns})", math.prod((rows, columns)), e.rule, e.nearest
        ) from None
