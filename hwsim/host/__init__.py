"""The driver of an accelerator, for the computer that it is connected to. Needs NumPy and nothing else of hwsim.

A serial port needs pyserial, too; ``python -m hwsim.host.demo`` trains a board through one, or through TCP, and
``python -m hwsim.host.adapt`` has it adapt to somebody new.
A small board's own Python runs a copy of this directory.
"""

from .accelerator import Accelerator
from .design import DesignMap
from .errors import BadValue, HostError, Refused, Silence, WrongDesign
from .link import Link
from .packets import Results
from .streams import Connection, SerialPort, connect, open_port
from .transport import Transport

__all__ = [
    "Accelerator",
    "BadValue",
    "Connection",
    "DesignMap",
    "HostError",
    "Link",
    "Refused",
    "Results",
    "SerialPort",
    "Silence",
    "Transport",
    "WrongDesign",
    "connect",
    "open_port",
]
