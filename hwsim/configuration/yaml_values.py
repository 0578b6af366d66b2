"""The values of YAML that mean the same to every reader: plain scalars, no tags, no key twice."""

import re
from typing import Any, ClassVar

import yaml

from hwsim.configuration.messages import brief, shown

_CORE = "tag:yaml.org,2002:"
_SIGNED_DIGITS = list("-+0123456789")


class StrictLoader(yaml.SafeLoader):
    """The plain values on which all versions of YAML agree; everything else is text, and fails where text is not meant.

    YAML 1.1 reads 12:30:00 as 45000, 017 as 15, ``no`` as false, 2018-01-02 as a date, and 1e-5 as text; other programs,
    which read YAML 1.2, do not.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # both are filled below
    yaml_constructors: ClassVar[dict[str | None, Any]] = {}


_PLAIN = {
    "null": (re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    "bool": (re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    "int": (re.compile(r"^(?:[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+)$"), _SIGNED_DIGITS),
    "float": (
        re.compile(
            r"^(?:[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        [*_SIGNED_DIGITS, "."],
    ),
}
"""By name of the type: what its values look like, and their possible first characters."""


def _fault(node: yaml.Node, problem: str) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _scalar(loader: StrictLoader, node: yaml.Node) -> Any:
    """A value without or with a tag: the tag must not say what the text is not."""
    if not isinstance(node, yaml.ScalarNode):
        raise _fault(node, f"the tag !!{node.tag.removeprefix(_CORE)} does not fit a list or section")
    kind, text = node.tag.removeprefix(_CORE), node.value
    if kind == "str":
        return text
    if not _PLAIN[kind][0].match(text):
        raise _fault(node, f"{brief(text)} is no {kind}")
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "float":
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    try:
        return int(text, 0)
    except ValueError:  # the interpreter refuses to convert thousands of digits
        raise _fault(node, f"a number of {len(text)} digits is beyond every limit") from None


def _sequence(loader: StrictLoader, node: yaml.Node) -> list[Any]:
    if not isinstance(node, yaml.SequenceNode):
        raise _fault(node, "the tag !!seq does not fit")
    return loader.construct_sequence(node, deep=True)


def _mapping(loader: StrictLoader, node: yaml.Node) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise _fault(node, "the tag !!map does not fit")
    result: dict[str, Any] = {}
    for key, value in node.value:
        name = loader.construct_object(key, deep=True)
        if not isinstance(key, yaml.ScalarNode):
            raise _fault(key, f"the key {shown(name)} is not a word")
        name = key.value  # as it is written: 10, 0x10 and true are names here, no values
        if not name:
            raise _fault(key, "a key is empty")
        if name in result:
            raise _fault(key, f"the key {brief(name)} stands twice")
        result[name] = loader.construct_object(value, deep=True)
    return result


def _no_tag(loader: StrictLoader, node: yaml.Node) -> None:
    raise _fault(node, f"the tag {brief(node.tag.replace(_CORE, '!!'))} has no meaning here")


for _name, (_pattern, _first) in _PLAIN.items():
    StrictLoader.add_implicit_resolver(_CORE + _name, _pattern, _first)
    StrictLoader.add_constructor(_CORE + _name, _scalar)
StrictLoader.add_constructor(_CORE + "str", _scalar)
StrictLoader.add_constructor(_CORE + "seq", _sequence)
StrictLoader.add_constructor(_CORE + "map", _mapping)
StrictLoader.add_constructor(None, _no_tag)  # all others


class Dumper(yaml.SafeDumper):
    """Quotes text that would be something else, be it to us or to readers of YAML 1.1."""


for _name, (_pattern, _first) in _PLAIN.items():
    Dumper.add_implicit_resolver(_CORE + _name, _pattern, _first)


class SectionDumper(Dumper):
    """Sections as blocks, lists of numbers on one line."""


SectionDumper.add_representer(list, lambda dumper, data: dumper.represent_sequence(_CORE + "seq", data, flow_style=True))
