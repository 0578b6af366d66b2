"""Two processes on one directory: one is sent away or comes after the other; never is there a mixture of both.

Every pair of commands: HWSIM_PAIRS=all python -m pytest tests/hwsim/results/test_two_at_once.py, or some of them:
HWSIM_PAIRS=train,cosim.
"""

import json
import os
from contextlib import ExitStack
from itertools import product

import pytest
import yaml

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from models.errors import InputError
from models.files import whole
from tests import warm
from tests.hwsim import runs
from tests.hwsim.frontends import small_frontends

pytestmark = pytest.mark.slow

OPTIONS = {
    "check": (),
    "train": ("--force",),
    "simulate": ("--force", "--trace", "0:50"),
    "verilog": ("--force",),
    "scatter": (),
    "search": ("--force", "--trials", "3", "--draws", "2"),
    "cosim": ("--force", "--samples", "3"),
    "synth": ("--force", "--target", "xc7", "--no-cache"),
    "frontend": ("--force",),
    "export-frontend": ("--force",),
    "import-torch": ("--force",),
    "explore": ("--force",),
}
SOME = ("train", "simulate", "scatter")
ASKED = os.environ.get("HWSIM_PAIRS")
CHOSEN = SOME if ASKED is None else tuple(OPTIONS) if ASKED == "all" else tuple(ASKED.split(","))
WAYS = {
    "explore": ((), ("--set", "training.epochs=3")),
    **dict.fromkeys(("export-frontend", "import-torch"), ((), ("--set", "numbers.width=14"))),
}
"""How two runs of a command differ, if not by the seed."""
VARYING = {"timing.json", "study.sqlite"}
"""How long it took; and a database, whose rows say that, too."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """By command: arguments that make two runs of different seeds, and what each leaves by itself."""
    folder = tmp_path_factory.mktemp("alone")
    plain = runs.write_config(folder, "fixed pipelined", epochs=2)
    front = small_frontends.write_config(folder, frontend={"epochs": 1})
    study = folder / "study.yaml"
    axes = {"z": {"key": "hardware.z", "grid": [[8, 4], [4, 2]]}}
    sections = {"schema_version": 1, "name": "few", "base": plain.name, "seeds": [0], "measure": ["fixed"], "axes": axes}
    study.write_text(yaml.safe_dump(sections))
    torch_sources = trained_elsewhere(folder, front) if {"export-frontend", "import-torch"} & set(CHOSEN) else {}
    found = {}
    for name in CHOSEN:
        source = {"frontend": front, "explore": study, **torch_sources}.get(name, plain)
        for seed in (0, 1):
            way = WAYS.get(name, (("--seed", "0"), ("--seed", "1")))[seed]
            arguments = (name, source, *OPTIONS[name], *way)
            out = folder / f"{name}-{seed}"
            assert cli.run([*map(str, arguments), "--out", str(out), "--quiet"]) == 0
            found[name, seed] = arguments, left(out)
    return found


def trained_elsewhere(folder, front):
    """A finished run of a front end, and layers that PyTorch has saved."""
    import torch

    assert small_frontends.run("frontend", front, "--out", folder / "front") == 0
    layers = torch.nn.Sequential(torch.nn.Linear(784, 8), torch.nn.Linear(8, 10))
    torch.save(layers.state_dict(), folder / "layers.pt")
    return {"export-frontend": folder / "front", "import-torch": folder / "layers.pt"}


def left(out):
    return {
        p.relative_to(out): p.read_bytes()
        for p in sorted(out.rglob("*"))
        if p.is_file() and p.name not in VARYING and p.parent == out
    }


@pytest.mark.parametrize(("one", "other"), list(product(CHOSEN, CHOSEN)))
def test_pair(one, other, prepared, tmp_path):
    out = tmp_path / "out"
    commands = [prepared[one, 0], prepared[other, 1]]
    processes = [warm.begun(warm.COMMAND, *arguments, "--out", out, "--quiet") for arguments, _ in commands]
    ends = [process.communicate() for process in processes]
    codes = [process.returncode for process in processes]
    assert set(codes) <= {0, 2} and 0 in codes, ends
    for code, (_, complaint) in zip(codes, ends, strict=True):
        assert "Traceback" not in complaint and (code == 0 or complaint.count("\n") == 1), complaint
    found = left(out)
    possible = [alone for code, (_, alone) in zip(codes, commands, strict=True) if code == 0]
    # What only adds leaves its files beside those of a run of the same configuration, never beside another's.
    assert any(set(found.items()) == set(alone.items()) for alone in possible), (codes, ends, sorted(map(str, found)))
    if "explore" not in (one, other) and (out / "metrics.json").exists():
        of = json.loads((out / "metrics.json").read_text())["configuration_hash"]
        assert of == config_file.fingerprint(config_file.load(out / "config.yaml"))


def test_a_directory_that_another_run_holds_is_left_to_it_by_the_run_that_made_it(tmp_path, monkeypatch):
    """Between making a directory and owning it somebody else may get hold of it, and write there a moment later."""
    out, make, holder = tmp_path / "above" / "out", whole._make, ExitStack()

    def overtaken(directory):
        made = make(directory)
        monkeypatch.setattr(whole, "_make", make)
        holder.enter_context(whole.lock(directory))
        return made

    monkeypatch.setattr(whole, "_make", overtaken)
    with holder:
        with pytest.raises(InputError, match="is in use by another run"), whole.lock(out):
            pass
        (out / "config.yaml").write_text("kept")
    assert (out / "config.yaml").read_text() == "kept"
