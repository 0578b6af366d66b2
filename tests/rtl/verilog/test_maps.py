"""Maps of registers: other people's parsers, and a C compiler, find in them what stands in the table, and nothing else."""

import json
import shutil
from xml.etree import ElementTree

import pytest
from amaranth.utils import ceil_log2
from jsonschema import validate

from hwsim.configuration import config_file
from rtl.ports.register_map import AddressMap, memories
from rtl.ports.register_table import Access, registers
from rtl.verilog.maps.every import C_HEADER, JSON, SVD, SYSTEMRDL, maps
from tests.rtl import toolchain
from tests.rtl.designs import DESIGNS, design, planned
from tests.rtl.ports.test_register_table import random_plans

NAMED = ("two_junctions", "inference", "mixed_formats", "results_wrap", "demo")


def plans():
    """Named designs, random ones, one with a name that would be a word of each language, one without counters."""
    odd = {"layers": [4] * 7, "out_degree": [2] * 6, "z": [2] * 6}
    return [
        *(design(name) for name in NAMED if name in DESIGNS),
        *random_plans(),
        planned(**odd, module="mem", counters=False),
    ]


def flat(of):
    """The table as tuples: byte address, word after reset, and fields with lowest bit, width, access, reset and range."""
    return {
        r.name: (4 * r.address, r.reset, {f.name: (f.lsb, f.width, f.access, f.reset, f.legal) for f in r.fields})
        for r in registers(of)
    }


def windows(of):
    """Byte address, rows and lanes of every memory."""
    return {m.name: (4 * m.region.base, m.region.rows, m.region.lanes, m.region.lane_bits) for m in memories(of)}


def test_systemrdl(tmp_path):
    """By the reference compiler of SystemRDL, which also refuses what overlaps."""
    compiler = pytest.importorskip("systemrdl")
    for of in plans():
        path = tmp_path / SYSTEMRDL
        path.write_text(maps(of)[SYSTEMRDL])
        made = compiler.RDLCompiler()
        made.compile_file(str(path))
        top = made.elaborate().top
        found, held = {}, {}
        for node in top.children():
            if isinstance(node, compiler.node.MemNode):
                size, entries = node.size, node.get_property("mementries")
                lanes, bits = node.get_property("lanes"), node.get_property("lane_bits")
                assert size == 4 * entries and node.get_property("memwidth") == 32 and node.is_sw_writable
                held[node.inst_name] = (node.raw_absolute_address, entries >> bits, lanes, bits)
                continue
            fields = {f.inst_name: (f.low, f.width, rdl_access(f), f.get_property("reset"), legal(f)) for f in node.fields()}
            reset = sum(r << at for at, _, _, r, _ in fields.values())
            assert node.size == 4
            found[node.inst_name] = (node.raw_absolute_address, reset, fields)
        assert found == flat(of) and held == windows(of)
        for m in memories(of):
            node = next(n for n in top.children() if n.inst_name == m.name)
            sign = "signed_bits" if m.format.signed else "unsigned_bits"
            assert (node.get_property(sign), node.get_property("fraction")) == (m.format.width, m.format.fraction)


def rdl_access(field):
    writes = field.get_property("onwrite")
    if not field.is_sw_writable:
        return Access.READ_ONLY
    assert field.is_sw_readable
    return Access.READ_WRITE if writes is None else {"woclr": Access.ONE_TO_CLEAR, "wzc": Access.ZERO_TO_CLEAR}[writes.name]


def legal(field):
    least, greatest = field.get_property("least", default=None), field.get_property("greatest", default=None)
    return None if least is None else (least, greatest)


def test_svd(tmp_path):
    """By a parser of SVD that is not ours, which holds the file against the schema first."""
    parser = pytest.importorskip("cmsis_svd").SVDParser
    for of in plans():
        path = tmp_path / SVD
        text = maps(of)[SVD]
        path.write_text(text, encoding="utf-8")
        legal, what = parser.validate_xml_str(text.encode(), schema_version_detection=False)
        assert legal, what
        device = parser.for_xml_file(str(path)).get_device(xml_validation=False)
        assert (device.address_unit_bits, device.width, device.name) == (8, 32, of.config.hardware.module)
        (peripheral,) = device.peripherals
        assert peripheral.base_address == 0
        found = {}
        for register in peripheral.registers:
            assert register.size == 32 and register.reset_mask == 0xFFFFFFFF
            fields = {f.name: (f.bit_offset, f.bit_width, svd_access(f)) for f in register.fields}
            assert (register.access.value == "read-write") == any(f[2] is not Access.READ_ONLY for f in fields.values())
            found[register.name] = (register.address_offset, register.reset_value, fields)
        wanted = {
            name: (at, reset, {f: (lsb, width, access) for f, (lsb, width, access, _, _) in fields.items()})
            for name, (at, reset, fields) in flat(of).items()
        }
        assert found == wanted
        ranges = {(n, f): known[4] for n, (*_, fields) in flat(of).items() for f, known in fields.items() if known[4]}
        assert svd_ranges(text.encode()) == ranges
        blocks = [(b.offset, b.size, b.usage.value) for b in peripheral.address_blocks]
        assert blocks[0] == (0, 4 << AddressMap.of(of).block_bits, "registers")
        assert blocks[1:] == [(at, 4 << (ceil_log2(rows) + bits), "buffer") for at, rows, _, bits in windows(of).values()]


def svd_access(field):
    writes = field.modified_write_values
    if field.access.value == "read-only":
        return Access.READ_ONLY
    return (
        Access.READ_WRITE
        if writes is None
        else {"oneToClear": Access.ONE_TO_CLEAR, "zeroToClear": Access.ZERO_TO_CLEAR}[writes.value]
    )


def svd_ranges(text):
    """What may be written, by register and field: the parser takes these numbers for truth values."""
    return {
        (register.findtext("name"), field.findtext("name")): (
            int(field.findtext("writeConstraint/range/minimum")),
            int(field.findtext("writeConstraint/range/maximum")),
        )
        for register in ElementTree.fromstring(text).iter("register")
        for field in register.iter("field")
        if field.find("writeConstraint") is not None
    }


PROGRAM = """#include "registers.h"
#include "registers.h"
#define SAME(a, b) typedef char check_##__LINE__[(a) == (b) ? 1 : -1]
{checks}
int main(void) {{ return 0; }}
"""


@pytest.mark.parametrize("compiler", ["gcc", "g++"])
def test_the_c_header_and_the_json_say_the_same(compiler, tmp_path):
    """A compiler evaluates every number of the header against those of the JSON; a wrong one is an array of size -1."""
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    for of in plans():
        written = maps(of)
        known, prefix = json.loads(written[JSON]), of.config.hardware.module.upper()
        (tmp_path / C_HEADER).write_text(written[C_HEADER])
        numbers = {}
        for r in known["registers"]:
            numbers |= {f"{r['name']}_OFFSET": r["byte"], f"{r['name']}_WORD": r["word"], f"{r['name']}_RESET": r["reset"]}
            for f in r["fields"]:
                name = f"{r['name']}_{f['name']}"
                numbers |= {f"{name}_LSB": f["lsb"], f"{name}_MASK": (1 << f["width"]) - 1 << f["lsb"]}
                if "least" in f:
                    numbers |= {f"{name}_LEAST": f["least"], f"{name}_GREATEST": f["greatest"]}
        for m in known["memories"]:
            numbers |= {f"{m['name']}_OFFSET": m["byte"], f"{m['name']}_WORD": m["word"], f"{m['name']}_WORDS": m["words"]}
            numbers |= {f"{m['name']}_{what.upper()}": m[what] for what in ("rows", "lanes", "lane_bits")}
            numbers |= {f"{m['name']}_{what.upper()}": int(m["format"][what]) for what in ("width", "fraction", "signed")}
            row, lane = m["rows"] - 1, m["lanes"] - 1
            numbers[f"{m['name']}_AT({row}, {lane})"] = m["byte"] + 4 * ((row << m["lane_bits"]) + lane)
        defined = {line.split()[1] for line in written[C_HEADER].splitlines() if line.startswith("#define")}
        checked = {f"{prefix}_{name.partition('(')[0]}" for name in numbers} | {f"{prefix}_AT_", f"{prefix}_REGISTERS_H"}
        assert {name.partition("(")[0] for name in defined} == checked - {f"{prefix}_AT_"}
        checks = [f"typedef char check_{i}[({prefix}_{n}) == {v}u ? 1 : -1];" for i, (n, v) in enumerate(numbers.items())]
        source = "check.cpp" if compiler == "g++" else "check.c"
        (tmp_path / source).write_text(PROGRAM.format(checks="\n".join(checks)))
        toolchain.run(compiler, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", source, folder=tmp_path)


def test_a_wrong_number_of_the_header_stops_the_compiler(tmp_path):
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    text = maps(design("two_junctions"))[C_HEADER]
    assert "ACCELERATOR_RATE_OFFSET 0x8u" in text
    (tmp_path / C_HEADER).write_text(text.replace("ACCELERATOR_RATE_OFFSET 0x8u", "ACCELERATOR_RATE_OFFSET 0xcu"))
    (tmp_path / "check.c").write_text(
        PROGRAM.format(checks="typedef char check_0[(ACCELERATOR_RATE_OFFSET) == 8u ? 1 : -1];")
    )
    assert "check_0" in toolchain.run("gcc", "-fsyntax-only", "check.c", folder=tmp_path, fails=True)


NUMBER, WORD = {"type": "integer", "minimum": 0}, {"type": "integer", "minimum": 0, "maximum": 0xFFFFFFFF}


def test_json():
    """Every register and field of the table, both addresses, and the facts that the circuit answers."""
    for of in plans():
        known = json.loads(maps(of)[JSON])
        validate(
            known["registers"], {"type": "array", "items": {"properties": {"word": NUMBER, "byte": NUMBER, "reset": WORD}}}
        )
        found = {
            r["name"]: (
                r["byte"],
                r["reset"],
                {
                    f["name"]: (
                        f["lsb"],
                        f["width"],
                        f["access"],
                        f["reset"],
                        (f["least"], f["greatest"]) if "least" in f else None,
                    )
                    for f in r["fields"]
                },
            )
            for r in known["registers"]
        }
        assert found == flat(of) and all(r["byte"] == 4 * r["word"] for r in known["registers"] + known["memories"])
        assert {m["name"]: (m["byte"], m["rows"], m["lanes"], m["lane_bits"]) for m in known["memories"]} == windows(of)
        assert known["configuration"] == config_file.fingerprint(of.config)
        word = {r["name"]: r["reset"] for r in known["registers"]}
        facts = known["facts"]
        assert int(known["hardware"][:8], 16) == word["HASH"] and known["interface"] == word["VERSION"]
        assert (facts["period"], facts["classes"]) == (word["PERIOD"], word["CLASSES"])
        assert (facts["inputs_per_beat"], facts["outputs_per_beat"]) == (word["INPUTS_PER_BEAT"], word["OUTPUTS_PER_BEAT"])
        assert facts["layers"] == [word[f"NEURONS_{i}"] for i in range(len(facts["layers"]))]
        assert facts["trains"] == bool(word["BUILD"] >> 8 & 1) and len(facts["junctions"]) == word["BUILD"] & 0xFF
        assert [facts["kappa"][end] for end in ("least", "greatest")] == [word["BUILD"] >> at & 0xFF for at in (16, 24)]
        for i, (j, pattern) in enumerate(zip(facts["junctions"], of.design.patterns, strict=True), 1):
            assert (j["rows"], j["lanes"]) == (word[f"ROWS_{i}"], word[f"LANES_{i}"])
            assert j["edges"] == pattern.n_edges == j["rows"] * j["lanes"] == j["right"] * j["in_degree"]
        for name, register, at in (
            ("input", "STREAM_FORMATS", 0),
            ("activation", "STREAM_FORMATS", 16),
            ("weight", "MEMORY_FORMATS", 0),
            ("bias", "MEMORY_FORMATS", 16),
        ):
            f, packed = facts["formats"][name], word[register] >> at & 0xFFFF
            assert (f["width"], f["fraction"], f["signed"]) == (packed & 63, packed >> 8 & 63, bool(packed >> 15))
            assert f["highest"] - f["lowest"] == 2 ** f["width"] - 1 and (f["lowest"] < 0) == f["signed"]
