"""Distributions that are there for one test: on the path, with entry points, as pip would leave them."""

from pathlib import Path


def install(folder: Path, name: str, points: dict[str, dict[str, str]], **modules: str) -> None:
    """Lay a distribution into a folder of the path.

    Parameters
    ----------
    points
        By group: references by name.
    modules
        Source by name.
    """
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in of.items()) for group, of in points.items()]
    (info / "entry_points.txt").write_text("\n".join(lines))
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source)
