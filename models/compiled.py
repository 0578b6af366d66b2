"""Compiled loops: the one place that knows the compiler (numba), which is loaded when the first of them is called.

Loading it takes longer than everything else that a command such as ``hwsim check`` does. So :func:`njit` and
:func:`intrinsic` only note what is to be compiled; the first call replaces the note, and those of all functions that it
calls, by what the compiler makes of them, in the globals of their modules.

Machine code is kept beside the source, or else in the user's cache directory, so that it is compiled once after
installation. Where neither can be written it is kept in a temporary directory of the user's own
(:mod:`models.files.temporary`), which is said once, when that is made.

The compiler's own cache looks at the file of a function and not at those of the functions that it calls, which are in its
machine code, too. Here machine code is told apart by what all of them say, so that the loops of one engine can stand in
several files.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

from models.files import temporary

_PACKAGES = "models", "hwsim", "rtl"

_making = threading.RLock()
_watchers: list[Callable[[float], None]] = []
_listening = False


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator like ``numba.njit(**options)`` that does not load the compiler before the first call."""
    return lambda function: _Later(function, lambda: _compiled(function, options))


def intrinsic(function: Callable[..., Any]) -> Any:
    """A decorator like ``numba.extending.intrinsic`` that does not load the compiler before the first call of a caller."""

    def make() -> Any:
        from numba import extending

        return extending.intrinsic(function)

    return _Later(function, make)


@contextmanager
def watched(watch: Callable[[float], None]) -> Iterator[None]:
    """While functions are compiled in this block, tell how much of what is being compiled is done, 0 to 1.

    Nothing is told where machine code is read back. What is done is counted in instructions of Python, to which the time
    that the compiler takes is proportional to about a tenth.
    """
    _watchers.append(watch)
    try:
        yield
    finally:
        _watchers.remove(watch)


def find_cache() -> None:
    """Find out now, for processes started from here on, too, where machine code is kept."""
    _Later(_nothing, lambda: _compiled(_nothing, {"cache": True})).made()


class _Later:
    """Stands for a function until it is compiled."""

    def __init__(self, function: Callable[..., Any], make: Callable[[], Any]) -> None:
        self._function, self._make = function, make
        self._made: Any = None
        self.__doc__, self.__name__ = function.__doc__, function.__name__

    def __call__(self, *arguments: Any) -> Any:
        return self.made()(*arguments)

    def made(self) -> Any:
        """The compiled function; it and all it calls take their own places in their modules."""
        with _making:
            if self._made is None:
                names = self._function.__globals__
                for name in _names(self._function.__code__):
                    if isinstance(called := names.get(name), _Later) and called is not self:
                        names[name] = called.made()
                self._made = self._make()
                if names.get(self.__name__) is self:
                    names[self.__name__] = self._made
            return self._made


def _names(code: CodeType) -> Iterator[str]:
    """Global names that a function may use, nested functions included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _compiled(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    import numba

    _listen()
    try:
        return _told_apart(numba.njit(**options)(function))
    except RuntimeError:  # "no locator available": nowhere that machine code could be kept
        folder = temporary.folder("compiled code")
    if folder is None:
        return numba.njit(**options | {"cache": False})(function)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)  # also for processes started by this one
    setattr(numba.config, "CACHE_DIR", str(folder))  # noqa: B010  # a name that its types lack
    return _told_apart(numba.njit(**options)(function))


def _for_any_integer(made: Any) -> Any:
    """A compiled function of all integers of a type: it is not compiled once more for each that a caller writes down."""
    if hasattr(made, "get_call_template"):  # it is not without the compiler
        from numba.core import types

        known = made.get_call_template
        type_of: Callable[[Any], Any] = types.unliteral

        def get_call_template(args: Any, kws: Any) -> Any:
            return known(tuple(map(type_of, args)), {name: type_of(kind) for name, kind in kws.items()})

        made.get_call_template = get_call_template
    return made


def _told_apart(made: Any) -> Any:
    """A compiled function whose machine code is found again only where all that it calls is as it was."""
    made = _for_any_integer(made)
    cache: Any = getattr(made, "_cache", None)  # none without the compiler
    if hasattr(cache, "_index_key"):
        plain = cache._index_key
        cache._index_key = lambda signature, target: (*plain(signature, target), _digest(made.py_func, signature))
    return made


def _digest(function: Callable[..., Any], signature: Iterable[Any]) -> str:
    """Of the code of a function and of all of ours that it calls, of constants they name, and of fields of named tuples."""
    told: list[Any] = [_fields(signature)]
    for one in _reached(function):
        names = sorted(set(_names(one.__code__)))
        values: dict[str, Any] = {name: one.__globals__.get(name) for name in names}
        constants = {name: v for name, v in values.items() if _is_constant(v)}
        classes = {name: v._fields for name, v in values.items() if hasattr(v, "_fields")}
        told += [one.__qualname__, list(_codes(one.__code__)), constants, classes]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _reached(function: Callable[..., Any]) -> Iterator[FunctionType]:
    """A function and everything of ours that it names, directly or not: also what writes machine code, methods included."""
    found: set[Any] = set()
    todo: list[Any] = [function]
    while todo:
        one = todo.pop()
        if one in found:
            continue
        found.add(one)
        if isinstance(one, type):
            todo += [method for method in vars(one).values() if isinstance(method, FunctionType)]
        else:
            yield one
            named = (_source(one.__globals__.get(name)) for name in _names(one.__code__))
            todo += [source for source in named if source is not None]


def _source(value: Any) -> Any:
    """What stands in our sources for a compiled function, an intrinsic, or a function or class as it is; else ``None``."""
    if isinstance(value, FunctionType | type):
        return value if value.__module__.partition(".")[0] in _PACKAGES else None
    return getattr(value, "py_func", None) or getattr(value, "_defn", None)


def _is_constant(value: Any) -> bool:
    """Whether every process writes it alike."""
    return all(map(_is_constant, value)) if isinstance(value, tuple) else isinstance(value, int | float | str)


def _constants(code: CodeType) -> Iterator[Any]:
    """A set as a list: its own order differs from one process to the next."""
    for constant in code.co_consts:
        if not isinstance(constant, CodeType):
            yield sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant


def _codes(code: CodeType) -> Iterator[Any]:
    """Instructions and what they name, nested functions included."""
    yield (
        code.co_code,
        code.co_names,
        code.co_varnames,
        [*_constants(code)],
    )
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _fields(types: Iterable[Any]) -> list[Any]:
    """Fields of the named tuples among some types of the compiler, and of those in them."""
    return [(t.fields, _fields(t.types)) for t in types if hasattr(t, "fields") and hasattr(t, "types")]


def _listen() -> None:
    """Have the compiler tell when it begins and ends with a function."""
    global _listening
    if _listening:
        return
    from numba.core import event

    class Listener(event.Listener):
        """Of functions that call each other, the outermost begins first and ends last."""

        def __init__(self) -> None:
            self.depth, self.done = 0, 0
            self.work: dict[Callable[..., Any], int] = {}

        def on_start(self, told: Any) -> None:
            if self.depth == 0:
                self.work, self.done = _work(told.data["dispatcher"].py_func), 0
                self.tell()
            self.depth += 1

        def on_end(self, told: Any) -> None:
            self.depth -= 1
            self.done += self.work.pop(told.data["dispatcher"].py_func, 0)
            self.tell()

        def tell(self) -> None:
            for watch in _watchers:
                watch(self.done / max(self.done + sum(self.work.values()), 1))

    event.register("numba:compile", Listener())  # type: ignore[no-untyped-call]
    _listening = True


def _work(function: Callable[..., Any]) -> dict[Callable[..., Any], int]:
    """Instructions of a function and of every one of ours that it calls, directly or not."""
    found: dict[Callable[..., Any], int] = {}
    todo = [function]
    while todo:
        one = todo.pop()
        if one not in found:
            found[one] = len(one.__code__.co_code)
            called: list[Any] = [one.__globals__.get(name) for name in _names(one.__code__)]
            todo += [c.py_func for c in called if hasattr(c, "py_func")]
    return found


def _nothing() -> None:
    """Compiled by nobody: only asked where it would be kept."""
