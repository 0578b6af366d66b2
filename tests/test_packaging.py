"""What an installed hwsim brings along."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "hwsim", "rtl")


def test_data_files_are_packaged():
    """Tables beside the code would be missing from a wheel if no pattern named them."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    named = [f"{package}/{pattern}" for package, of in patterns.items() for pattern in of]
    data = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc", ".nbc", ".nbi"}
    ]
    assert "hwsim/costs/area.yaml" in data
    assert [path for path in data if not any(fnmatch(path, pattern) for pattern in named)] == []


def test_every_folder_of_code_is_a_package():
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []
