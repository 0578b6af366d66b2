"""The command ``hwsim compile``."""

import time
from collections.abc import Callable

from hwsim.commands.console import console_of, say
from hwsim.commands.options import Quiet
from hwsim.commands.progress import preparing
from hwsim.figure import Figure, Figures
from hwsim.tables import columns, number, table

COMPILED = Figures("compiled", {"seconds": Figure("s", "until the code was there: long once, then short", "less")})
"""Of one engine, as tables have them."""

_DESIGN = {
    "network": {"layers": [784, 112, 10], "out_degree": [10, 5]},
    "hardware": {"z": [112, 8]},
    "training": {"samples": 20, "epochs": 1},
}


def compile_(quiet: Quiet = False) -> None:
    """Compile the inner loops now, for all commands.

    Every engine runs once on a few samples, so that no later command has to wait; best after installation. The code is kept
    beside hwsim, or else in the user's cache directory. Another time it is only read.
    """
    rows = table("compiled inner loops", "of", *columns(COMPILED, seconds="seconds"))
    for name, prepare in steps().items():
        began = time.monotonic()
        if not quiet:
            say(name)
        with preparing(quiet):
            prepare()
        rows.add_row(name, number(time.monotonic() - began, ".1f"))
    console_of(quiet).print(rows)


def steps() -> dict[str, Callable[[], object]]:
    """What makes each engine's compiled code, by what people call it."""
    from hwsim.configuration import config_file
    from hwsim.design import Design
    from hwsim.patterns.scatter import scatter
    from hwsim.simulation.simulate import simulate
    from hwsim.training.run import train

    def design(**overrides: object) -> Design:
        return Design(config_file.parse(config_file.with_overrides(_DESIGN, overrides)))

    def trained(**overrides: object) -> Callable[[], object]:
        told = {f"training.{key}": value for key, value in overrides.items()}
        return lambda: train(design(**told))

    def simulated() -> object:
        made = design()
        made.machine().warm_up()  # few samples repeat nothing
        return simulate(made, made.dataset(None).train)

    return {
        "fixed engine": trained(engine="fixed"),
        "fixed engine, stochastic rounding": lambda: train(design(**{"numbers.rounding.weight_step": "stochastic"})),
        "machine": simulated,
        **{
            f"float engine, {precision}{', batches' if batch > 1 else ''}": trained(
                engine="float", order="sequential", precision=precision, batch_size=batch, optimiser=optimiser
            )
            for precision in ("float64", "float32")
            for batch, optimiser in ((1, "sgd"), (8, "adam"))
        },
        "quality of patterns": lambda: scatter(design()),
    }
