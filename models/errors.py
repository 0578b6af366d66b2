"""The one error type for anything a user gave that cannot be used."""

from collections.abc import Iterable
from typing import Any

_LONGEST_VALUE = 80


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
        head = self.field if self.value is None else f"{self.field} = {_short(self.value)}"
        tail = f"; nearest: {', '.join(_short(v) for v in self.nearest)}" if self.nearest else ""
        return " ".join(f"{head}: {self.rule}{tail}".split())


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."
