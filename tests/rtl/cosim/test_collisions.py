"""Nobody uses a word that is read from a block memory while it is written: synthesis is told so, and it need not be kept."""

import re

import pytest

from rtl.cosim import scenarios
from rtl.cosim.script import Script
from tests.rtl.cosim.driving import generate, samples, simulated
from tests.rtl.designs import design

pytest.importorskip("cocotb")

DEEP = {"lut_ram_depth": 1}
READ_IN_2 = {"latency": {"memory_read": 2, "multiplier": 2, "tree_every": 1, "table": 1, "write_back": 1}}
DESIGNS = {
    "flush": ("two_junctions", {}),
    "overlap": ("overlap", {"layers": [32, 8, 4], "out_degree": [4, 4], "z": [4, 4]}),
    "three_junctions": ("three_junctions", READ_IN_2),
    "straddling": ("straddling_three", {}),
    "stalls": ("clashing_straddling", READ_IN_2),
    "inference": ("inference", {}),
    "one_row": ("one_row", {}),
}


MEMORY = r'no_rw_check = "1" \*\)\n(?:  \(\*.*\n)*  reg (?:\[\d+:0\] )?(\w+) \['


def spoilt(text, always=False):
    """Verilog in which words are wrong that are read while they are written, and how many read ports that concerns.

    ``always``: wrong whenever anything is written to the memory.
    """
    count = 0

    def in_module(module):
        nonlocal count
        body = module[0]
        for name in re.findall(MEMORY, body):
            write = re.search(rf"if \((.*)\)\n +{name}\[(.*)\] <= .*;", body)
            if write is None:  # a table
                continue
            of, to = write[1], write[2]

            def wrong(read, name=name, of=of, to=to):
                nonlocal count
                count += 1
                same = "1" if always else f"({read[2]}) == ({to})"
                return f"{read[1]} <= ({of}) && {same} ? ~{name}[{read[2]}] : {name}[{read[2]}];"

            body = re.sub(rf"(\w+) <= {name}\[(.*)\];", wrong, body)
        return body

    return re.sub(r"(?ms)^module .*?^endmodule", in_module, text), count


def played(emitted, text, folder, names=()):
    of = emitted.accelerator.plan
    script = Script(of, samples(of, 12, inference=0.2))
    script.run(12)
    for name in names:
        scenarios.append(script, name)
    return simulated(emitted, script, folder, text=text)


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_words_that_are_read_while_they_are_written_may_be_anything(name, tmp_path):
    base, changes = DESIGNS[name]
    emitted = generate(design(base, **DEEP, **changes))
    text, ports = spoilt(emitted.text)
    tables = [name for name in re.findall(MEMORY, emitted.text) if name == "rom"]
    assert ports >= 4 and ports + len(tables) == emitted.text.count("no_rw_check = ")
    names = ["checkpoint", "flowing", "late_and_blocked", "reset"]
    if name in ("overlap", "inference"):  # the longest: once with UP, once without
        names.append("parameters")
    mismatch = played(emitted, text, tmp_path, names).mismatch
    assert mismatch is None, str(mismatch)


def test_words_that_are_spoilt_show(tmp_path):
    emitted = generate(design("two_junctions", **DEEP))
    text, _ = spoilt(emitted.text, always=True)
    assert played(emitted, text, tmp_path).mismatch is not None
