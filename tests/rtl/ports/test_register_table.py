"""The table of registers: no two in one place, and the circuit answers what the configuration says, worked out here."""

import hashlib
import itertools
import json
from functools import cache

import pytest
import yaml

from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.selftest.draw import drawn
from models.connectivity.files import write_connectivity
from models.errors import InputError
from rtl.plan.plan import Plan
from rtl.ports import register_map
from rtl.ports.register_map import AddressMap, memories
from rtl.ports.register_table import Access, registers
from rtl.ports.registers_model import identification
from tests.rtl.designs import DESIGNS, design, planned
from tests.rtl.host import Host

SMALLEST = {"layers": [6, 4], "out_degree": [2], "z": [3]}
SIMULATED = {
    "smallest": SMALLEST,
    "inference": SMALLEST | {"build": "inference"},
    "without_counters": SMALLEST | {"counters": False},
    "mixed_formats": SMALLEST | {"numbers": "mixed", "classes": 3},
    "three_junctions": {"layers": [4, 6, 8, 4], "out_degree": [3, 4, 2], "z": [2, 3, 4]},
    "six_junctions": {"layers": [4] * 7, "out_degree": [2] * 6, "z": [2] * 6, "counters": False},
}
"""Small designs: with six junctions the registers are more than 64."""


@cache
def random_plans() -> list[Plan]:
    """Designs over all options, as the self test draws them."""
    found: list[Plan] = []
    for number in itertools.count():
        try:
            found.append(Plan.of(Design(drawn(11, number).config)))
        except InputError:  # no hardware for it
            continue
        if len(found) == 12:
            return found


def every_plan() -> list[Plan]:
    return [design(name) for name in DESIGNS] + random_plans()


def test_no_two_registers_fields_or_memories_overlap():
    for of in every_plan():
        addresses = [r.address for r in registers(of)]
        assert addresses == sorted(set(addresses)) and len({r.name for r in registers(of)}) == len(addresses)
        spans = [(a, a + 1) for a in addresses] + [(m.region.base, m.region.base + m.region.size) for m in memories(of)]
        assert spans == sorted(spans)
        assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(spans))
        assert addresses[-1] < 1 << AddressMap.of(of).block_bits and spans[-1][1] <= 1 << AddressMap.of(of).bits
        for register in registers(of):
            bits = [b for f in register.fields for b in range(f.lsb, f.lsb + f.width)]
            assert bits and len(set(bits)) == len(bits) and max(bits) < 32
            assert register.reset == sum(f.reset << f.lsb for f in register.fields) < 1 << 32
            assert len({f.name for f in register.fields}) == len(register.fields) and register.meaning


def test_registers_of_earlier_versions_stay_where_they_were():
    where = {r.name: r.address for r in registers(planned(**SIMULATED["three_junctions"]))}
    assert [where[n] for n in ("CONTROL", "STATUS", "RATE", "SAMPLES", "RESULTS", "CYCLES")] == [0, 1, 2, 3, 4, 5]
    assert [where[n] for n in ("ERRORS", "ILLEGAL_KAPPAS", "ILLEGAL_LABELS", "REFUSED_VALUES")] == [8, 9, 10, 11]
    assert [where[n] for n in ("MAGIC", "VERSION", "HASH", "BUILD")] == [12, 13, 14, 15]
    kinds = ("PREACTIVATION", "DELTA", "WEIGHT", "BIAS")
    names = [f"SATURATED_{kind}_{i}" for i in (1, 2, 3) for kind in kinds]
    assert [where[n] for n in names] == list(range(16, 28))


def test_where_facts_stand_depends_on_the_number_of_junctions_alone():
    for options in ({}, {"counters": False}, {"build": "inference"}):
        where = {r.name: r.address for r in registers(planned(**(SMALLEST | options)))}
        assert (where["PERIOD"], where["NEURONS_0"], where["NEURONS_1"], where["LANES_1"]) == (20, 26, 27, 29)


def test_the_constants_of_the_circuit_are_those_of_the_table():
    assert (register_map.RUN, register_map.STANDING, register_map.EMPTY, register_map.ERROR) == (0, 0, 1, 2)
    assert (register_map.RATE_FIXED, register_map.ERROR_BITS, register_map.WIDTH) == (8, 3, 32)
    for register in registers(planned(**SMALLEST)):
        if register.address < 16:
            assert getattr(register_map, register.name) == register.address


def test_only_control_rate_and_errors_can_be_written():
    for of in every_plan():
        access = {(r.name, f.name): f.access for r in registers(of) for f in r.fields if f.access is not Access.READ_ONLY}
        cleared = {("ERRORS", name): Access.ONE_TO_CLEAR for name in ("KAPPAS", "LABELS", "VALUES")}
        written = dict.fromkeys(
            (("CONTROL", "RUN"), ("CONTROL", "NO_BUBBLES"), ("RATE", "KAPPA"), ("RATE", "FIXED")), Access.READ_WRITE
        )
        assert access == cleared | written
        legal = {(r.name, f.name): f.legal for r in registers(of) for f in r.fields if f.legal is not None}
        assert legal == {("RATE", "KAPPA"): of.kappas}


def hash_of(text: str) -> int:
    """From the file beside the Verilog, with nothing of ours but what reads it."""
    data = yaml.safe_load(text)
    shifts = [kappa for _, kappa in data["training"]["rate_shift"]]
    hardware = {key: value for key, value in data["hardware"].items() if key != "module"}
    if hardware["interface"] != "serial":
        hardware = {key: value for key, value in hardware.items() if key not in ("bit_clocks", "link_bytes")}
    if not hardware["parameter_stream"]:
        del hardware["parameter_stream"]
    if hardware["kappa"] is None:
        hardware["kappa"] = [min(shifts), max(shifts)]
    made_from = {key: data[key] for key in ("seed", "network", "connectivity", "numbers")} | {
        "hardware": hardware,
        "training": {key: data["training"][key] for key in ("init", "init_file", "init_fan", "init_bias")},
        "data": {"pad_outputs": data.get("data", {"pad_outputs": "end"})["pad_outputs"]},
    }
    written = json.dumps(made_from, sort_keys=True, separators=(",", ":"))
    return int(hashlib.sha256(written.encode()).hexdigest()[:8], 16)


def expected(of: Plan) -> dict[str, int]:
    """What identification registers must read as, from the configuration."""
    c = of.config
    n, h, layers = c.numbers.system, c.hardware, c.network.layers
    edges = [left * d for left, d in zip(layers, c.out_degrees, strict=False)]

    def numbers(low, high):
        return sum((f.width | f.fraction << 8 | int(f.signed) << 15) << at for f, at in ((low, 0), (high, 16)))

    d_in, z = edges[-1] // layers[-1], h.z[-1]
    result = {
        "MAGIC": int(b"hwsm".hex(), 16),
        "VERSION": 1,
        "HASH": hash_of(config_file.as_yaml(c)),
        "BUILD": len(edges)
        | (h.build == "training") << 8
        | h.counters << 9
        | c.kappa_range[0] << 16
        | c.kappa_range[1] << 24,
        "PERIOD": of.design.timing.period,
        "CLASSES": c.network.classes or layers[-1],
        "INPUTS_PER_BEAT": -(-layers[0] // of.design.timing.pass_clocks),
        "OUTPUTS_PER_BEAT": max((row + 1) * z // d_in - row * z // d_in for row in range(edges[-1] // z)),
        "STREAM_FORMATS": numbers(n.input, n.activation),
        "MEMORY_FORMATS": numbers(n.weight, n.bias),
        "NEURONS_0": layers[0],
    }
    for i, (size, w, lanes) in enumerate(zip(layers[1:], edges, h.z, strict=True), 1):
        result |= {f"NEURONS_{i}": size, f"ROWS_{i}": w // lanes, f"LANES_{i}": lanes}
    return result


def test_table_and_model_say_what_the_configuration_says():
    for of in every_plan():
        known = {r.name: r for r in registers(of)}
        wanted, model = expected(of), identification(of)
        assert {known[name].address: known[name].reset for name in wanted}.items() <= model.items()
        assert {name: known[name].reset for name in wanted} == wanted
        assert model == {r.address: r.reset for r in known.values() if r.constant}


@pytest.mark.parametrize("options", SIMULATED.values(), ids=SIMULATED)
def test_the_circuit_answers_what_the_configuration_says(options):
    """After reset, from where a host that knows the number of junctions looks for it, and again after a run."""
    of = planned(**options)
    host, wanted = Host(of), expected(of)

    async def everything(host):
        junctions = await host.read(15) & 0xFF
        told = {name: await host.read(at) for at, name in enumerate(("MAGIC", "VERSION", "HASH", "BUILD"), 12)}
        names = ["PERIOD", "CLASSES", "INPUTS_PER_BEAT", "OUTPUTS_PER_BEAT", "STREAM_FORMATS", "MEMORY_FORMATS", "NEURONS_0"]
        names += [f"{what}_{i}" for i in range(1, junctions + 1) for what in ("NEURONS", "ROWS", "LANES")]
        told |= {name: await host.read(at) for at, name in enumerate(names, 16 + 4 * junctions)}
        return {name: word & 0xFFFFFFFF for name, word in told.items()}

    async def scenario(host):
        told = await everything(host)
        assert told == wanted
        for register in registers(of):
            assert await host.read(register.address) & 0xFFFFFFFF == register.reset, register.name
        await host.write(register_map.CONTROL, 1)
        assert await everything(host) == told

    host.play(scenario)


def test_what_changes_no_circuit_changes_no_hash():
    base = config_file.load("sim_configs/demo.yaml")
    known = config_file.hardware_fingerprint(base)

    def other(**overrides):
        dotted = {key.replace("__", "."): value for key, value in overrides.items()}
        return config_file.hardware_fingerprint(config_file.changed(base, dotted))

    same = [
        {"name": "other"},
        {"hardware__module": "other"},
        {"training__epochs": 3, "training__samples": 100, "training__shuffle": False},
        {"training__order": "sequential"},
        {"training__engine": "float", "training__order": "sequential", "training__batch_size": 4},
        {"hardware__kappa": list(base.kappa_range)},
        {"data__name": "mnist"},
    ]
    assert {other(**of) for of in same} == {known}
    different = [
        {"seed": 1},
        {"network__classes": 9},
        {"connectivity__type": 1},
        {"numbers__width": 16},
        {"numbers__bias": {"width": 14, "fraction": 8}},
        {"hardware__schedule": "overlap"},
        {"hardware__counters": False},
        {"hardware__kappa": [0, 9]},
        {"training__rate_shift": [[0, 9]]},
        {"training__init_bias": 0.5},
        {"data__pad_outputs": "spread"},
    ]
    found = [other(**of) for of in different]
    assert len({known, *found}) == 1 + len(different)


def test_a_host_recognises_files_by_their_content(tmp_path):
    of = design("two_junctions")
    hashes = []
    for folder in ("a", "b"):
        path = tmp_path / folder / "connectivity.npz"
        path.parent.mkdir()
        write_connectivity(path, of.design.patterns)
        moved = config_file.changed(of.config, {"connectivity.file": str(path)})
        hashes.append(config_file.hardware_fingerprint(moved))
    assert hashes[0] == hashes[1] != config_file.hardware_fingerprint(of.config)
