"""Entry point of ``python -m hwsim`` and of the command: nothing is loaded before an interrupt can be answered."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

_LIGHT = {"--help", "--version", "--show-completion", "--install-completion"}
"""What is answered without any configuration, and at once."""


def main() -> None:
    """Run the command line; its packages take a while to load, in which the interrupt key may be pressed, too.

    While they load, an interrupt ends the process at once: as an exception it would be lost, or become another one, wherever
    compiled code is loaded. There is nothing to clean up yet.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else it is ignored, or someone else's
    try:
        if usual:
            signal.signal(signal.SIGINT, _stop)
        try:
            from hwsim.commands import app

            if not _LIGHT.intersection(sys.argv) and "_HWSIM_COMPLETE" not in os.environ:
                import hwsim.configuration.config_file  # noqa: F401  # what every command loads: NumPy and more compiled code
        finally:
            if usual:
                signal.signal(signal.SIGINT, signal.default_int_handler)
        app.main()
    except KeyboardInterrupt:
        sys.stderr.write("hwsim: interrupted\n")
        sys.exit(130)


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    # Not sys.stderr, which the interrupted code may be using, and which its caller may have closed.
    try:
        os.write(2, b"hwsim: interrupted\n")
    finally:
        os._exit(130)


if __name__ == "__main__":
    main()
