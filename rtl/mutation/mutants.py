"""Mutants: word-level single faults of the generated Verilog, all in one netlist, of which an input chooses one.

Yosys draws them after ``proc; pmuxtree; memory_collect``: a bit of a cell's port is stuck, inverted, or inverted where
another bit of the port is 0 or 1. In the netlist each is switched on by its number, and none by 0.
"""

import re
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from rtl.synthesis.tools import Deadline, Tool, ToolError, complaint, run
from rtl.verilog.emission import SOURCE, Verilog

SELECTOR = "mutant_selected"
"""The wire that carries the number of the mutant, in every module that has one."""
VERILOG, NETLIST = "mutants.v", "mutants.il"
_LIST, _SCRIPT = "list.txt", "script.ys"
_LEFT_OUT = frozenset({"CLK", "RD_CLK", "WR_CLK", "clk", "RD_EN", "RD_ARST", "RD_SRST", "Q"})
_READ = f"read_verilog {SOURCE}\nhierarchy -top {{top}}\nproc\npmuxtree\nmemory_collect\n"
_MODES = {
    "const0": "stuck at 0",
    "const1": "stuck at 1",
    "inv": "inverted",
    "cnot0": "inverted where bit {} is 0",
    "cnot1": "inverted where bit {} is 1",
}


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes
    ----------
    number
        What switches it on, from 1.
    command
        As Yosys applies it, the selector apart.
    component
        Hierarchical name of the module.
    cell, port, bit
        Where in the module: kind of cell, or name of the instance.
    wire
        What is connected there, if that has a name.
    line
        Of the Verilog.
    fault
        What happens to the bit.
    """

    number: int
    command: str
    component: str
    cell: str
    port: str
    bit: int
    wire: str
    line: int
    fault: str

    @property
    def place(self) -> str:
        """Cell, port and bit, and the wire there."""
        return f"{self.cell}.{self.port}[{self.bit}]" + (f" = {self.wire}" if self.wire else "")


class Workbench:
    """A folder in which Yosys works on one design.

    Parameters
    ----------
    emitted
        The design.
    yosys
        The tool.
    folder
        Is there already.
    """

    def __init__(self, emitted: Verilog, yosys: Tool, folder: Path) -> None:
        self._yosys, self.folder, self.top = yosys, folder, emitted.top
        self._read = _READ.format(top=self.top)
        (folder / SOURCE).write_text(emitted.text)

    def draw(self, n: int, seed: int, deadline: Deadline) -> list[Mutant]:
        """``n`` mutants, or as many as there are; the same seed draws the same ones.

        Left out are faults of clocks, which are none of a synchronous circuit and races in a simulator, of resets and read
        enables that no memory has at this stage, and of outputs of registers, which lose their value at power-up: their
        inputs can be faulty.
        """
        spare = n + n // 4 + 8
        self.run(f"{self._read}mutate -list {spare} -seed {seed} -o {_LIST}\n", deadline)
        lines = (self.folder / _LIST).read_text().splitlines()
        found = [m for line in lines if (m := self._mutant(line, 0)).port not in _LEFT_OUT]
        return [self._mutant(m.command, k) for k, m in enumerate(found[:n], 1)]

    def _mutant(self, line: str, number: int) -> Mutant:
        words = re.findall(r"-(\w+) (\S+)", line)
        told = dict(words)
        source = re.search(r":(\d+)", told.get("src", ""))
        # Cells that a declaration names keep its name; Yosys names others after what they do.
        kind = re.match(r"\$(?:auto\$)?(\w+)", told["cell"])
        cell = told["cell"] if kind is None else kind[1]
        wire = f"{told['wire']}[{told['wirebit']}]" if "wire" in told and not re.match(r"_\d+_$|\$", told["wire"]) else ""
        fault = _MODES[told["mode"]].format(told.get("ctrlbit"))
        return Mutant(
            number,
            line,
            told["module"],
            cell,
            told["port"],
            int(told["portbit"]),
            wire,
            int(source[1]) if source else 0,
            fault,
        )

    def instrument(self, mutants: list[Mutant], deadline: Deadline) -> str:
        """Verilog with all mutants in it, of which ``+mutant=NUMBER`` switches one on; the netlist is left beside it."""
        width = selector_width(len(mutants))
        modules = " ".join(sorted({m.component for m in mutants}))
        self.run(f"{self._read}write_rtlil {NETLIST}\n", deadline)
        (self.folder / NETLIST).write_text(defined((self.folder / NETLIST).read_text()))
        lines = [f"select {modules}", f"add -wire {SELECTOR} {width}", "select -clear"]
        for m in mutants:
            where = re.sub(r" -(?:src|wire|wirebit) \S+", "", m.command)
            lines.append(f"{where} -ctrl {SELECTOR} {width} {m.number}")
        write = f"write_rtlil {NETLIST}\nwrite_verilog -noattr {VERILOG}\n"
        self.run(f"read_rtlil {NETLIST}\n" + "\n".join(lines) + "\n" + write, deadline)
        text = (self.folder / VERILOG).read_text()
        wire = f"  wire [{width - 1}:0] {SELECTOR};\n"
        text = text.replace(wire, f"{wire}  mutant_selector mutant_selector(.number({SELECTOR}));\n")
        return text + _selector(width)

    def run(self, script: str, deadline: Deadline) -> None:
        """Run a script of Yosys's in the folder.

        Raises
        ------
        ToolError
            If it fails or takes too long.
        """
        (self.folder / _SCRIPT).write_text(script)
        code, _ = run(self._yosys, ["-q", "-l", "yosys.txt", _SCRIPT], self.folder, deadline)
        if code:
            what = complaint(self.folder, "yosys.txt", f"{self._yosys.name}.log")
            raise ToolError(f"yosys failed: {what}", self.folder / "yosys.txt")


def selector_width(n: int) -> int:
    """Bits of the number of ``n`` mutants, and of 0 for none; at least two, so that it has an index."""
    return max(2, n.bit_length())


def _selector(width: int) -> str:
    return (
        f"\nmodule mutant_selector(output reg [{width - 1}:0] number);\n"
        '  initial if (!$value$plusargs("mutant=%d", number)) number = 0;\n'
        "endmodule\n"
    )


def defined(netlist: str) -> str:
    """A netlist whose multiplexers have no undefined input: the other one stands in its place, as in any hardware.

    Yosys leaves undefined what and where a memory would write while it does not; a fault may write it all the same, and a
    simulator would leave that out where a proof would take it for 0.
    """

    def chosen(cell: re.Match[str]) -> str:
        inputs = dict(re.findall(r"^ +connect \\([AB]) (.*)$", cell[0], flags=re.MULTILINE))
        text = cell[0]
        for name, other in ("AB", "BA"):
            if re.fullmatch(r"\d+'x+", inputs[name]):
                text = text.replace(f"connect \\{name} {inputs[name]}\n", f"connect \\{name} {inputs[other]}\n")
        return text

    return re.sub(r"^  cell \$mux .*?^  end\n", chosen, netlist, flags=re.MULTILINE | re.DOTALL)


def with_ports(netlist: str, products: bool) -> str:
    """A flat netlist in which written memories, and multipliers if asked, are cells of kinds of their own: to become ports.

    Kinds begin with ``direct`` where the one port of a memory that reads gives a word in the clock of its address, else with
    ``memory``; and with ``product``.
    """
    number = count(1)

    def memory(cell: re.Match[str]) -> str:
        told = dict(re.findall(r"parameter \\(\w+) (\S+)", cell[2]))
        if told["WR_PORTS"] == "0":
            return cell[0]
        kind = "direct" if (told["RD_PORTS"], told["RD_CLK_ENABLE"]) == ("1", "1'0") else "memory"
        return f"cell \\{kind}_{next(number)} \\{cell[1]}{cell[2]}"

    def product(cell: re.Match[str]) -> str:
        if re.search(r"connect \\[AB] \d+'", cell[1]):  # by a constant
            return cell[0]
        return f"cell \\product_{(n := next(number))} \\cut_product_{n}{cell[1]}"

    netlist = re.sub(r"cell \$mem_v2 \\(\S+)(.*?\n  end\n)", memory, netlist, flags=re.DOTALL)
    return re.sub(r"cell \$mul \S+(.*?\n  end\n)", product, netlist, flags=re.DOTALL) if products else netlist


def empty_bits(netlist: str) -> set[str]:
    """Bits of the words of a flat netlist's memories that are 0 in all words from the start, as names of what is read."""
    result = set()
    for name, body in re.findall(r"cell \$mem_v2 \\(\S+)(.*?\n  end\n)", netlist, flags=re.DOTALL):
        told = dict(re.findall(r"parameter \\(\w+) (\S+)", body))
        if (told["RD_PORTS"], told["WR_PORTS"]) != ("1", "1"):
            continue
        width, words = int(told["WIDTH"]), told["INIT"].partition("'")[2][::-1]
        for k in range(width):
            if not words[k::width].strip("0x"):
                result.add(f"{name}.RD_DATA" + (f"[{k}]" if width > 1 else ""))
    return result
