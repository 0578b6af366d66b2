"""What stands around a design in a proof: whoever asks holds what he asks for until it is over, as the ports demand.

Everything else about the inputs is free, in every clock: when something is asked, what, and when reset comes.
"""

from dataclasses import dataclass

from rtl.mutation.aig import Aig


@dataclass(frozen=True)
class _Asking:
    """An input that asks, the output that ends it, and the inputs that belong to it."""

    asks: str
    ends: str
    what: tuple[str, ...]


_PORTS = (
    _Asking("bus__request", "bus__done", ("bus__write", "bus__address", "bus__write_data")),
    _Asking("samples__valid", "samples__ready", ("samples__payload",)),
)
_RESET = "rst"


def surrounded(graph: Aig) -> Aig:
    """The graph behind registers that hold what is asked; what its inputs are then is among the outputs, by their names."""
    number = {name: k for k, name in enumerate(graph.inputs)}
    ports = [(p, [n for n in graph.inputs if n.partition("[")[0] in p.what]) for p in _PORTS]
    held = [f"held:{name}" for p, what in ports for name in (p.asks, *what)]
    into = Aig(list(graph.inputs), [*graph.latches, *held])
    given = [2 * k for k in range(1, 1 + len(graph.inputs) + len(graph.latches))]
    node = len(given) + 1
    for p, what in ports:
        asked = 2 * node
        for name in (p.asks, *what):
            fresh, kept = given[number[name]], 2 * node
            # What asks has been 1 where it is held.
            given[number[name]] = into.either([asked, fresh]) if name == p.asks else into.choose(asked, kept, fresh)
            node += 1
    inside = graph.rebuild(into, given)

    def at(x: int) -> int:
        return inside[x >> 1] ^ (x & 1)

    into.next = [at(x) for x in graph.next]
    into.outputs = {name: at(x) for name, x in graph.outputs.items()}
    for p, what in ports:
        over = into.either([at(graph.outputs[p.ends]), given[number[_RESET]]])
        into.next.append(into.both(given[number[p.asks]], over ^ 1))
        into.next += [given[number[name]] for name in what]
        into.outputs |= {name: given[number[name]] for name in (p.asks, *what)}
    return into
