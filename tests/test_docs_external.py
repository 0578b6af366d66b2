"""The page on weights in external memory: its commands print what it says, and its formulas give the program's figures."""

import csv

import pytest

import hwsim
from hwsim.configuration import config_file
from tests.documents import number, page, table
from tests.site import commands, follow

PAGE = "docs/external_weights.md"


@pytest.mark.slow
def test_the_page_is_right(tmp_path, monkeypatch, capfd):
    follow(PAGE, tmp_path, monkeypatch, capfd)
    columns = ("z", "bandwidth", "check.clocks_per_input", "check.waiting_clocks", "costs.energy", "costs.energy_external")
    with (tmp_path / "runs/roof/summary.csv").open() as file:
        found = [[row["z"], *(round(float(row[c])) for c in columns[1:])] for row in csv.DictReader(file)]
    assert found == [[z, *map(number, others)] for z, *others in table(page(PAGE), "z")]


def test_every_command_is_seen():
    found = [command.split()[1] for command, _ in commands(PAGE) if command.startswith("hwsim")]
    assert found == ["solve"] * 4 + ["check", "simulate", "check", "verilog", "explore"]
    told = [said for command, said in commands(PAGE) if command.startswith("hwsim")]
    assert sum(not said.strip(".\n") for said in told) == 1  # a quiet study


def test_the_formulas_are_the_programs():
    """S, T, fed edge processors, useful z, what is on chip, first fill: as the page writes them."""
    sizes = {"network": {"layers": [800, 100, 10], "out_degree": [20, 10]}}
    for build in ("training", "inference"):
        hardware = {"z": [80, 5], "build": build, "weights": {"bandwidth": 1000, "latency": 20, "buffer_rows": 7}}
        a = hwsim.Design(hwsim.parse(sizes | {"hardware": hardware})).inventory
        e, w, trains = a.external, 12, build == "training"
        both = 2 if trains else 1
        assert e.traffic == both * w * (16_000 + 1_000)
        assert e.transfer == e.traffic / 1000 and e.bound == max(202, e.traffic / 1000)
        assert float(e.fed) == pytest.approx(1000 / (both * w))
        assert e.useful_z == pytest.approx([edges / (e.traffic / 1000 - 2) for edges in (16_000, 1_000)])
        on_chip = (2 * 7 + 2) if trains else 7  # u = 2: read, write back
        assert e.held_bits == on_chip * (80 + 5) * w
        assert e.first_fill == -(-85 * w // 1000) + 20


def test_the_worked_example_is_what_it_says():
    """From the memories' data rates to bits per clock, and from there to clocks and edge processors."""
    text = page(PAGE)
    edges = 9216 * 4096 + 4096 * 4096 + 4096 * 1000
    assert f"have {round(edges / 1e6)} million, {round(edges * 16 / 1e6) + 1:,} Mbit" in text or "939 Mbit" in text
    ddr4, channel = 2400e6 * 64 / 200e6, 2e9 * 128 / 200e6
    assert (ddr4, int(0.8 * ddr4), channel, 0.8 * channel) == (768, 614, 1280, 1024)
    assert "bandwidth: 614" in text and "19.2 GB/s, at 200 MHz 768 bits per clock" in text
    padded = 9216 * 4096 + 4096 * 4096 + 4096 * 1024
    assert -(-2 * 16 * padded // 614) == 3_060_340 and "3,060,340" in text
    assert config_file.load("sim_configs/demo.yaml").hardware.weights is None
