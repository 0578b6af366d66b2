"""Every legal z and no other, with the figures that the accelerator itself has."""

import itertools
import json
import math

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.configuration.config_file import load, parse, resolved
from hwsim.configuration.legal import divisors
from hwsim.design import Design
from hwsim.schedule.inventory import inventory
from hwsim.schedule.passes import schedule
from hwsim.schedule.timing import timing
from hwsim.solver import solver
from hwsim.solver.near_misses import near_misses
from hwsim.solver.solver import Budget, Solver
from models.errors import InputError
from tests.hwsim.shipped import SHIPPED
from tests.work import calls

RECONFIG = next(p for p in SHIPPED if p.stem == "reconfig2018")

NETWORKS = [
    ([12, 8, 6], [2, 3], "clash_free"),
    ([16, 8, 4], [2, 2], "clash_free"),
    ([30, 12, 20], [2, 5], "structured"),
    ([24, 18, 12, 6], [3, 4, 2], "clash_free"),
    ([7, 7, 7], [3, 2], "structured"),
    ([10, 5], [1], "clash_free"),
    ([6, 4, 9], "full", "full"),
]
LATENCIES = [{}, {"multiplier": 2, "tree_every": 1, "table": 1}]


def design(layers, degrees, kind, schedule="flush", latency=None):
    return parse(
        {
            "network": {"layers": layers, "out_degree": degrees},
            "connectivity": {"kind": kind},
            "hardware": {"z": [1] * (len(layers) - 1), "schedule": schedule, "latency": latency or {}},
        }
    )


def with_z(config, z):
    return parse(config_file.with_overrides(resolved(config), {"hardware.z": list(z)}))


def accepted(config):
    """The legal vectors by trying: every z up to N + 1 that the configuration's validation lets pass."""
    found = []
    for z in itertools.product(*(range(1, n + 2) for n in config.network.layers[:-1])):
        try:
            tried = with_z(config, z)
            if config.hardware.schedule == "overlap":
                timing(tried, schedule(tried, Design(tried).patterns))
        except InputError:
            continue
        found.append(z)
    return found


def is_balanced(config, z):
    return len({w // n for w, n in zip(config.edges, z, strict=True)}) == 1


def solved(config, unbalanced=True, budget=None, **more):
    return [tuple(z) for z in Solver(config, budget).solve(unbalanced, **more).candidates.z.tolist()]


@pytest.mark.parametrize("network", [n for n in NETWORKS if np.prod([x + 1 for x in n[0][:-1]]) < 3000])
def test_exactly_what_validation_accepts(network):
    config = design(*network)
    legal = accepted(config)
    assert sorted(solved(config)) == legal
    assert sorted(solved(config, False)) == [z for z in legal if is_balanced(config, z)]
    assert Solver(config).count() == len(legal)


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("network", NETWORKS[:2])
def test_overlap_leaves_out_what_is_too_short_for_the_latencies(network, latency):
    config = design(*network, "overlap", latency)
    legal = accepted(config)
    assert sorted(solved(config)) == legal
    assert sorted(solved(config, False)) == [z for z in legal if is_balanced(config, z)]
    assert len(legal) < Solver(config).count()


@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("network", NETWORKS)
def test_figures_are_the_accelerators(network, latency):
    config = design(*network, latency=latency)
    found = Solver(config).solve(True).candidates
    for k in range(0, len(found), max(1, len(found) // 40)):
        a = inventory(with_z(config, found.z[k].tolist()))
        assert [j.rows for j in a.junctions] == found.rows[k].tolist()
        assert (a.clocks_per_input, a.flush, a.multipliers) == (found.clocks[k], found.flush[k], found.multipliers[k])
        assert a.storage_bits == found.memory_bits[k]
        assert sum(m.banks * m.lanes for m in a.memories) == found.banks[k]
        busy = sum(config.edges) / (a.clocks_per_input * sum(j.z for j in a.junctions))
        assert found.utilisation[k] == pytest.approx(busy)


EXTERNAL = [{}, {"buffer_rows": 3}, {"latency": 0, "buffer_rows": 1}]


@pytest.mark.parametrize("more", EXTERNAL)
@pytest.mark.parametrize("network", NETWORKS[:2] + NETWORKS[3:4])
@pytest.mark.parametrize("order", ["flush", "overlap"])
def test_weights_in_external_memory(network, order, more):
    """Exactly the vectors whose rows come back in time, with the clocks and the bits on chip of the accelerator itself."""
    plain = design(*network, order)
    config = config_file.changed(plain, {"hardware.weights": {"bandwidth": 37, "latency": 4} | more})
    legal = []
    for z in solved(plain):
        try:
            inventory(with_z(config, z))
        except InputError as e:
            assert "hardware.weights" in str(e)
        else:
            legal.append(z)
    assert sorted(solved(config)) == sorted(legal) and len(legal) < len(solved(plain))
    found = Solver(config).solve(True).candidates
    for k in range(len(found)):
        a = inventory(with_z(config, found.z[k].tolist()))
        assert a.storage_bits == found.memory_bits[k]
        assert math.ceil(a.external.bound) == found.clocks[k]
        assert sum(m.banks * m.lanes for m in a.memories) == found.banks[k]
    least, most = int(found.memory_bits.min()), int(found.memory_bits.max())
    assert least < most
    some = solved(config, budget=Budget(memory_bits=(least + most) // 2))
    assert 0 < len(some) < len(legal)
    solver = Solver(config, Budget(memory_bits=most - 1))
    misses = near_misses(solver, solver.solve(True))
    assert misses and all(m.z not in some or "memory bits exceed" in m.reason for m in misses)


def test_with_a_port_that_is_full_fewer_edge_processors_come_first(capsys):
    arguments = ("--set", "hardware.weights.bandwidth=96", "--set", "hardware.weights.latency=4")
    assert cli.run(["solve", str(RECONFIG), *arguments]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "external memory: 1,280 clocks an input at least, whatever z; it feeds 4.0 edge processors" in out
    assert out.index(" 4, 1 ") < out.index(" 8, 2 ") and " 1,280 " in out


def test_an_accelerator_that_only_infers():
    plain = config_file.with_overrides(config_file.resolved(design(*NETWORKS[0])), {"hardware.build": "inference"})
    config = config_file.parse(plain)
    found = Solver(config).solve(True).candidates
    assert found.multipliers.tolist() == found.z.sum(axis=1).tolist()
    a = inventory(with_z(config, found.z[0].tolist()))
    assert (a.storage_bits, sum(m.banks * m.lanes for m in a.memories)) == (found.memory_bits[0], found.banks[0])
    assert a.storage_bits < inventory(with_z(design(*NETWORKS[0]), found.z[0].tolist())).storage_bits


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    "budget",
    [Budget(multipliers=20), Budget(banks=60), Budget(clocks=20), Budget(multipliers=30, banks=90, clocks=40), Budget(1)],
)
def test_a_budget_leaves_exactly_what_fits(network, budget):
    config = design(*network)
    whole = Solver(config).solve(True).candidates
    keep = Solver(config, budget).fits(whole)
    assert sorted(solved(config, budget=budget)) == sorted(map(tuple, whole.z[keep].tolist()))
    assert Solver(config, budget).solve(True).within == keep.sum()


def test_memory_bits_are_all_or_nothing():
    config = design(*NETWORKS[0])
    bits = Solver(config).memory_bits
    assert solved(config, budget=Budget(memory_bits=bits)) == solved(config)
    assert solved(config, budget=Budget(memory_bits=bits - 1)) == []


@pytest.mark.parametrize("key", solver.SORT)
def test_sorted_by_what_was_asked_for_whatever_the_blocks(key, monkeypatch):
    config = design(*NETWORKS[3])
    found = Solver(config).solve(True, key).candidates
    column = {"product": found.clocks * found.multipliers, "utilisation": -found.utilisation}.get(key)
    assert (np.diff(getattr(found, key) if column is None else column) >= 0).all()
    monkeypatch.setattr(solver, "_BLOCK", 7)
    assert solved(config, sort=key) == [tuple(z) for z in found.z.tolist()]
    assert solved(config, sort=key, limit=5) == [tuple(z) for z in found.z[:5].tolist()]


def test_large_layers_are_looked_at_in_blocks():
    config = design([98280, 83160, 50400], [11, 20], "structured")
    found = Solver(config).solve(True)
    assert found.within == Solver(config).count() > 4000
    assert Solver(load(RECONFIG)).solve(True).within == 67
    assert calls(lambda: Solver(config).solve(True)) < 40_000


def test_too_many_vectors_are_refused(monkeypatch):
    monkeypatch.setattr(solver, "_MOST", 100)
    with pytest.raises(InputError, match="tighter budget"):
        Solver(design(*NETWORKS[3])).solve(True)


def run(capsys, *arguments):
    code = cli.run(["solve", *map(str, arguments)])
    return code, capsys.readouterr()


def test_the_command_on_the_published_network(tmp_path, capsys):
    code, shown = run(capsys, RECONFIG, "--multipliers", "384", "--clock", "15", "--out", tmp_path)
    assert code == 0 and "128, 32" in shown.out and "441,176" in shown.out
    content = json.loads((tmp_path / "solve.json").read_text())
    best = content["candidates"][0]
    assert best["z"] == [128, 32] and best["cycle"] == [32, 32] and best["clocks_per_input"] == 34
    assert best["multipliers"] == 352 and best["inputs_per_second"] == pytest.approx(441176.47)
    assert set(best) <= set(content["units"])
    assert {"z": [256, 64], "reason": "704 multipliers exceed 384"} in content["near_misses"]
    assert any("does not divide N_1 = 64" in m["reason"] for m in content["near_misses"])


def test_inputs_per_second_bound_the_clocks(capsys):
    code, shown = run(capsys, RECONFIG, "--inputs-per-second", "227272", "--clock", "15", "--sort", "multipliers")
    assert code == 0
    first = next(line for line in shown.out.splitlines() if "," in line and "──" not in line and "z:" not in line)
    assert first.split()[:2] == ["64,", "16"]
    assert run(capsys, RECONFIG, "--inputs-per-second", "1e6")[0] == 2
    assert run(capsys, RECONFIG, "--inputs-per-second", "2e7", "--clock", "15")[0] == 2


def test_nothing_within_the_budget_is_exit_code_1_with_the_reason(capsys):
    code, shown = run(capsys, RECONFIG, "--clocks", "20", "--multipliers", "500")
    assert code == 1 and "704 multipliers exceed 500" in shown.out and "34 clocks per input exceed 20" in shown.out


def test_what_only_unbalanced_vectors_offer_is_said(tmp_path, capsys):
    path = tmp_path / "full.yaml"
    path.write_text("network: {layers: [784, 64, 64, 64, 10], out_degree: full}\nconnectivity: {kind: full}\n")
    code, shown = run(capsys, path, "--out", tmp_path / "out")
    said = "no legal vector with passes of equal length within the budget; 5,145 legal ones, before any budget, have passes "
    assert code == 1 and f"{said}of different length: --unbalanced" in shown.out
    content = json.loads((tmp_path / "out" / "solve.json").read_text())
    assert (content["legal"]["value"], content["legal_unequal"]["value"]) == (0, 5145)
    code, shown = run(capsys, path, "--unbalanced")
    assert code == 0 and "5,145 of 5,145 legal vectors" in shown.out and "--unbalanced" not in shown.out
    code, shown = run(capsys, RECONFIG, "--clocks", "20", "--multipliers", "500")
    assert code == 1 and "60 legal ones, before any budget" in shown.out
    assert "--unbalanced" not in run(capsys, RECONFIG)[1].out
    one = tmp_path / "one.yaml"
    one.write_text("network: {layers: [16, 4], out_degree: full}\nconnectivity: {kind: full}\n")
    code, shown = run(capsys, one, "--clocks", "1")
    assert code == 1 and "--unbalanced" not in shown.out  # a single junction has no passes of different length


def test_the_files_own_z_plays_no_part(tmp_path, capsys):
    code, shown = run(capsys, RECONFIG, "--set", "network.out_degree=[3, 12]", "--set", "hardware.z=[7, 7]")
    assert code == 0 and "32" in shown.out


@pytest.mark.parametrize(
    "options",
    [
        ("--sort", "beauty"),
        ("--limit", "0"),
        ("--multipliers", "0"),
        ("--clock", "-1"),
        ("--set", "connectivity.kind=random"),
        ("--set", "network.layers=5"),
        ("--densities", "--limit", "0"),
    ],
)
def test_bad_input_is_one_line(options, capsys):
    code, shown = run(capsys, RECONFIG, *options)
    assert code == 2 and shown.err.count("\n") == 1 and not shown.out


def test_densities(tmp_path, capsys):
    code, shown = run(capsys, RECONFIG, "--densities", "--out", tmp_path)
    assert code == 0 and "64 feasible densities" in shown.out
    junctions = json.loads((tmp_path / "densities.json").read_text())["junctions"]
    assert [len(j["densities"]) for j in junctions] == [64, 32]
    assert junctions[0]["densities"][3] == {"density": 0.0625, "d_out": 4, "d_in": 64}


def test_near_misses_are_true():
    config = design(*NETWORKS[3])
    solving = Solver(config, Budget(multipliers=30))
    solution = solving.solve(True)
    misses = near_misses(solving, solution)
    assert misses
    legal = set(accepted_z(config))
    for miss in misses:
        assert miss.z not in set(map(tuple, solution.candidates.z.tolist()))
        assert ("exceed" in miss.reason) == (miss.z in legal)


def accepted_z(config):
    options = [divisors(n) for n in config.network.layers[:-1]]
    for z in itertools.product(*options):
        d_in = [w // n for w, n in zip(config.edges, config.network.layers[1:], strict=True)]
        if all(-(-z[i] // d_in[i]) <= z[i + 1] for i in range(len(z) - 1)):
            yield z
