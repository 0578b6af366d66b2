"""Ports that are registers."""

from amaranth.hdl import Signal
from amaranth.lib import wiring


def free_of_reset(component: wiring.Component, *ports: str) -> None:
    """Let ports be registers that reset leaves alone: what they say means nothing before it has been set anew."""
    for name in ports:
        setattr(component, name, Signal.like(getattr(component, name), name=name, reset_less=True))
