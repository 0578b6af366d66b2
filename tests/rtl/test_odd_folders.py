"""Results go where they are asked for, whatever that place is called, and errors name only logs that are there."""

import json
import os
import re

import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.measurements.measurement import Subject
from rtl.cosim import workplace
from rtl.cosim.simulators import BUILD_LOG, LOG
from rtl.synthesis import measurement, tools
from rtl.verilog.emission import Verilog
from tests.hwsim import runs
from tests.rtl.cosim.driving import verilog
from tests.rtl.players import Players

ODD = ["a b", "a#b", "$HOME", "a$(x)", "it's", 'a"b', "-out", "é ü", "a;b", "a:b", "a%b", "a=b", "~", "a\\\\b", "n" * 200]


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return runs.write_config(tmp_path, "fixed pipelined")


@pytest.fixture(scope="module")
def known():
    """Verilog by configuration."""
    return {}


@pytest.fixture
def generated(known, monkeypatch):
    """The Verilog of a design is generated once: no folder changes it."""
    of = Verilog.of

    def once(component):
        key = config_file.fingerprint(component.plan.config)
        if key not in known:
            known[key] = of(component)
        return known[key]

    monkeypatch.setattr(Verilog, "of", once)


def cosim(config, simulator, out, *options):
    return cli.run(
        [
            "cosim",
            str(config),
            "--simulator",
            simulator,
            "--samples",
            "3",
            "--scenarios",
            "data",
            f"--out={out}",
            "-q",
            *options,
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_cosimulation_in_a_folder_of_any_name(simulator, config, tmp_path):
    """All troublesome characters at once: one build."""
    out = tmp_path / "a b" / "-it's #$HOME $(x) é;:%=~"
    assert cosim(config, simulator, out.relative_to(tmp_path)) == 0
    assert json.loads((out / "metrics.json").read_text())["status"] == "agree"
    assert {simulator, "accelerator.v", BUILD_LOG, "bench.v"} <= {p.name for p in (out / "simulation").iterdir()}
    assert not [p for p in tmp_path.iterdir() if p.name.startswith("hwsim-")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD)
def test_icarus_in_each_odd_folder(name, config, generated):
    assert cosim(config, "icarus", name) == 0


@pytest.mark.parametrize("name", ODD)
def test_what_is_built_elsewhere_ends_where_it_was_asked_for(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "old").write_text("stays")
    with pytest.raises(KeyError), workplace.harmless(folder) as place:
        assert re.fullmatch(r"[\w./+-]+", str(place), re.ASCII)
        (place / "made" / "deep").mkdir(parents=True)
        (place / "made" / "deep" / "x").write_text("new")
        raise KeyError
    assert (folder / "made" / "deep" / "x").read_text() == "new" and (folder / "old").read_text() == "stays"
    assert place == folder or not place.exists()


def test_temporary_folders_have_harmless_names_too(tmp_path, monkeypatch):
    (tmp_path / "t t").mkdir()
    monkeypatch.setattr(workplace.tempfile, "gettempdir", lambda: str(tmp_path / "t t"))
    with workplace.harmless(tmp_path / "t t") as place:
        assert " " not in str(place) and place.is_dir()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OSError, match="set TMPDIR"), workplace.harmless(tmp_path / "t t"):
        pass


@pytest.mark.parametrize("out", ["plain", "a b"])
@pytest.mark.parametrize("breaks", ["build", "run"])
def test_an_error_names_the_logs_that_are_there(out, breaks, config, generated, tmp_path, monkeypatch, capsys):
    tool = tmp_path / "bin" / ("iverilog" if breaks == "build" else "vvp")
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho broken\nexit 3\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    assert cosim(config, "icarus", out) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    folder = tmp_path / out / "simulation"
    named = re.findall(r"\w+\.log", line)
    assert named and all((folder / name).is_file() for name in named) and line.endswith(f" in {folder}"), line
    assert (LOG in named) == (breaks == "run")


@pytest.mark.parametrize("name", ODD)
def test_synthesis_in_each_odd_folder(name, config, generated, tmp_path, monkeypatch):
    monkeypatch.setenv("HWSIM_CACHE", str(tmp_path / "cache"))
    players = Players(tmp_path / "play ers", monkeypatch)
    assert cli.run(["synth", str(config), "--target", "ecp5-25k", f"--out={name}", "-q"]) == 0
    assert (tmp_path / name / "accelerator.bit").read_text() == "bits" and players.calls == [
        "yosys",
        "nextpnr-ecp5",
        "ecppack",
    ]


@pytest.mark.slow
def test_the_real_tools_in_an_odd_folder(config, tmp_path, monkeypatch):
    monkeypatch.setenv("HWSIM_CACHE", str(tmp_path / "cache"))
    out = "a b/-it's #$HOME é\""
    # Of all targets the one for which Yosys takes least.
    assert cli.run(["synth", str(config), "--target", "gatemate-a1", "--no-place", f"--out={out}", "-q"]) == 0
    assert json.loads((tmp_path / out / "synthesis.json").read_text())


def test_a_failed_synthesis_names_a_log_only_where_it_stays(config, generated, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HWSIM_CACHE", str(tmp_path / "cache"))
    Players(tmp_path / "players", monkeypatch).play("yosys", says="ERROR: no luck\n", code=1)
    assert cli.run(["synth", str(config), "--target", "ecp5-25k", "--out", "a b", "-q"]) == 1
    line = capsys.readouterr().err.strip()
    assert (
        line == "hwsim: yosys failed: no luck; see a b/synthesis/yosys.log"
        and (tmp_path / "a b/synthesis/yosys.log").is_file()
    )
    with pytest.raises(tools.ToolError) as failed:
        design = verilog("one_junction").accelerator.plan.design
        wanted = {"targets": ["ecp5-25k"], "place": False, "time_limit": None}
        measurement.measure(Subject(design, settings=wanted))
    assert str(failed.value) == "yosys failed: no luck"
