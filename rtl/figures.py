"""The figures that hardware is told by, whoever measures it."""

from hwsim.figure import Figure

CLOCKS_PER_INPUT = Figure("clocks", "between the entries of two samples", "less")
