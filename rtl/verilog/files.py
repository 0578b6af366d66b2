"""What ``hwsim verilog`` writes: Verilog, memory contents, names, maps of registers, a core, scripts and a description."""

import json
from collections.abc import Mapping
from math import ceil

from hwsim.results.directory import CONNECTIVITY, DRIVER, INITIAL, RunDirectory
from models.connectivity.files import write_connectivity
from models.files.npz import write_npz
from rtl.memories.row import row_words
from rtl.plan.plan import Plan
from rtl.verilog.description import description
from rtl.verilog.driver import driver
from rtl.verilog.emission import CORE, DESCRIPTION, NAMES, SOURCE, WAIVERS, Verilog
from rtl.verilog.fusesoc import core
from rtl.verilog.ip_package import PACKAGE_IP, package_script
from rtl.verilog.litex_module import LITEX, litex_module
from rtl.verilog.maps.every import maps
from rtl.verilog.names import names
from rtl.verilog.two_clocks import constraint_files
from rtl.verilog.vendor import vendor_files

LINT_WAIVERS = {
    "DECLFILENAME": "all modules of the design are in one file",
    "SYMRSVDWORD": "a port of standard interfaces is called interrupt, as in other designs; C++ alone knows the word",
    "UNOPTFLAT": "a vector some bits of which are copies of others; no bit depends on itself, and Yosys finds no loop",
    "UNUSEDSIGNAL": "exact arithmetic is generated as wide as its operands allow; what nobody reads is not synthesized",
    "WIDTH": "operands of different widths extend by their own sign, as intended; of a shift that selects from a table the "
    "upper bits, which are cut off, hold other entries",
}
"""Warnings of ``verilator --lint-only -Wall`` that generated code gives, and why each does no harm here.

Every name is known to Verilator 5.006 (Debian 12), which stops at one that is not; newer ones divide WIDTH by its kinds.
"""


def write(emitted: Verilog, directory: RunDirectory, bench: Mapping[str, str], preface: str = "") -> list[str]:
    """Write everything; returns the names of the files.

    Parameters
    ----------
    bench
        The test bench and what it reads, by the names of their files (:func:`rtl.cosim.golden.files`).
    preface
        What stands in front of the description.
    """
    of = emitted.accelerator.plan
    directory.begin()
    files = {
        SOURCE: emitted.text,
        CORE: core(of),
        WAIVERS: waivers(),
        NAMES: json.dumps(names(emitted), indent=2) + "\n",
        **maps(of),
        DESCRIPTION: preface + description(emitted),
        **vendor_files(emitted.top, emitted.ports),
        **constraint_files(emitted),
        **packaged(emitted),
        **contents(of),
        **bench,
    }
    for name, text in files.items():
        directory.write_text(name, text)
    driven = {} if emitted.component is emitted.accelerator else {DRIVER: driver()}
    for name, data in driven.items():
        directory.write_bytes(name, data)
    write_connectivity(directory / CONNECTIVITY, of.design.patterns)
    write_npz(directory / INITIAL, of.design.integer_arrays)
    return [*files, *driven, CONNECTIVITY, INITIAL]


def packaged(emitted: Verilog) -> dict[str, str]:
    """What takes a design with these ports into larger ones, by the names of the files."""
    hardware = emitted.accelerator.plan.config.hardware
    assert hardware is not None
    kind = "native" if emitted.component is emitted.accelerator else hardware.interface
    if kind == "axi":
        return {PACKAGE_IP: package_script(emitted)}
    if kind == "wishbone":
        return {LITEX: litex_module(emitted)}
    return {}


def waivers() -> str:
    """A control file for Verilator's linter."""
    lines = ["`verilator_config", "// Generated Verilog; every rule that is switched off says why."]
    for rule, reason in LINT_WAIVERS.items():
        lines += [f"// {reason}", f'lint_off -rule {rule} -file "*{SOURCE}"']
    return "\n".join(lines) + "\n"


def contents(of: Plan) -> dict[str, str]:
    """Initial weights and biases as files for $readmemh: one row a line, its last lane first."""
    result = {}
    numbers, initial = of.numbers, of.design.initial_integers
    for j, weights, biases in zip(of.junctions, initial.weights, initial.biases, strict=True):
        for name, words, lanes, width in (
            (f"weights_{j.number}.mem", weights, j.z, numbers.weight.width),
            (f"biases_{j.number}.mem", j.by_group(biases), j.results_per_clock, numbers.bias.width),
        ):
            digits = ceil(lanes * width / 4)
            result[name] = "".join(f"{row:0{digits}x}\n" for row in row_words(words.reshape(-1, lanes), width))
    return result
