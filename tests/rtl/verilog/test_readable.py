"""The Verilog as a reader meets it: names of the design, nothing said twice, and where every line comes from."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import amaranth
import pytest
from amaranth.hdl import Fragment

from hwsim import load
from hwsim.design import Design
from rtl.accelerator import Accelerator
from rtl.verilog.generate import generate
from rtl.verilog.layout import source
from tests.rtl.cosim.driving import verilog
from tests.rtl.designs import DESIGNS, design

OTHERS = ("overlap", "inference", "short_beat", "deepest", "demo")
ALL = ["two_junctions", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]
ASSIGNED = re.compile(r"^  assign ([^=]+) = (.+);$", re.MULTILINE)
ALONE = re.compile(r"\w+(\[\d+(:\d+)?\])?")
"""A name, a part of it, or (which is a name, too) a number like 8'hff without its mark."""


@cache
def text(name: str) -> str:
    return generate(Design(load("sim_configs/demo.yaml"))).text if name == "demo" else verilog(name).text


def modules(of: str) -> dict[str, str]:
    """Text by name, comments left out."""
    plain = re.sub(r"/\*.*?\*/|//.*| +$", "", re.sub(r" *//.*", "", of), flags=re.MULTILINE | re.DOTALL)
    return {body.split()[1]: body for body in re.findall(r"^module .*?^endmodule$", plain, re.MULTILINE | re.DOTALL)}


def repeated(module: str) -> Counter[str]:
    """Expressions that are written more than once, but for those that only rename something."""
    found = Counter(value for _, value in ASSIGNED.findall(module) if not ALONE.fullmatch(value.replace("'", "")))
    return Counter({value: n - 1 for value, n in found.items() if n > 1})


def test_what_counts_as_repeated():
    lines = ["a = b + c", "d = b + c", "e = b + c", "f = g", "h = g", "i = g[3:0]", "j = g[3:0]", "k = 4'h0", "l = 4'h0"]
    assert repeated("".join(f"  assign {line};\n" for line in lines)) == {"b + c": 2}


@pytest.mark.parametrize("name", ALL)
def test_no_expression_is_repeated_in_a_module(name):
    assert sum(len(ASSIGNED.findall(body)) for body in modules(text(name)).values()) > 400
    assert {module: again for module, body in modules(text(name)).items() if (again := repeated(body))} == {}


@pytest.mark.parametrize("name", ALL)
def test_every_name_is_plain(name):
    for module, body in modules(text(name)).items():
        assert "\\" not in body and set(re.findall(r"\$\w*", body)) <= {"$signed"}, module
        assert not re.search(r"'[a-z][0-9a-f]*x", body), module  # a value that nobody has given
        ports = re.findall(r"^  (?:input|output)(?: reg)? (?:\[\d+:\d+\] )?(\w+),?$", body, re.MULTILINE)
        assert ports and not [port for port in ports if re.fullmatch(r"(net|unnamed)(_\d+)?|_\d+_", port)], module


@pytest.mark.parametrize("name", [n for n in DESIGNS if n in ("two_junctions", "inference", "short_beat", "deepest")])
def test_every_signal_of_the_circuit_has_a_name(name):
    """Amaranth finds none for signals made in one statement with others."""
    made = Fragment.get(Accelerator(design(name)), None).prepare()
    signals = {signal.name for info in made.fragments.values() for signal in info.used_signals}
    assert len(signals) > 100 and not [name for name in signals if "$" in name]


def test_names_of_the_designer_are_in_the_verilog():
    found = modules(text("two_junctions"))
    pacer, junction = found["accelerator_pacer"], found["accelerator_junction_2"]
    assert "  reg at_end;" in pacer and "  reg settled;" in pacer and "output reg standing" in pacer
    for name in ("feeding", "learning", "weights__write_enable", "output_error__delta", "feedforward__activation"):
        assert re.search(rf"^  (wire|reg) (\[\d+:0\] )?{name};$", junction, re.MULTILINE), name
    for port in ("inputs__data", "access__strobe", "backward_out", "results__valid", "prediction"):
        assert re.search(rf"^  (input|output)( reg)? (\[\d+:0\] )?{port},?$", junction, re.MULTILINE), port
    for instance in ("addresses", "left_memory", "feedforward", "partials", "update"):
        assert re.search(rf"^  accelerator_\w+ {instance} \($", junction, re.MULTILINE), instance


@pytest.mark.parametrize("name", ["two_junctions", pytest.param("demo", marks=pytest.mark.slow)])
def test_equal_modules_are_one(name):
    bodies = Counter(body.partition("(")[2] for body in modules(text(name)).values())
    assert max(bodies.values()) == 1


def test_a_module_is_titled_with_its_component_and_its_instances():
    titles = dict(re.findall(r"^// (\w+: .+)\nmodule (\w+)", text("two_junctions"), re.MULTILINE))
    instances = [f"junction_{i}.feedforward.table_{k}" for i, k in ((1, 0), (1, 1), (2, 0))]
    assert {module: title for title, module in titles.items()}["accelerator_activation_table"] == (
        f"ActivationTable: {', '.join(instances)}"
    )


@pytest.mark.parametrize("name", ALL)
def test_lines_say_where_they_come_from(name):
    """Registers, memories and almost all expressions: Yosys forgets that of a selection."""
    lines = [s for s in text(name).splitlines() if re.match(r"  assign .*[&|+*?~]|  always ", s)]
    known = [places for line in lines if (places := source(line)) is not None]
    assert len(known) > 0.97 * len(lines) > 400
    roots, most = (Path(__file__).parents[3], Path(amaranth.__file__).parents[1]), {}
    for place in {place for places in known for place in places.split(", ")}:
        file, _, number = place.partition(":")
        found = next(root / file for root in roots if (root / file).is_file())
        most[file] = most.get(file) or len(found.read_text().splitlines())
        assert re.match(r"(rtl|amaranth)/", file) and 1 <= int(number) <= most[file], place
    assert {"rtl/junction.py", "rtl/control/pacer.py", "rtl/blocks/arithmetic.py"} <= set(most)


def test_a_source_is_that_of_the_line():
    line = next(s for s in text("two_junctions").splitlines() if s.startswith("  assign pacer__go = "))
    file, _, number = str(source(line)).partition(":")
    root = Path(__file__).parents[3]
    assert (
        "pacer.go.eq(registers.run & filled & (queue.room | ~queue.due))"
        in (root / file).read_text().splitlines()[int(number) - 1]
    )
    assert source("  input clk,") is None


@pytest.mark.parametrize("name", ["two_junctions", "inference"])
def test_every_memory_asks_three_vendors_for_its_style(name):
    shallow = '  (* ram_style = "distributed" *)\n  (* ramstyle = "MLAB" *)\n  (* syn_ramstyle = "distributed" *)\n  reg '
    of = text(name)
    assert of.count(shallow) == of.count('"distributed" *)\n  reg ') > 10
    assert of.count("ram_style =") == of.count("ramstyle =") / 2 == of.count(shallow)


def test_deep_memories_ask_three_vendors_for_blocks():
    deep = generate(design("two_junctions", lut_ram_depth=4).design).text
    told = {"no_rw_check": "1", "ram_style": "block", "ramstyle": "M20K, no_rw_check", "rw_addr_collision": "no"}
    told["syn_ramstyle"] = "block_ram, no_rw_check"
    wanted = "".join(f'  (* {name} = "{value}" *)\n' for name, value in told.items()) + "  reg "
    assert deep.count(wanted) == deep.count("M20K") > 3
