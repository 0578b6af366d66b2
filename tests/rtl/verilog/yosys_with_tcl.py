"""Stands for a Yosys that has Tcl, which those of the Python packages lack: ``yosys -l LOG -p 'tcl SCRIPT'``.

Tcl runs the script, and notes which of Yosys's commands it gives; then Yosys runs these.
"""

from argparse import ArgumentParser
from tkinter import Tcl

from pyosys import libyosys


def given_by(script: str) -> list[str]:
    tcl, given = Tcl(), []
    tcl.createcommand("yosys", lambda option: None)  # -import: its commands are Tcl's
    tcl.createcommand("unknown", lambda *words: given.append(" ".join(words)))
    tcl.eval(f"source {{{script}}}")
    return given


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("-l")
    parser.add_argument("-p")
    tcl, script = parser.parse_args().p.split()
    assert tcl == "tcl"
    design = libyosys.Design()
    for command in given_by(script):
        libyosys.run_pass(command, design)


if __name__ == "__main__":
    main()
