"""Faults of engines, and the comparison of reference and machine that has to find them."""

from hwsim.design import Design
from hwsim.machine import arrays
from hwsim.schedule.banks import Banks
from hwsim.selftest import machine
from hwsim.selftest.run import REFERENCE, examine, pairs
from models.fixed import layout, rows
from models.numbers.format import Rounding
from models.numbers.stochastic import stepped

PAIRS = pairs(("reference", "machine"))


def reference_rounds_ties_up(monkeypatch):
    """Ties to even are rounded up."""
    monkeypatch.setitem(layout._MODES, Rounding.HALF_EVEN, rows.HALF_UP)


def machine_cuts_off(monkeypatch):
    """Half up is rounded down."""
    monkeypatch.setitem(arrays._MODE, Rounding.HALF_UP, arrays._MODE[Rounding.FLOOR])


def machine_has_a_bank_too_few(monkeypatch):
    """Of activations: a sample overwrites one that is still needed."""
    whole = Banks.of
    monkeypatch.setattr(
        Banks, "of", lambda hops, n: (b := whole(hops, n)).__class__((b.activation[0] - 1, *b.activation[1:]), *_rest(b))
    )


def _rest(banks):
    return banks.derivative, banks.partial, banks.delta


def machine_learns_too_slowly(monkeypatch):
    """The samples' learning-rate shifts are one too large, where the hardware allows for that."""
    whole = machine.Machine.samples

    def slow(self, inputs, labels, kappa, train=True, **more):
        return whole(self, inputs, labels, (kappa + 1).clip(max=self.config.kappa_range[1]), train, **more)

    monkeypatch.setattr(machine.Machine, "samples", slow)


def machine_breaks_off(monkeypatch):
    """With the overlapping schedule."""
    whole = Design.machine

    def broken(self, *given, **more):
        if self.config.hardware.schedule == "overlap":
            raise ZeroDivisionError("division by zero")
        return whole(self, *given, **more)

    monkeypatch.setattr(Design, "machine", broken)


def machine_draws_a_row_early(monkeypatch):
    """The generator of the first junction is a step ahead."""
    whole = Design.machine

    def ahead(self, *given, **more):
        made = whole(self, *given, **more)
        if made.random:
            made._s.registers.random[0] = stepped(int(made._s.registers.random[0]))
        return made

    monkeypatch.setattr(Design, "machine", ahead)


FAULTS = {
    fault.__name__: fault
    for fault in (
        reference_rounds_ties_up,
        machine_cuts_off,
        machine_has_a_bank_too_few,
        machine_learns_too_slowly,
        machine_draws_a_row_early,
        machine_breaks_off,
    )
}


def failing(cases):
    """The first case in which reference and machine differ, and in what."""
    for case in cases:
        failure = examine(case, PAIRS).failure
        if failure is not None:
            assert failure.pair == REFERENCE
            return case, failure
    return None
