"""Power on an FPGA: the arithmetic by hand, what grows with what, tables that are none, and the command."""

import json
import re

import pytest
import yaml

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.costs import area, counts, operations, power
from hwsim.costs.resources import SYNTHESISED
from hwsim.design import Design
from models.errors import InputError
from tests.hwsim import runs
from tests.hwsim.test_figures import unregistered

COUNTS = {"luts": 1000, "lut_ram": 200, "ffs": 500, "dsps": 10, "block_rams": 4}
ACTIVITY = power.Activity(0.3, 0.2, 0.4, "simulated")
TABLE = power.load()


def estimate(target="xc7", megahertz=50.0, period=25, activity=ACTIVITY, **changes):
    return power.estimate(TABLE, target, power.Running(COUNTS | changes, megahertz, period), activity)


def changed(path, change):
    """The table that comes with hwsim, changed, in a file."""
    content = yaml.safe_load(power.DEFAULT.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))
    return path


def by_hand(target, hertz):
    """Watts, from the file itself."""
    plain = yaml.safe_load(power.DEFAULT.read_text())
    device = plain["devices"][target]
    pico = {name: entry["picojoules"] * 1e-12 for name, entry in plain["families"][device["family"]]["parts"].items()}
    toggling_nets = (1000 + 200 + 24 * 10 + 18 * 4) * 0.2 + 500 * 0.3
    return {
        "power_dsp": 10 * 0.4 * pico["dsp"] * hertz,
        "power_block_ram": 4 * 2 * pico["block_ram"] * hertz,
        "power_lut_ram": 200 * 0.2 * pico["lut_ram"] * hertz,
        "power_lut": 1000 * 0.2 * pico["lut"] * hertz,
        "power_ff": (500 + 200) * pico["ff"] * hertz + pico.get("clock_network", 0) * hertz,
        "power_wire": toggling_nets * pico["wire"] * hertz,
        "power_static": device["watts"],
    }


@pytest.mark.parametrize("target", TABLE.devices)
def test_parts_are_what_they_are_by_hand(target):
    found, expected = estimate(target), by_hand(target, 50e6)
    assert {name: part.value for name, part in found.parts.items()} == pytest.approx(expected)
    assert found.total.value == pytest.approx(sum(expected.values()))
    # 50 MHz / 25 clocks are two million samples a second.
    assert found.running.throughput == 2e6
    assert found.energy.value == pytest.approx(sum(expected.values()) / 2e6 * 1e6)


def test_intervals_are_the_uncertainties_and_their_ends_add():
    found, parts = estimate(), TABLE.families["xc7"].parts
    wire = found.parts["power_wire"]
    assert wire.high / wire.value == pytest.approx(parts["wire"].uncertainty)
    assert wire.value / wire.low == pytest.approx(parts["wire"].uncertainty)
    assert found.total.low == pytest.approx(sum(part.low for part in found.parts.values()))
    assert found.total.high == pytest.approx(sum(part.high for part in found.parts.values()))
    assert found.energy.low < found.energy.value < found.energy.high


@pytest.mark.parametrize("target", TABLE.devices)
@pytest.mark.parametrize("resource", COUNTS)
def test_more_of_anything_takes_more(target, resource):
    assert estimate(target, **{resource: COUNTS[resource] + 1}).total.value > estimate(target).total.value


@pytest.mark.parametrize("kind", ["registers", "nets", "operands"])
def test_more_toggles_take_more(kind):
    rates = {"registers": 0.3, "nets": 0.2, "operands": 0.4}
    more = power.Activity(**(rates | {kind: rates[kind] + 0.1}), how="simulated")
    assert estimate(activity=more).total.value > estimate().total.value


def test_a_faster_clock_takes_more_power_and_less_energy_per_sample():
    slow, fast = estimate(megahertz=10), estimate(megahertz=100)
    assert fast.total.value > slow.total.value
    assert fast.energy.value < slow.energy.value  # leakage lasts as long as a sample
    static = slow.parts["power_static"].value
    assert fast.total.value - static == pytest.approx(10 * (slow.total.value - static))


def test_without_anything_that_runs_only_the_chip_itself_is_left():
    nothing = estimate(**dict.fromkeys(COUNTS, 0))
    assert nothing.total == nothing.parts["power_static"]


def test_every_entry_has_a_source_and_every_target_of_synthesis_energies():
    targets = pytest.importorskip("rtl.synthesis.targets").TARGETS
    unpublished = {"nexus", "gowin", "gatemate"}
    known = {name: t.family.name for name, t in targets.items() if t.family.name not in unpublished}
    assert known == {n: d.family for n, d in TABLE.devices.items()}
    for family in TABLE.families.values():
        assert all(entry.source and entry.uncertainty > 1 for entry in family.parts.values())


def _drop(content):
    del content["families"]["ecp5"]["parts"]["wire"]


FAULTY = {
    "unknown part": (
        lambda c: c["families"]["xc7"]["parts"].update(wires={"picojoules": 1, "uncertainty": 2, "source": "x"}),
        r"families\.xc7\.parts = wires: is not known",
    ),
    "missing part": (_drop, r"families\.ecp5\.parts\.wire: is missing"),
    "negative": (
        lambda c: c["families"]["xc7"]["parts"]["lut"].update(picojoules=-1),
        r"families\.xc7\.parts\.lut\.picojoules = -1: must be at least 0",
    ),
    "less than certain": (
        lambda c: c["devices"]["xc7"].update(uncertainty=0.5),
        r"devices\.xc7\.uncertainty = 0\.5: must be",
    ),
    "no source": (lambda c: c["devices"]["xc7"].update(source=""), r"devices\.xc7\.source = .*at least 1 character"),
    "unknown family": (lambda c: c["devices"]["xc7"].update(family="xc8"), r"devices\.xc7\.family = xc8: has no energies"),
    "family of nobody": (lambda c: c["families"].update(xc8=c["families"]["xc7"]), r"families = xc8: is not known"),
    "toggles": (lambda c: c["activity"].update(toggles=2), r"activity\.toggles = 2: must be at most 1"),
    "unknown key": (lambda c: c.update(colour="red"), r"colour: is an unknown key"),
}


@pytest.mark.parametrize("change, line", FAULTY.values(), ids=FAULTY)
def test_a_table_that_is_none_is_told_in_one_line(change, line, tmp_path, capsys):
    path = changed(tmp_path / "energies.yaml", change)
    config = runs.write_config(tmp_path, "fixed pipelined")
    command = ["power", str(config), "--target", "xc7", "--frequency", "10", "--energies", str(path)]
    assert cli.run(command) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert re.match(f"hwsim: {line}", said), said


@pytest.mark.parametrize(
    "options, line",
    [
        (["--target", "xc8", "--frequency", "10"], r"--target = xc8: has no energies; nearest: xc7, .*ice40-up5k"),
        (["--target", "xc7"], r"--frequency: must be given"),
        (["--target", "xc7", "--frequency", "0"], r"--frequency = 0\.0: must be a number above 0"),
        (["--target", "xc7", "--frequency", "nan"], r"--frequency = nan: must be a number above 0"),
        (["--target", "ice40-up5k", "--frequency", "1"], r"--target = iCE40: no estimate of area .*give --synthesis"),
        (["--target", "xc7", "--synthesis", "none.json"], r"none\.json"),
    ],
)
def test_bad_options_are_told_in_one_line(options, line, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["power", str(runs.write_config(tmp_path, "fixed pipelined")), *options]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert re.match(f"hwsim: {line}", said), said


@pytest.fixture
def config(tmp_path):
    return runs.write_config(tmp_path, "fixed pipelined")


def synthesis_of(config, **changes):
    """What a synthesis might have left."""
    counted = {"LUT": 900, "LUT RAM": 100, "carry": 30, "FF": 400, "DSP": 5, "block RAM": 2}
    content = {
        "target": {"name": "ecp5-25k", "family": "ecp5"},
        "configuration_hash": config_file.fingerprint(config_file.load(config)),
        "resources": {name: {"value": n} for name, n in counted.items()},
        "fmax": {"value": 60.0},
    }
    return content | changes


def test_the_command_tells_parts_and_leaves_figures(config, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.run(["power", str(config), "--target", "xc7", "--frequency", "15", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert all(what in told for what in power.PARTS.values())
    assert "estimate at 15.00 MHz" in told and "toggle in a clock: registers 12.50 %" in told and "assumed" in told
    assert "0.477 W, 441,000 samples/s at 15 MHz, 1.08 µJ" in told
    left = json.loads((out / "power.json").read_text())
    assert unregistered(out / "power.json") == []
    parts = [left[name] for name in power.PARTS]
    assert left["power"]["value"] == pytest.approx(sum(part["value"] for part in parts))
    assert left["power"]["low"] < left["power"]["value"] < left["power"]["high"]
    loaded = config_file.load(config)
    known = area.load().figures(operations.costs(loaded, Design(loaded).inventory))
    running = power.Running({name: known[f"xc7_{name}"] for name in SYNTHESISED.values()}, 15, 6)
    assert left["energy_per_sample"]["value"] == pytest.approx(
        power.estimate(TABLE, "xc7", running, TABLE.assumed).energy.value
    )


def test_counts_and_frequency_of_a_synthesis_are_taken(config, tmp_path, capsys):
    path = tmp_path / "synthesis.json"
    path.write_text(json.dumps(synthesis_of(config)))
    found = counts.read(path, config_file.load(config), "ecp5-25k")
    # Every carry cell takes two LUTs that are not among those of logic.
    assert found.counts == {"luts": 900 + 2 * 30, "lut_ram": 100, "ffs": 400, "dsps": 5, "block_rams": 2}
    assert found.megahertz == 60
    assert cli.run(["power", str(config), "--target", "ecp5-25k", "--synthesis", str(path)]) == 0
    told = capsys.readouterr().out
    assert "estimate at 60.00 MHz" in told and "resources as synthesized: 960 luts" in told


@pytest.mark.parametrize(
    "changes, line",
    [
        ({"target": {"name": "xc7", "family": "xc7"}}, "is for target xc7, not for ecp5-25k"),
        ({"configuration_hash": "other"}, "is of another configuration"),
        ({"resources": []}, "resources: is missing"),
        ({"resources": {"LUT": {"value": -1}}}, "resources.LUT = -1: must be a whole number"),
        ({"resources": {"LUT": 5}}, "resources.LUT: must be a whole number"),
        ({"fmax": {"value": "fast"}}, "fmax = fast: must be a number above 0"),
    ],
)
def test_another_synthesis_or_none_is_refused(changes, line, config, tmp_path):
    path = tmp_path / "synthesis.json"
    path.write_text(json.dumps(synthesis_of(config, **changes)))
    with pytest.raises(InputError, match=re.escape(line)):
        counts.read(path, config_file.load(config), "ecp5-25k")


def test_where_there_is_no_simulator_toggles_are_assumed_and_that_is_said(config, capsys, monkeypatch):
    simulators = pytest.importorskip("rtl.cosim.simulators")

    def missing(_):
        raise InputError("simulator", "verilator", "is not installed")

    monkeypatch.setattr("rtl.cosim.activity.runner", missing)
    assert simulators.SIMULATORS
    assert cli.run(["power", str(config), "--target", "xc7", "--frequency", "15", "--simulate"]) == 0
    said = capsys.readouterr()
    assert "toggles are assumed, not simulated: simulator = verilator: is not installed" in said.err
    assert "operands of multipliers 12.50 %; assumed" in said.out
