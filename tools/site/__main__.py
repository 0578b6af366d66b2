"""Builds the site: ``python -m tools.site [--out DIR] [--notebooks]``; exit code 1 for any warning or broken link."""

import argparse
import os
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from tools.site.links import broken
from tools.site.pages import DOCS, ROOT


def build(out: Path, notebooks: bool = False) -> int:
    """Build the site and check its links.

    Parameters
    ----------
    out
        Folder for the pages; beside it Sphinx keeps what it has read, in a folder named after it.
    notebooks
        Run them, so that the pages show what they give.

    Returns
    -------
    int
        0, or 1 if anything is wrong, which standard error tells.
    """
    os.environ["HWSIM_SITE_NOTEBOOKS"] = "force" if notebooks else "off"
    doctrees = out.parent / f"{out.name}-read"
    code = build_main(["-b", "html", "-E", "-W", "--keep-going", "-q", "-d", str(doctrees), str(DOCS), str(out)])
    faults = broken(out)
    sys.stderr.writelines(f"{fault}\n" for fault in faults)
    return 1 if code or faults else 0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tools.site", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="folder for the pages")
    parser.add_argument("--notebooks", action="store_true", help="run the notebooks, so that their pages show results")
    given = parser.parse_args()
    code = build(given.out, given.notebooks)
    if not code:
        sys.stdout.write(f"{given.out}/index.html\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
