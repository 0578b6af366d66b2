"""Builds a design with AXI ports in a simulator and plays scripts on it; what its model says of them."""

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from hwsim.configuration import config_file
from rtl.accelerator_model import Sample
from rtl.cosim.simulators import Supervised, runner
from rtl.interfaced import Interfaced
from rtl.plan.plan import Plan
from rtl.ports.interface_table import DRAINED
from rtl.ports.packing import RESULT_FACTS, SAMPLE_FACTS, Packet
from rtl.ports.register_map import CONTROL, EMPTY, STANDING, STATUS, AddressMap
from rtl.verilog.emission import Verilog
from tests.rtl.ports.axi_bench import SCRIPT, SEEN
from tests.rtl.ports.packets import facts

TOP = "bench"
OWN = {name: k for k, name in enumerate(("misframed", "refused", "unfit", "waiting", "enable", "status", "parameters"))}
"""Words of the interface's registers behind the accelerator's."""


def wrapped(emitted: Verilog) -> str:
    """A bench whose ports are the design's, and whether a junction cycle begins and a sample enters in it."""
    ports = emitted.ports
    of = emitted.accelerator.registers
    public = "/*verilator public_flat_rw*/"
    widths = {name: f"[{bits - 1}:0] " if bits > 1 else "" for name, (_, bits) in ports.items()}
    lines = [f"  {way} {widths[name]}{name} {public}," for name, (way, _) in ports.items()]
    seen = {name: ".".join(("dut", *emitted.path(getattr(of, name))[1:])) for name in ("cycle", "sample")}
    lines += [f"  output cycle {public},", f"  output sample {public}"]
    inside = [f"  assign {name} = {path};" for name, path in seen.items()]
    connections = ",\n    ".join(f".{name}({name})" for name in ports)
    body = [*inside, f"  {emitted.top} dut (\n    {connections}\n  );"]
    return "\n".join(["`timescale 1ns/1ps", f"module {TOP} (", *lines, ");", *body, "endmodule", ""])


_GENERATED: dict[str, Verilog] = {}


def generated(of: Plan) -> Verilog:
    """The Verilog of a design, generated once for all tests that leave it whole; one with a fault gives its own."""
    key = config_file.fingerprint(of.config)
    if key not in _GENERATED:
        _GENERATED[key] = Verilog.of(Interfaced(of))
    return _GENERATED[key]


@cache
def _built(simulator: str, design: str, bench: str) -> tuple[Supervised, Path]:
    """A simulation and where it is, built once for all tests that play on the same text; what they write goes elsewhere."""
    folder = Path(tempfile.mkdtemp(prefix="hwsim-axi-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "design.v").write_text(design)
    (folder / "bench.v").write_text(bench)
    run = runner(simulator)
    run.log.setLevel("ERROR")
    run.build(
        sources=[folder / "design.v", folder / "bench.v"],
        hdl_toplevel=TOP,
        build_dir=folder / simulator,
        build_args=run.arguments,
        timescale=("1ns", "1ps"),
        log_file=folder / "build.log",
    )
    return run, folder / simulator


class Driven:
    """A design, its script and its model.

    Attributes
    ----------
    plan, packet, result
        The design, packets of its samples and of its results.
    script
        Steps (:class:`tests.rtl.ports.axi_bench.Host`).
    """

    def __init__(self, of: Plan, emitted: Verilog | None = None) -> None:
        self.plan, self.emitted = of, generated(of) if emitted is None else emitted
        self.packet, self.result = Packet.sample(of), Packet.result(of)
        self.map = AddressMap.of(of)
        self.model = self.emitted.component.model()
        self.script: list[list[Any]] = []

    def step(self, *step: Any) -> int:
        """Add a step; its number."""
        self.script.append(list(step))
        return len(self.script) - 1

    def own(self, name: str) -> int:
        """Byte address of a register of the interface."""
        return 4 * ((1 << self.map.bits) + OWN[name])

    def write(self, word: int, value: int) -> int:
        return self.step("write", 4 * word, (value & 0xFFFFFFFF).to_bytes(4, "little").hex())

    def pack(self, sample: Sample, **more: int) -> bytes:
        known = facts(label=sample.label, kappa=sample.kappa, train=sample.train, **more)
        return self.packet.pack(sample.inputs, known)

    def read_parameters(self) -> list[int]:
        """Steps that read all weights, then all biases."""
        sizes = [j.pattern.n_edges for j in self.plan.junctions] + [j.n_right for j in self.plan.junctions]
        regions = [*self.map.weights, *self.map.biases]
        return [self.step("read", 4 * r.address(k)) for r, n in zip(regions, sizes, strict=True) for k in range(n)]

    def stop(self, asked: str = "interface") -> None:
        """Once nothing is under way, as the interface or the accelerator says."""
        self.step("until", *((self.own("status"), DRAINED) if asked == "interface" else (4 * STATUS, EMPTY)))
        self.write(CONTROL, 0)
        self.step("until", 4 * STATUS, STANDING)

    def play(self, simulator: str, folder: Path, bench: str = "axi_bench") -> Any:
        """What the steps gave, or what another bench wrote down."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SCRIPT).write_text(json.dumps(self.script))
        run, build = _built(simulator, self.emitted.text, wrapped(self.emitted))
        run._silence = 300
        run.test(
            test_module=bench if "." in bench else f"tests.rtl.ports.{bench}",
            hdl_toplevel=TOP,
            build_dir=build,
            test_dir=folder,
            extra_env={"AXI_FOLDER": str(folder)},
            log_file=folder / "run.log",
            results_xml=str(folder / "results.xml"),
        )
        seen = folder / SEEN
        assert seen.exists(), (folder / "run.log").read_text()[-4000:]
        return json.loads(seen.read_text())

    def modelled(self, samples: list[Sample], entries: list[int]) -> list[tuple[Any, ...]]:
        """Results of samples that enter in these junction cycles, as the packets have them."""
        queue = list(samples)
        results = [self.model.cycle(queue.pop(0) if there else None) for there in entries]
        assert not queue
        return [(r.outputs, r.prediction, r.label, r.train) for r in results if r is not None]

    def told(self, packets: list[str]) -> list[tuple[Any, ...]]:
        """Results in packets."""
        told = []
        for packet in map(bytes.fromhex, packets):
            assert len(packet) == self.result.size
            numbers, word = self.result.unpack(packet)
            known = RESULT_FACTS.from_bits(word)
            told.append((numbers, known.prediction, known.label, known.train))
        return told


def parameters(model: Any) -> list[int]:
    of = model.parameters
    return [int(x) for array in (*of.weights, *of.biases) for x in array]


def signed(answers: list[list[int]]) -> list[int]:
    """Words that were read without an error."""
    assert all(resp == 0 for _, resp in answers)
    return [word - (1 << 32) if word >> 31 else word for word, _ in answers]


__all__ = ["OWN", "SAMPLE_FACTS", "Driven", "parameters", "signed"]
