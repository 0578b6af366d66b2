"""Entry point of ``python -m hwsim``."""

import sys


def main() -> None:
    """Run the command line; its packages take a second to load, in which the interrupt key may be pressed, too."""
    try:
        from hwsim import cli
    except KeyboardInterrupt:
        sys.stderr.write("hwsim: interrupted\n")
        sys.exit(130)
    cli.main()


if __name__ == "__main__":
    main()
