"""What stands around a design in a proof."""

import numpy as np

from rtl.mutation.aig import Aig
from rtl.mutation.environment import surrounded
from rtl.mutation.mutants import SELECTOR


def played(graph, clocks):
    """Outputs of every clock, of inputs by name; others are 0, and registers at the start."""
    state, result = [0] * len(graph.latches), []
    for given in clocks:
        values = [0, *(given.get(name, 0) for name in graph.inputs), *state]

        def at(x, of=values):
            return of[x >> 1] ^ (x & 1)

        for a, b in graph.gates:
            values.append(at(a) & at(b))
        result.append({name: at(x) for name, x in graph.outputs.items()})
        state = [at(x) for x in graph.next]
    return result


def port():
    """A port that is done two clocks after it is asked, or, with the mutant, in all clocks but that one."""
    inputs = ["rst", "bus__request", "bus__write", "samples__valid", "samples__payload", f"{SELECTOR}[0]"]
    graph = Aig(inputs, ["first", "done"])
    rst, request, _, valid, _, mutant, first, done = (2 * k for k in range(1, 9))
    graph.next = [graph.both(request, rst ^ 1), graph.both(first, rst ^ 1)]
    graph.outputs = {"bus__done": graph.differ(done, mutant), "samples__ready": valid}
    return graph


def test_what_is_asked_is_held_until_it_is_over():
    asked = {"bus__request": 1, "bus__write": 1}
    seen = played(surrounded(port()), [{}, asked, {}, {}, {}, {}])
    assert [s["bus__request"] for s in seen] == [0, 1, 1, 1, 0, 0]
    assert [s["bus__done"] for s in seen] == [0, 0, 0, 1, 1, 1]
    assert [s["bus__write"] for s in seen] == [0, 1, 1, 1, 0, 0]
    reset = played(surrounded(port()), [asked, {"rst": 1}, {}, {}])
    assert [s["bus__request"] for s in reset] == [1, 1, 0, 0]


def test_an_end_may_be_a_gate_that_a_mutant_changes():
    rng = np.random.default_rng(0)
    whole, asks = surrounded(port()), rng.integers(2, size=60).tolist()
    for chosen in (0, 1):
        seen = played(whole, [{"bus__request": a, f"{SELECTOR}[0]": chosen} for a in asks])
        for now, then, ask in zip(seen, seen[1:], asks[1:], strict=False):
            assert then["bus__request"] == (ask or (now["bus__request"] and not now["bus__done"]))
