"""Vendors' cells as a simulator may see them: what the board's top needs of them, no more."""

import pytest

CELLS = """
module EHXPLLL #(
  parameter CLKI_DIV = 1, CLKFB_DIV = 1, CLKOP_DIV = 1, CLKOS_DIV = 1, CLKOP_CPHASE = 0, CLKOP_FPHASE = 0,
  CLKOS_CPHASE = 0, CLKOS_FPHASE = 0, CLKOP_ENABLE = "", CLKOS_ENABLE = "", DPHASE_SOURCE = "", FEEDBK_PATH = "",
  INTFB_WAKE = "", OUTDIVIDER_MUXA = "", OUTDIVIDER_MUXB = "", PLLRST_ENA = "", STDBY_ENABLE = ""
) (
  input CLKI, input CLKFB, input RST, input STDBY, input PHASESEL0, input PHASESEL1, input PHASEDIR, input PHASESTEP,
  input PHASELOADREG, input PLLWAKESYNC, input ENCLKOP, output CLKOP, output CLKOS, output LOCK
);
  reg [3:0] ticks = 0;
  always @(posedge CLKI) if (!LOCK) ticks <= ticks + 1;
  assign CLKOP = CLKI, CLKOS = CLKI, LOCK = &ticks;
endmodule
module SB_PLL40_PAD #(
  parameter FEEDBACK_PATH = "", parameter [3:0] DIVR = 0, parameter [6:0] DIVF = 0, parameter [2:0] DIVQ = 0,
  parameter [2:0] FILTER_RANGE = 0
) (input PACKAGEPIN, input RESETB, input BYPASS, output PLLOUTGLOBAL, output LOCK);
  reg [3:0] ticks = 0;
  always @(posedge PACKAGEPIN) if (!LOCK) ticks <= ticks + 1;
  assign PLLOUTGLOBAL = PACKAGEPIN, LOCK = &ticks;
endmodule
module PLLE2_BASE #(
  parameter CLKIN1_PERIOD = "", DIVCLK_DIVIDE = 1, CLKFBOUT_MULT = 1, CLKOUT0_DIVIDE = 1
) (input CLKIN1, input CLKFBIN, input RST, input PWRDWN, output CLKFBOUT, output CLKOUT0, output LOCKED);
  reg [3:0] ticks = 0;
  always @(posedge CLKIN1) if (!LOCKED) ticks <= ticks + 1;
  assign CLKFBOUT = CLKIN1, CLKOUT0 = CLKIN1, LOCKED = &ticks;
endmodule
module BUFG (input I, output O);
  assign O = I;
endmodule
"""


@pytest.fixture
def cells(tmp_path):
    """The file with the vendors' cells."""
    path = tmp_path / "cells.v"
    path.write_text(CELLS)
    return path
