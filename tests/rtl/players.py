"""Programs that play Yosys, nextpnr and the packers, and the reports that they leave."""

import json
import sys
from pathlib import Path

import pytest

from rtl.synthesis.wrapper import WRAPPER

STAT = """{"creator": "Yosys 0.70", "modules": {}, "design": {"num_cells": 100, "num_cells_by_type": {
  "$scopeinfo": 3, "TRELLIS_FF": 12, "CCU2C": 4, "DP16KD": 2, "LUT4": 30, "MULT18X18D": 5, "PFUMX": 7,
  "TRELLIS_DPR16X4": 3}}}"""


def steps(*delays):
    """A path as nextpnr describes it: (type, from, to, ns)."""
    return [
        {"type": kind, "from": {"cell": a, "port": "Q"}, "to": {"cell": b, "port": "D"}, "delay": ns}
        for kind, a, b, ns in delays
    ]


REPORT = {
    "fmax": {"$glbnet$clk$TRELLIS_IO_IN": {"achieved": 80.00000762939453, "constraint": 100}},
    "utilization": {
        "TRELLIS_IO": {"used": 20, "available": 197},
        "TRELLIS_FF": {"used": 12, "available": 24288},
        "TRELLIS_COMB": {"used": 51, "available": 24288},
        "DP16KD": {"used": 2, "available": 56},
        "MULT18X18D": {"used": 5, "available": 28},
        "ALU54B": {"used": 0, "available": 14},
    },
    "critical_paths": [
        {"from": "<async>", "to": "posedge clk", "path": steps(("source", "pin", "pin", 30.0))},
        {
            "from": "posedge clk",
            "to": "posedge clk",
            "path": steps(
                ("clk-to-q", "junction_1.sum_TRELLIS_FF_Q_3", "junction_1.sum_TRELLIS_FF_Q_3", 0.5),
                ("routing", "junction_1.sum_TRELLIS_FF_Q_3", "a_LUT4_Z", 4.0),
                ("logic", "a_LUT4_Z", "a_LUT4_Z", 0.25),
                ("routing", "a_LUT4_Z", "junction_2.step_TRELLIS_FF_Q", 7.75),
                ("setup", "junction_2.step_TRELLIS_FF_Q", "junction_2.step_TRELLIS_FF_Q", 0.0),
            ),
        },
    ],
}

TOO_LARGE = """Info: Device utilisation:
Info: \t          TRELLIS_IO:      20/    197    10%
Info: \t          MULT18X18D:      32/     28   114%
Info: \t        TRELLIS_COMB:   24289/  24288   100%
Info: \t        TRELLIS_RAMW:     182/   3036     5%
Info: Placed 0 cells based on constraints.
ERROR: Unable to place cell 'a_MULT18X18D_P9', no BELs remaining to implement cell type 'MULT18X18D'
"""


class Players:
    """Programs in place of the tools: they write what they are given, and a line for each call."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._monkeypatch = folder, monkeypatch
        folder.mkdir()
        empty = json.dumps({"modules": {top: {"cells": {}, "ports": {}} for top in ("accelerator", WRAPPER)}})
        self.play("yosys", {"stat.json": STAT, "netlist.json": empty})
        self.play("nextpnr-ecp5", {"report.json": json.dumps(REPORT), "layout.txt": "layout"})
        self.play("ecppack", {"bitstream": "bits"})

    def play(self, tool, files=(), says="", code=0, sleep=0):
        path = self.folder / tool
        path.write_text(
            f"#!{sys.executable}\n"
            "import os, sys, time\n"
            "from pathlib import Path\n"
            "if sys.argv[1:] in (['-V'], ['--version']):\n"
            f"    sys.exit(print({tool!r}, '1.0'))\n"
            f"with open({str(self.folder / 'calls')!r}, 'a') as calls:\n"
            f"    calls.write({tool!r} + ' ' + ' '.join(sys.argv[1:]) + '\\n')\n"
            f"Path({str(self.folder / 'pid.part')!r}).write_text(str(os.getpid()))\n"
            f"os.replace({str(self.folder / 'pid.part')!r}, {str(self.folder / 'pid')!r})\n"  # whole whenever it is there
            f"time.sleep({sleep})\n"
            f"for name, text in {dict(files)!r}.items():\n"
            "    Path(name).write_text(text)\n"
            f"sys.stdout.write({says!r})\n"
            f"sys.exit({code})\n"
        )
        path.chmod(0o755)
        self._monkeypatch.setenv(tool.upper().replace("-", "_"), str(path))

    def by_seed(self, tool, frequencies):
        """Have a placer report another clock frequency for each seed, its last argument."""
        path = self.folder / tool
        chosen = (
            f"mine = str({frequencies!r}[int(sys.argv[-1]) - 1])\n"
            "text = Path('report.json').read_text().replace('80.00000762939453', mine)\n"
            "Path('report.json').write_text(text)\n"
        )
        head, end = path.read_text().rsplit("sys.stdout.write", 1)
        path.write_text(f"{head}{chosen}sys.stdout.write{end}")

    @property
    def calls(self):
        path = self.folder / "calls"
        return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []

    def runs(self):
        """Whether the program that was started last is still there."""
        stat = Path(f"/proc/{(self.folder / 'pid').read_text()}/stat")
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
