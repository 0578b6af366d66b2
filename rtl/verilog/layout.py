"""How the Verilog is laid out: what Yosys writes, with sources as comments and without what is said twice."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import inf

_WIDTH = 120

_SOURCE = re.compile(r'\(\* src = "([^"]*)" \*\) ?')
_DECLARED = re.compile(r"  (input|output|wire|reg) (\[\d+:\d+\] )?(\w+)(?: = (.+))?;$")
_ANONYMOUS = re.compile(r"\b_\d+_\b")
_VALUE = re.compile(r"  \(\* init = .* \*\)$")
_CASE = re.compile(r"      (?:\d+'b([?1]+)|default):$")
_CLOCKED_BY = tuple(f"  always @(posedge {clock})" for clock in ("clk", "aclk", "bus_aclk"))
_CLOCKED = tuple(f"{edge} begin" for edge in _CLOCKED_BY)
_MEMORY = re.compile(r"  reg (?:\[\d+:\d+\] )?\w+ \[\d+:\d+\];")
_ROW = re.compile(r"    (\w+)\[(\d+)\] = (\d+'h[0-9a-f]+);$")
_READ = re.compile(r"( {4,6})(_\d+_) <= (.+);$")
_CHOICE = re.compile(r"  assign (_\d+_) = ([\w.]+(?:\[\d+\])?) \? ([^?]+) : ([^?]+?);")
_NEXT = re.compile(r"    (\w+) <= (_\d+_);$")
_UNKNOWN = re.compile(r"  assign _\d+_(?:\[[\d:]+\])? = \d+'hx+;")
_PART = re.compile(r"\b(_\d+_)\b(?:\[(\d+)(?::\d+)?\])?")
_SLICE = re.compile(r"\b(_\d+_)(\[[\d:]+\])")
_COPIED = re.compile(r"  assign (\w+) = (_\d+_);$")


def laid_out(text: str, titles: dict[str, str]) -> str:
    """The modules of a text by Yosys, each under its title."""
    head, _, rest = text.partition("\n\n")
    modules = re.split(r"(?<=\nendmodule\n)", rest)
    return "\n".join([head, *(line for body in modules if body.strip() for line in ("", *_module(body, titles)))]) + "\n"


def source(line: str) -> str | None:
    """Where what a line of the Verilog says comes from, ``rtl/junction.py:123``, or several such places."""
    return line.rpartition("  // ")[2] if "  // " in line else None


def _module(body: str, titles: dict[str, str]) -> Iterator[str]:
    head, _, rest = body.partition(");\n")
    attributes, _, ports = head.partition("module ")
    name, _, ports = ports.partition("(")
    sources = {place: None for found in _SOURCE.findall(attributes) for place in found.split("|")}
    yield f"// {titles[name]}"
    lines = _cleared(rest.rstrip("\n").split("\n"))
    lines = list(_decided(_narrowed(_read_registers(list(_memories(list(_selections(lines))))))))
    yield from _declared(name, ", ".join(sources), [port.strip() for port in ports.split(",")], lines)


def _cleared(lines: Iterable[str]) -> list[str]:
    """Source attributes become comments behind the line they are about."""
    result, waiting = [], []
    for line in lines:
        found = _SOURCE.findall(line)
        rest = _SOURCE.sub("", line)
        waiting += found
        if not rest.strip() or _VALUE.match(rest):
            continue
        if waiting and not rest.lstrip().startswith("(*"):
            places = dict.fromkeys(place for sources in waiting for place in sources.split("|"))
            rest += f"  // {', '.join(places)}"
            waiting = []
        result.append(rest)
    return result


def _memories(lines: Sequence[str]) -> Iterator[str]:
    """A memory that begins with the same word everywhere is filled by a loop; its ports come from where it comes from."""
    at, origin = 0, None
    while at < len(lines):
        if _MEMORY.match(lines[at]):
            origin = source(lines[at])
        if lines[at] in _CLOCKED and origin is not None:
            yield f"{lines[at]}  // {origin}"
            at += 1
            continue
        if lines[at] == "  initial begin" and (first := _ROW.match(lines[at + 1])):
            end = lines.index("  end", at)
            rows = [_ROW.match(line) for line in lines[at + 1 : end]]
            words = {row[3] for row in rows if row is not None}
            if len(words) == 1 and len(rows) > 2 and None not in rows:
                memory, word = first[1], words.pop()
                yield f"  initial begin : init_{memory}"
                yield "    integer i;"
                yield f"    for (i = 0; i < {len(rows)}; i = i + 1) {memory}[i] = {word};"
                at = end
                continue
        yield lines[at]
        at += 1


def _selections(lines: Iterable[str]) -> Iterator[str]:
    """One of several words, each of which has a bit that selects it, by decisions: linters find that such cases overlap."""
    word, condition, origin = "", "", ""
    for line in lines:
        if line.startswith("    casez (s)"):
            word, origin = "if", line.removeprefix("    casez (s)")
        elif found := _CASE.match(line):
            bits = found[1] or ""
            condition = f" (s[{len(bits) - 1 - bits.index('1')}])" if bits else ""
        elif condition and line.startswith("        "):
            yield f"    {word}{condition} {line.strip()}{origin}"
            word, condition, origin = "else if", "", ""
        elif word and line.startswith("        "):
            yield f"    else {line.strip()}"
        elif line == "    endcase":
            word = ""
        elif line != "    (* parallel_case *)":
            yield line


def _read_registers(lines: list[str]) -> list[str]:
    """The register behind a memory has the name that it is copied to."""
    copies = {found[2]: found[1] for line in lines if (found := _COPIED.match(line))}
    read = {found[2] for line in lines if (found := _READ.match(line)) and found[2] in copies}
    names = {anonymous: copies[anonymous] for anonymous in read}
    result = []
    for line in lines:
        declared, copied = _DECLARED.match(line), _COPIED.match(line)
        if (declared and declared[3] in names) or (copied and copied[2] in names):
            continue
        if declared and declared[1] == "wire" and declared[3] in names.values():
            line = line.replace("  wire ", "  reg ", 1)
        result.append(_READ.sub(lambda found: f"{found[1]}{names.get(found[2], found[2])} <= {found[3]};", line))
    return result


def _narrowed(lines: list[str]) -> list[str]:
    """An anonymous wire is as wide as what is used of it."""
    lines = [line for line in lines if not _UNKNOWN.match(line)]
    used: dict[str, float] = defaultdict(int)
    for line in lines:
        if not _DECLARED.match(line):
            for name, high in _PART.findall(line.partition("  // ")[0]):
                used[name] = max(used[name], int(high) + 1 if high else inf)
    narrow = {}
    for number, line in enumerate(lines):
        found = _DECLARED.match(line)
        if found and found[1] == "wire" and found[2] and used.get(found[3], inf) < int(found[2][1:].partition(":")[0]) + 1:
            narrow[found[3]] = width = int(used[found[3]])
            lines[number] = f"  wire {f'[{width - 1}:0] ' if width > 1 else ''}{found[3]};"

    def whole(found: re.Match[str]) -> str:
        wanted = {"[0]"} if narrow.get(found[1]) == 1 else {f"[{narrow.get(found[1], 0) - 1}:0]"}
        return found[1] if found[2] in wanted else found[0]

    return [_SLICE.sub(whole, line) for line in lines]


def _decided(lines: Sequence[str]) -> Iterator[str]:
    """Choices among the next values of a register become decisions, if nothing else depends on them."""
    uses = Counter(name for line in lines for name in _ANONYMOUS.findall(line.partition("  // ")[0]))
    choices = {found[1]: found for line in lines if (found := _CHOICE.match(line)) and uses[found[1]] == 3}
    decided: set[str] = set()
    result: list[str] = []
    for line in lines:
        found = _NEXT.match(line)
        if found is None or found[2] not in choices or not result[-1].startswith(_CLOCKED_BY):
            result.append(line)
            continue
        register, value, word = found[1], found[2], "if"
        while value in choices:
            _, condition, then, otherwise = choices[value].groups()
            decided.add(value)
            result.append(f"    {word} ({condition}) {register} <= {then};")
            value, word = otherwise, "else if"
        if value != register:
            result.append(f"    else {register} <= {value};")
    for line in result:
        declared, choice = _DECLARED.match(line), _CHOICE.match(line)
        if not (declared and declared[3] in decided) and not (choice and choice[1] in decided):
            yield line


def _declared(name: str, sources: str, ports: Sequence[str], lines: Sequence[str]) -> Iterator[str]:
    """A module from its head on: ports, anonymous wires by width, and all else; values at power-up by statements.

    Linters warn of a declaration with a value if a process assigns the register, and older ones know no waiver for that.
    """
    anonymous: dict[str, list[str]] = defaultdict(list)
    kinds: dict[str, str] = {}
    rest = []
    mentioned = Counter(name for line in lines for name in re.findall(r"\w+", line.partition("  // ")[0]))
    for line in lines:
        found = _DECLARED.match(line)
        if found is None:
            rest.append(line)
            continue
        kind, width, signal, value = found.groups()
        if kind == "wire" and mentioned[signal] == 1:
            continue
        if kind == "wire" and _ANONYMOUS.fullmatch(signal):
            anonymous[width or ""].append(signal)
        elif signal not in ports:
            rest.append(f"  {kind} {width or ''}{signal};")
        elif kind in ("input", "output"):
            kinds[signal] = f"{kind} {width or ''}"
        elif kind == "reg":
            attributes = ""
            while rest and rest[-1].lstrip().startswith("(*"):
                attributes = f"{rest.pop().strip()} {attributes}"
            kinds[signal] = attributes + kinds[signal].replace("output ", "output reg ")
        if value is not None:
            rest.append(f"  initial {signal} = {value};")
    yield f"module {name} (  // {sources}"
    yield from (f"  {kinds[port]}{port}," for port in ports[:-1])
    yield f"  {kinds[ports[-1]]}{ports[-1]}"
    yield ");"
    for width, names in anonymous.items():
        yield from _wrapped(f"  wire {width}", names)
    yield from rest


def _wrapped(head: str, names: Iterable[str]) -> Iterator[str]:
    """A declaration of many names, in lines that are not too long."""
    line = head
    for name in names:
        if len(line) + len(name) + 2 > _WIDTH:
            yield f"{line.rstrip(', ')};"
            line = head
        line += f"{name}, "
    yield f"{line.rstrip(', ')};"
