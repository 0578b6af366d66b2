"""Verilog and what goes with it."""
