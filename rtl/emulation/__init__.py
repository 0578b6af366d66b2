"""The virtual board: a design with its serial pins, compiled into a program that the real driver talks to."""
