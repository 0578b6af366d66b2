"""Entry point of ``python -m hwsim`` and of the installed command: nothing is loaded here before an interrupt can be answered."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn


def main() -> None:
    """Run the command line; its packages take a while to load, in which the interrupt key may be pressed, too.

    While they load, an interrupt ends the process at once: as an exception it would be lost, or become another one, wherever
    compiled code is loaded. There is nothing to clean up yet.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else it is ignored, or someone else's
    try:
        if usual:
            signal.signal(signal.SIGINT, _stop)
        from hwsim import cli

        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        cli.main()
    except KeyboardInterrupt:
        _stop()


def _stop(_signal: int = signal.SIGINT, _frame: FrameType | None = None) -> NoReturn:
    if sys.stderr is not None:
        os.write(sys.stderr.fileno(), b"hwsim: interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    main()
