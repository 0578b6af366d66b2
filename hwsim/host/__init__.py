"""The driver of an accelerator, for the computer that it is connected to. Needs NumPy and nothing else of hwsim.

A small board's own Python runs a copy of this directory.
"""

from .accelerator import Accelerator
from .design import DesignMap
from .errors import BadValue, HostError, Refused, Silence, WrongDesign
from .packets import Results
from .transport import Transport

__all__ = [
    "Accelerator",
    "BadValue",
    "DesignMap",
    "HostError",
    "Refused",
    "Results",
    "Silence",
    "Transport",
    "WrongDesign",
]
