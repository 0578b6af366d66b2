"""Which code a result is of: a hash of what the modules behind it say, whatever they are called and wherever they lie.

Comments, docstrings, layout, and imports for type checkers alone count for nothing. An import counts by what is imported
from which content: a module that is renamed or moved, with the imports of it, leaves the hash as it is.
"""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

_OURS = ("models", "hwsim", "rtl")
_BLOCKS = "body", "orelse", "handlers", "finalbody", "cases"
"""Of a statement, a handler or a case: where statements stand in it."""


@cache
def code_version(*roots: str) -> str:
    """SHA-256 over some modules and all that they import, directly or not, of this project and of their own packages."""
    known = imported(*roots)
    return _hash(sorted(_linked(module, known) for module in known.values() if module.says_something))


def imported(*roots: str) -> "dict[str, Module]":
    """The modules themselves and those that they import, directly or not, by name."""
    followed = frozenset({*_OURS, *(root.split(".")[0] for root in roots)})
    found: dict[str, Module] = {}
    waiting = [*roots]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _read(name, followed)
            waiting += [i.module for i in found[name].imports]
    return found


class _Import(NamedTuple):
    """A name in a module, and what it stands for there: a name in another module or, without ``name``, that module."""

    local: str
    module: str
    name: str = ""


class Module(NamedTuple):
    """A module as far as results are concerned.

    Attributes
    ----------
    content
        Hash of what it does, without its imports of modules that are followed.
    imports
        These.
    numbers
        By imported module's local name: what stands in its place in the content.
    says_something
        Whether there is anything in it.
    """

    content: str
    imports: list[_Import]
    numbers: dict[str, int]
    says_something: bool


def _linked(module: Module, known: dict[str, Module]) -> str:
    """The content, and the contents from which its names come; names of modules are left out."""
    links = {
        (i.local, i.name, known[i.module].content)
        if i.name
        else ("", str(module.numbers.get(i.local, "")), known[i.module].content)
        for i in module.imports
    }
    return _hash([module.content, sorted(links)])


@cache
def _read(name: str, followed: frozenset[str]) -> Module:
    path = _path(name)
    assert path is not None, name
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_bytes())
    imports = [i for node in _executed(tree) for i in _imports(node, package, followed)]
    writer = _Writer({i.local for i in imports if not i.name}, package, followed)
    writer.put(tree.body)
    return Module(_hash(writer.words), imports, writer.numbers, writer.words != ["[", "]"] or bool(imports))


@cache
def _path(name: str) -> Path | None:
    """The file of a module; ``None`` if there is none of that name."""
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin and spec.has_location else None


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements but those for type checkers alone; expressions hold none."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [part for name in (["orelse"] if _is_for_types(node) else _BLOCKS) for part in getattr(node, name, ())]


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imports(node: ast.AST, package: str, followed: frozenset[str]) -> Iterator[_Import]:
    """What a statement of a package imports from modules that are followed."""
    if isinstance(node, ast.Import):
        whole = [(alias.asname or alias.name, alias.name) for alias in node.names]
        yield from (_Import(local, module) for local, module in whole if module.split(".")[0] in followed)
    elif isinstance(node, ast.ImportFrom):
        parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        origin = ".".join([*parents, *([node.module] if node.module else [])])
        for alias in node.names if origin.split(".")[0] in followed else []:
            inner = f"{origin}.{alias.name}"
            yield _Import(alias.asname or alias.name, *([inner] if _path(inner) is not None else [origin, alias.name]))


@dataclass
class _Writer:
    """A syntax tree as words, the same in every version of Python.

    Attributes
    ----------
    modules
        Names that stand for modules: each is a number here, in the order of their use.
    package, followed
        Of the tree; imports of modules that are followed are left out.
    """

    modules: set[str]
    package: str
    followed: frozenset[str]
    words: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def put(self, node: Any) -> None:
        if isinstance(node, list):
            self.words.append("[")
            for part in node:
                self.put(part)
            self.words.append("]")
        elif isinstance(node, ast.Name) and node.id in self.modules:
            self.words += ["module", str(self.numbers.setdefault(node.id, len(self.numbers)))]
        elif _is_for_types(node):
            for part in node.orelse:
                self.put(part)
        elif isinstance(node, ast.AST):
            if not (isinstance(node, ast.stmt) and self._is_left_out(node)):
                self._put_node(node)
        else:
            self.words.append(repr(node))

    def _put_node(self, node: ast.AST) -> None:
        self.words.append(type(node).__name__)
        for name in node._fields:
            value = getattr(node, name, None)
            if value is not None and value != []:  # what a later version adds is empty
                self.words.append(name)
                self.put(value)
        self.words.append(";")

    def _is_left_out(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Expr):
            return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)  # a docstring
        return any(_imports(node, self.package, self.followed))


def _hash(content: Any) -> str:
    return hashlib.sha256(repr(content).encode()).hexdigest()
