"""The one error type for anything a user gave that cannot be used."""

import re
from collections.abc import Callable, Iterable
from typing import Any

_LONGEST_VALUE, _LONGEST_RULE = 80, 700
"""Characters. A rule of ours is shorter; a fault that a library tells can quote the whole of a damaged file."""


class InputError(ValueError):
    """Bad input, told in one line: field, value, rule and the nearest legal values.

    Parameters
    ----------
    field
        Where the value stands, for example ``hardware.z[0]`` or a file name.
    value
        What was given; shortened when it is long. ``None`` leaves it out.
    rule
        What it must fulfil, completing the sentence "<field> = <value>: ...".
    nearest
        Legal values close to the given one, if there are any.

    Attributes
    ----------
    field, value, rule, nearest
        As given; ``nearest`` is a list.

    Examples
    --------
    >>> from hwsim import load
    >>> try:
    ...     config = load("sim_configs/demo.yaml", {"hardware.z": [100, 32]})
    ... except InputError as error:
    ...     error.field, error.value, error.nearest
    ('hardware.z[0]', 100, [64, 128])
    """

    def __init__(self, field: str, value: Any, rule: str, nearest: Iterable[Any] = ()) -> None:
        self.field = field
        self.value = value
        self.rule = rule
        self.nearest = list(nearest)
        super().__init__(self._line())

    def __reduce__(self) -> tuple[Any, ...]:
        # BaseException pickles self.args, which is the finished line and not our four parameters.
        return (type(self), (self.field, self.value, self.rule, self.nearest))

    def _line(self) -> str:
        return _line(self.field, self.value, self.rule, self.nearest)


class ArgumentError(InputError):
    """Bad value of a parameter in a call: ``field`` is its name, and so is every word between ``<`` and ``>`` in ``rule``.

    The library's callers know parameters, a command line has options: :meth:`told` says the same with their names.
    """

    def _line(self) -> str:
        return self.told(lambda name: name)

    def told(self, shown: Callable[[str], str]) -> str:
        """The line, with ``shown`` of every parameter in place of its name."""
        return _line(shown(self.field), self.value, self.ruled(shown), self.nearest)

    def ruled(self, shown: Callable[[str], str]) -> str:
        """The rule, in the same way."""
        return _PARAMETER.sub(lambda name: shown(name[1]), self.rule)


_PARAMETER = re.compile(r"<([a-z_]+)>")


def _line(field: str, value: Any, rule: str, nearest: Iterable[Any]) -> str:
    head = field if value is None else f"{field} = {_short(value)}"
    tail = f"; nearest: {', '.join(map(_short, nearest))}" if nearest else ""
    if len(rule) > _LONGEST_RULE:
        rule = rule[: _LONGEST_RULE - 3] + "..."
    return " ".join(f"{head}: {rule}{tail}".split())


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."
