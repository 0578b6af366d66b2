"""What pages say that somebody types, and what it prints: read from the page, run, and compared."""

import doctest
import re
import shlex
import subprocess

from hwsim.commands import app as cli
from tests.documents import ROOT, page

BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(name):
    """(command, what it prints) of every console block of a page, in order; a here-document belongs to its command."""
    found = []
    for block in BLOCK.findall(page(name)):
        inside = None
        for line in block.splitlines():
            if inside is not None:
                found[-1][0].append(line)
                inside = None if line == inside else inside
            elif line.startswith("$ "):
                found.append(([line[2:]], []))
                marker = re.search(r"<<'(\w+)'", line)
                inside = marker and marker[1]
            else:
                found[-1][1].append(line)
    return [("\n".join(command), "\n".join(printed)) for command, printed in found]


def plain(text):
    """Without spaces at the ends of lines, and empty lines at the ends of the text; rules of tables as one stroke."""
    return re.sub("─+", "─", "\n".join(line.rstrip() for line in text.splitlines()).strip("\n"))


def agrees(printed, said):
    """Whether a command has printed what the page says; ``...`` stands for anything, and columns may be narrower."""
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(plain(said) + "\n", plain(printed) + "\n", options)


def follow(name, folder, monkeypatch, capfd):
    """Run every command of a page in a folder that looks like the repository's root to who reads configurations there."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    (folder / "sim_configs").symlink_to(ROOT / "sim_configs")
    for command, said in commands(name):
        capfd.readouterr()
        if command.startswith("hwsim "):
            code = cli.run(shlex.split(command)[1:])
        else:
            code = subprocess.run(["bash", "-euc", command], check=False).returncode
        out, err = capfd.readouterr()
        printed = out if code == 0 else out + err
        assert code in (0, 2) and agrees(printed, said), f"$ {command}\nprints\n{plain(printed)}\nand not\n{said}"
