"""The clock on its way from a board's oscillator: the vendors' cells, or none where the oscillator is fast enough."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from amaranth.hdl import Const, Instance, Module, Signal

from rtl.boards import pll
from rtl.boards.pll import Setting

Settings = Callable[[Fraction], Iterator[Setting]]


@dataclass(frozen=True)
class Clocking:
    """How a clock is made.

    Attributes
    ----------
    source
        MHz of the oscillator.
    setting
        Of the PLL; ``None`` if the oscillator itself is the clock.
    settings
        What the family's PLL can do (:mod:`rtl.boards.pll`).
    """

    source: Fraction
    setting: Setting | None
    settings: Settings

    @classmethod
    def of(cls, settings: Settings, source: Fraction, wanted: float) -> "Clocking":
        """That which makes ``wanted`` MHz; raises what :func:`rtl.boards.pll.choose` does."""
        return cls(source, pll.choose(settings, source, wanted), settings)

    @property
    def frequency(self) -> Fraction:
        """MHz."""
        return self.source if self.setting is None else self.setting.frequency

    def build(self, m: Module, source: Signal, ticks: Signal, locked: Signal) -> None:
        """Put the cells between the oscillator's pin and the clock; ``locked`` is 1 when it is steady."""
        if self.setting is None:
            m.d.comb += [ticks.eq(source), locked.eq(1)]
        else:
            m.submodules.pll = _CELLS[self.settings](m, self, source, ticks, locked)


def _ecp5(m: Module, of: Clocking, source: Signal, ticks: Signal, locked: Signal) -> Instance:
    assert of.setting is not None
    dividers, back = of.setting.dividers, Signal(name="back")
    # Lattice's own values of the loop filter; phases of a whole period, which are none.
    return Instance(
        "EHXPLLL",
        a_FREQUENCY_PIN_CLKI=f"{float(of.source):.6g}",
        a_FREQUENCY_PIN_CLKOS=f"{float(of.frequency):.6g}",
        a_ICP_CURRENT="12",
        a_LPF_RESISTOR="8",
        a_MFG_ENABLE_FILTEROPAMP="1",
        a_MFG_GMCREF_SEL="2",
        **_parameters(dividers),
        p_PLLRST_ENA="DISABLED",
        p_INTFB_WAKE="DISABLED",
        p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED",
        p_OUTDIVIDER_MUXA="DIVA",
        p_OUTDIVIDER_MUXB="DIVB",
        p_CLKOP_ENABLE="ENABLED",
        p_CLKOP_CPHASE=dividers["CLKOP_DIV"] - 1,
        p_CLKOP_FPHASE=0,
        p_CLKOS_ENABLE="ENABLED",
        p_CLKOS_CPHASE=dividers["CLKOS_DIV"] - 1,
        p_CLKOS_FPHASE=0,
        p_FEEDBK_PATH="CLKOP",
        i_CLKI=source,
        i_CLKFB=back,
        i_RST=Const(0),
        i_STDBY=Const(0),
        i_PHASESEL0=Const(0),
        i_PHASESEL1=Const(0),
        i_PHASEDIR=Const(1),
        i_PHASESTEP=Const(1),
        i_PHASELOADREG=Const(1),
        i_PLLWAKESYNC=Const(0),
        i_ENCLKOP=Const(0),
        o_CLKOP=back,
        o_CLKOS=ticks,
        o_LOCK=locked,
    )


def _ice40(m: Module, of: Clocking, source: Signal, ticks: Signal, locked: Signal) -> Instance:
    assert of.setting is not None
    widths, dividers = {"DIVR": 4, "DIVF": 7, "DIVQ": 3}, of.setting.dividers
    compared = of.source / (dividers["DIVR"] + 1)
    return Instance(
        "SB_PLL40_PAD",  # the oscillator's pin is the PLL's own
        p_FEEDBACK_PATH="SIMPLE",
        **_parameters({name: Const(n, widths[name]) for name, n in dividers.items()}),
        p_FILTER_RANGE=Const(pll.filter_range(compared), 3),
        i_PACKAGEPIN=source,
        i_RESETB=Const(1),
        i_BYPASS=Const(0),
        o_PLLOUTGLOBAL=ticks,
        o_LOCK=locked,
    )


def _series7(m: Module, of: Clocking, source: Signal, ticks: Signal, locked: Signal) -> Instance:
    assert of.setting is not None
    back, made = Signal(name="back"), Signal(name="made")
    m.submodules.buffer = Instance("BUFG", i_I=made, o_O=ticks)
    return Instance(
        "PLLE2_BASE",
        p_CLKIN1_PERIOD=f"{float(1000 / of.source):.3f}",
        **_parameters(of.setting.dividers),
        i_CLKIN1=source,
        i_CLKFBIN=back,
        i_RST=Const(0),
        i_PWRDWN=Const(0),
        o_CLKFBOUT=back,
        o_CLKOUT0=made,
        o_LOCKED=locked,
    )


_CELLS: dict[Settings, Callable[[Module, Clocking, Signal, Signal, Signal], Instance]] = {
    pll.ecp5: _ecp5,
    pll.ice40: _ice40,
    pll.series7: _series7,
}


def _parameters(values: Any) -> dict[str, Any]:
    return {f"p_{name}": value for name, value in values.items()}
