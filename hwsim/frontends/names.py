"""Names that files give their things, as messages may show them."""

from pathlib import Path


def brief(name: str) -> str:
    """A name from a file as it may be shown: short, and without characters that steer a terminal."""
    plain = name if name.isprintable() else name[:100].encode("unicode_escape").decode("ascii")
    return plain if len(plain) <= 60 else plain[:57] + "..."


def field(path: Path, name: str) -> str:
    """How a thing in a file is called in error messages."""
    return f"{path}: {brief(name)}" if name else str(path)
