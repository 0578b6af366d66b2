"""What is in an ONNX file: a graph, and its constants as arrays. All of it is untrusted.

Tensors beside the file are read only from the folder in which it is, and below.
"""

from collections.abc import Iterator, MutableSequence
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.frontends.extras import package
from hwsim.frontends.layers import LARGEST_FILE, MOST_ELEMENTS
from hwsim.frontends.names import brief, field
from models.errors import InputError
from models.files.regular import absolute, opened, read_bytes

_SIZES = {"FLOAT": 4, "DOUBLE": 8, "FLOAT16": 2, "BFLOAT16": 2, "INT8": 1, "UINT8": 1, "INT16": 2, "UINT16": 2}
_SIZES |= {"INT32": 4, "UINT32": 4, "INT64": 8, "UINT64": 8, "BOOL": 1}
"""Bytes of a number by the name of its type."""


class OnnxFile:
    """A parsed file.

    Parameters
    ----------
    path
        Of the file.

    Attributes
    ----------
    graph
        The main graph, as the package has it.
    opset
        Version of the standard operators.

    Raises
    ------
    InputError
        If it is none.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._onnx = path, package("onnx")
        self._left = MOST_ELEMENTS
        try:
            model = self._onnx.load_model_from_string(read_bytes(path, LARGEST_FILE))
        except InputError:
            raise
        except Exception:  # of the package below, whose kinds of errors are not documented
            raise InputError(str(path), None, "is no ONNX model, or is damaged: export it again") from None
        if not model.HasField("graph") or not model.graph.node:
            raise InputError(str(path), None, "is no ONNX model, or is damaged: there is no graph of nodes in it")
        if not _is_text(model):
            raise InputError(str(path), None, "has names that are no text in UTF-8: it is damaged")
        self.graph: Any = model.graph
        self.opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)
        self.own_functions = {(f.domain, f.name) for f in model.functions}

    def initializers(self) -> Iterator[tuple[str, np.ndarray]]:
        """The tensors that the graph brings, by name: float64, int64 or bool.

        Raises
        ------
        InputError
            If one cannot be read.
        """
        if self.graph.sparse_initializer:
            name = self.graph.sparse_initializer[0].values.name
            raise InputError(field(self._path, name), None, "is stored as a sparse tensor: store it as a plain one")
        for tensor in self.graph.initializer:
            yield tensor.name, self.array(tensor.name, tensor)

    def array(self, name: str, tensor: Any) -> np.ndarray:
        """The numbers of a tensor.

        Raises
        ------
        InputError
            If its type, size or content is none that a layer can have.
        """
        place = field(self._path, name)
        kinds = {number: kind for kind, number in self._onnx.TensorProto.DataType.items()}
        kind = kinds.get(tensor.data_type, str(tensor.data_type))
        if kind not in _SIZES:
            raise InputError(place, kind, f"is of a type that is not read: must be one of {', '.join(_SIZES)}")
        shape = list(tensor.dims)
        count = int(np.prod(shape, dtype=object))
        if any(n < 0 for n in shape) or count > self._left:
            rule = f"has a shape that is none, or more than {MOST_ELEMENTS} numbers with all others, too many for a network"
            raise InputError(place, brief(str(shape)), rule)
        self._left -= count
        if tensor.data_location == self._onnx.TensorProto.EXTERNAL:
            raw = self._beside(place, tensor, count * _SIZES[kind])
            tensor.ClearField("external_data")
            tensor.data_location = self._onnx.TensorProto.DEFAULT
            tensor.raw_data = raw
        wanted = count * _SIZES[kind]
        if tensor.HasField("raw_data") and len(tensor.raw_data) != wanted:
            rule = f"has {len(tensor.raw_data)} bytes, where {kind} of the shape {brief(str(shape))} needs {wanted}"
            raise InputError(place, None, rule)
        try:
            array = np.asarray(self._onnx.numpy_helper.to_array(tensor))
        except Exception:  # likewise
            raise InputError(place, None, f"holds no {kind} of the shape {brief(str(shape))}: it is damaged") from None
        if array.dtype == bool:
            return array
        if array.dtype.kind in "iu":
            return array.astype(np.int64)
        with np.errstate(invalid="ignore"):  # of a NaN that signals, which is refused at once
            array = array.astype(np.float64)
        if not np.isfinite(array).all():
            raise InputError(place, None, "holds values that are no finite numbers")
        return array

    def _beside(self, place: str, tensor: Any, wanted: int) -> bytes:
        """The bytes of a tensor that is stored in another file."""
        said = {entry.key: entry.value for entry in tensor.external_data}
        name = said.get("location", "")
        folder = absolute(self._path).parent
        target = absolute(folder / name)
        if not name or Path(name).is_absolute() or ".." in Path(name).parts or not target.is_relative_to(folder):
            raise InputError(place, brief(name), "lies outside of the folder of the model, and is not read")
        numbers = [said.get("offset", "0"), said.get("length", str(wanted))]
        if not all(n.isascii() and n.isdecimal() and len(n) < 16 for n in numbers) or int(numbers[1]) != wanted:
            rule = f"must say where its {wanted} bytes lie in {brief(name)}"
            raise InputError(place, brief(", ".join(numbers)), rule)
        with opened(target) as file:
            file.seek(int(numbers[0]))
            raw = file.read(wanted)
        if len(raw) != wanted:
            raise InputError(place, None, f"has {len(raw)} of its {wanted} bytes in {brief(name)}: that file is cut off")
        return raw


def _is_text(message: Any) -> bool:
    """Whether all texts of a parsed message are text: older files may hold any bytes in their place."""
    level = [message]
    while level:
        for descriptor, value in level.pop().ListFields():
            values = value if isinstance(value, MutableSequence) else [value]
            if descriptor.type == descriptor.TYPE_MESSAGE:
                level += values
            elif descriptor.type == descriptor.TYPE_STRING and not all(isinstance(v, str) for v in values):
                return False
    return True
