"""What the command line needs of synthesis."""

from rtl.delivery import generate
from rtl.synthesis.flow import Options, prepare, synthesise
from rtl.synthesis.results import lines, table, write
from rtl.synthesis.targets import target

__all__ = ["Options", "generate", "lines", "prepare", "synthesise", "table", "target", "write"]
