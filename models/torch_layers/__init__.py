"""Layers and networks for PyTorch, an extra: only the modules of this package that need it import it.

Whoever imports one of them calls :func:`require` first, so that a missing extra is told in one line.
"""

from models.errors import InputError


def require() -> None:
    """Make sure that PyTorch is there.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as e:
        if e.name != "torch":
            raise
        rule = "is missing: install PyTorch with pip install 'hwsim[torch]' (the CPU build is enough)"
        raise InputError("package torch", None, rule) from None
