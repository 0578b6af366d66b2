"""Packages that read files of models: extras, of which a missing one is told in one line."""

from importlib import import_module
from typing import Any

from models.errors import InputError


def package(name: str, module: str | None = None) -> Any:
    """A package, or a module of it.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return import_module(module or name)
    except ModuleNotFoundError as e:
        if (e.name or "").partition(".")[0] != name:
            raise
        rule = "is missing: install what reads models with pip install 'hwsim[models]'"
        raise InputError(f"package {name}", None, rule) from None
