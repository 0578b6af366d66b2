"""What the command line needs of synthesis."""

from rtl.synthesis.flow import Options, prepare, synthesise
from rtl.synthesis.results import FIGURES as SYNTHESIS
from rtl.synthesis.results import lines, table, write
from rtl.synthesis.targets import target
from rtl.verilog.generate import generate

__all__ = ["SYNTHESIS", "Options", "generate", "lines", "prepare", "synthesise", "table", "target", "write"]
