"""And-inverter graphs: read from Yosys, rebuilt with a mutant switched on, and written for ABC.

A literal is 2 · node + inverted, node 0 being the constant 0. All latches of a file start at 0, as Yosys writes them.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Aig:
    """A graph with structural hashing: the same gate is never built twice.

    Attributes
    ----------
    inputs, latches
        Names of the nodes 1.. and of those that follow them.
    next
        Literal of every latch in the next clock.
    outputs
        Literals by name.
    """

    inputs: list[str] = field(default_factory=list)
    latches: list[str] = field(default_factory=list)
    next: list[int] = field(default_factory=list)
    outputs: dict[str, int] = field(default_factory=dict)
    gates: list[tuple[int, int]] = field(default_factory=list)
    _known: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def first_gate(self) -> int:
        """Number of the first gate's node."""
        return 1 + len(self.inputs) + len(self.latches)

    def both(self, a: int, b: int) -> int:
        """The literal of ``a & b``."""
        if a > b:
            a, b = b, a
        if a == 0 or a == b ^ 1:
            return 0
        if a in (1, b):
            return b
        if (known := self._known.get((a, b))) is None:
            self.gates.append((a, b))
            known = self._known[a, b] = 2 * (self.first_gate + len(self.gates) - 1)
        return known

    def either(self, of: Iterable[int]) -> int:
        """The literal of the disjunction."""
        row = [x ^ 1 for x in of]
        while len(row) > 1:
            row = [self.both(*pair) if len(pair) == 2 else pair[0] for pair in zip_pairs(row)]
        return row[0] ^ 1 if row else 0

    def differ(self, a: int, b: int) -> int:
        """The literal of ``a ^ b``."""
        return self.both(self.both(a, b) ^ 1, self.both(a ^ 1, b ^ 1) ^ 1)

    def choose(self, which: int, a: int, b: int) -> int:
        """The literal of ``a`` where ``which`` is set, else of ``b``."""
        return self.both(self.both(which, a) ^ 1, self.both(which ^ 1, b) ^ 1) ^ 1

    def rebuild(self, into: "Aig", given: Sequence[int]) -> list[int]:
        """Build all gates in another graph; returns its literals by node.

        Parameters
        ----------
        given
            Literals there of this graph's inputs and latches.
        """
        literal = [0, *given]
        both = into.both
        for a, b in self.gates:
            literal.append(both(literal[a >> 1] ^ (a & 1), literal[b >> 1] ^ (b & 1)))
        return literal

    def grounded(self, nodes: Container[int]) -> "Aig":
        """The graph with some inputs and latches being 0; they stay among them."""
        into = Aig(list(self.inputs), list(self.latches))
        given = [0 if k in nodes else 2 * k for k in range(1, self.first_gate)]
        inside = self.rebuild(into, given)
        into.next = [inside[x >> 1] ^ (x & 1) for x in self.next]
        into.outputs = {name: inside[x >> 1] ^ (x & 1) for name, x in self.outputs.items()}
        return into

    def write(self, file: Path, bad: int) -> list[int]:
        """Write what ``bad`` depends on, latches included, as a binary AIGER file with that one output.

        Returns the nodes of the inputs that the file has, in its order.
        """
        used, stack = set[int](), [bad >> 1]
        last = 1 + len(self.inputs)
        while stack:
            node = stack.pop()
            if node in used or node == 0:
                continue
            used.add(node)
            if node >= self.first_gate:
                stack += [x >> 1 for x in self.gates[node - self.first_gate]]
            elif node >= last:
                stack.append(self.next[node - last] >> 1)
        order = sorted(used)
        number = {0: 0} | {node: k for k, node in enumerate(order, 1)}

        def renamed(x: int) -> int:
            return 2 * number[x >> 1] | x & 1

        latches = [n for n in order if last <= n < self.first_gate]
        gates = [n for n in order if n >= self.first_gate]
        inputs = len(order) - len(latches) - len(gates)
        head = f"aig {len(order)} {inputs} {len(latches)} 1 {len(gates)}\n"
        text = head + "".join(f"{renamed(self.next[n - last])}\n" for n in latches) + f"{renamed(bad)}\n"
        body = bytearray()
        for n in gates:
            a, b = sorted((renamed(x) for x in self.gates[n - self.first_gate]), reverse=True)
            body += _delta(2 * number[n] - a) + _delta(a - b)
        file.write_bytes(text.encode() + bytes(body))
        return order[:inputs]


def zip_pairs(row: list[int]) -> list[list[int]]:
    """Neighbours two by two."""
    return [row[i : i + 2] for i in range(0, len(row), 2)]


def _delta(x: int) -> bytes:
    result = bytearray()
    while x >= 128:
        result.append(x & 127 | 128)
        x >>= 7
    result.append(x)
    return bytes(result)


def read(file: Path) -> Aig:
    """A binary AIGER file with symbols."""
    data = file.read_bytes()
    end = data.index(b"\n")
    _, i, latches, o, a = (int(x) for x in data[:end].split()[1:6])
    at, numbers = end + 1, []
    for _ in range(latches + o):
        end = data.index(b"\n", at)
        numbers.append(int(data[at:end].split()[0]))
        at = end + 1
    result = Aig([""] * i, [""] * latches, numbers[:latches])
    values: list[int] = []
    x = shift = 0
    while len(values) < 2 * a:
        byte = data[at]
        at += 1
        x |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            values.append(x)
            x = shift = 0
    for k in range(a):
        high = 2 * (result.first_gate + k) - values[2 * k]
        result.gates.append((high, high - values[2 * k + 1]))
    names: dict[str, list[str]] = {"i": result.inputs, "l": result.latches, "o": [""] * o}
    for line in data[at:].decode().splitlines():
        place, _, name = line.partition(" ")
        if place == "c":
            break
        names[place[0]][int(place[1:])] = name
    result.outputs = dict(zip(names["o"], numbers[latches:], strict=True))
    assert len(result.outputs) == o, "an output that shares its name with another one would be lost"
    return result
