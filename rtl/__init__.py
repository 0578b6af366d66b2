"""The hardware: Amaranth components, the Verilog of them, co-simulation, synthesis, and place and route.

``Accelerator.of(design)`` is the whole accelerator, ``Junction.of(design, i)`` one junction of it; ``Plan.of(design)`` holds
the integers that all components are built from. The package is the top of the layering (``models`` below ``hwsim`` below
``rtl``), and among the rest only the command line knows it. Its rooms, each of which knows those before it:

- ``blocks``: adder trees, multipliers, tables, RAMs, narrowing and saturation;
- ``plan``: the integers of a design's hardware, exact widths, and what passes between components;
- ``control``: where a pass is, which word and lane and bank that means, and when the next junction cycle begins;
- ``memories``: rows of words, interleaved activations, partial deltas that add up;
- ``processors``: what feedforward (FF), backpropagation (BP) and update (UP) compute of a weight row;
- ``ports``: the streams of samples and results, and the registers;
- ``junction`` and ``accelerator``: all of it put together;
- ``verilog``: the Verilog and what is written beside it; ``cosim``: Verilog beside the cycle-level machine; ``synthesis``:
  area and clock frequency by open tools;
- ``proofs``: what the components state about themselves (``properties``), proved by SymbiYosys.

Every component has a ``latency`` in clocks, from an input to the first output that follows from it, and a ``model()`` that
is exact to the last bit. The model of a component that only computes is called with arrays: of a whole pass, rows first.
Where a component has a state, ``model()`` makes an object that holds it: its ``clock`` takes the inputs of a clock by the
names of the ports and gives the outputs, ``None`` where they mean nothing. The models of a junction and of an accelerator go
by passes and samples, and are composed of their parts' models.

The docstring of every component lists its ports: name, direction, width in bits, and meaning. Widths are written with the
names of the constructor's parameters and with these letters; a name of a number format stands for its width:

- ``C`` weight rows, ``K`` clocks of a pass, ``z`` lanes, ``D`` words of a left memory, ``d_out`` sweeps of a pass (one for
  every edge of a left neuron), ``turns`` sweeps or, in a pass without sweeps, clocks;
- ``q`` right neurons that can end in a row, ``G`` groups of q; ``segments`` right neurons that can share a row, ``routes``
  rows after which lanes belong to them as before; ``D_next`` words of a memory of the right layer, ``phases`` clocks after
  which its same memories come again; for any interleaved layer ``depth``, ``memories``, ``per_clock``, ``groups``;
- ``left`` the format of the left activations, ``product`` a narrowed product, ``partial`` a partial delta;
- ``shift`` the learning-rate shifts, ``tag`` a sample without its inputs, ``classes`` classes, ``period`` clocks of a
  junction cycle;
- ``bits(n)`` bits that number n things, 0 for one thing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtl.accelerator import Accelerator
    from rtl.accelerator_model import Sample
    from rtl.junction import Junction
    from rtl.plan.plan import Plan

__all__ = ["Accelerator", "Junction", "Plan", "Sample"]

_HOMES = {
    "Accelerator": "rtl.accelerator",
    "Junction": "rtl.junction",
    "Plan": "rtl.plan.plan",
    "Sample": "rtl.accelerator_model",
}


def __getattr__(name: str) -> Any:
    """Load a name when it is asked for: the package can be imported where its tools, an extra, are not installed."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as e:
        if e.name is None or e.name.split(".")[0] in ("rtl", "hwsim", "models"):
            raise
        rule = "needs the hardware tools: install them with pip install 'hwsim[rtl]'"
        raise ImportError(f"{__name__}.{name} {rule}", name=e.name) from e


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
