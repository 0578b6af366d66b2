"""When and where: configuration, schedule, memories, the cycle-level machine, exploration and the command line."""

from hwsim.config import Configuration
from hwsim.config_file import load
from hwsim.design import Design
from hwsim.training import train

__all__ = ["Configuration", "Design", "load", "train"]
