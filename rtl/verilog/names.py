"""Names of the signals and registers of a generated design, as other programs look them up."""

from typing import Any

from amaranth.hdl import Value
from amaranth.lib import data

from hwsim.configuration import config_file
from hwsim.vocabulary import MemoryKey, MemoryKind
from rtl.plan.plan import Plan
from rtl.ports.interface_table import interface_registers
from rtl.ports.packing import RESULT_FACTS, SAMPLE_FACTS, Packet
from rtl.ports.register_map import AddressMap
from rtl.ports.register_table import registers
from rtl.ports.results import result_layout
from rtl.ports.samples import sample_layout
from rtl.verilog.emission import Verilog


def names(emitted: Verilog) -> dict[str, Any]:
    """Signals of the design and where they are in the Verilog, ports and their fields, addresses of the bus."""
    of = emitted.accelerator.plan
    where = AddressMap.of(of)
    regions = {MemoryKey(MemoryKind.WEIGHTS, i): r for i, r in enumerate(where.weights, 1)}
    regions |= {MemoryKey(MemoryKind.BIASES, i): r for i, r in enumerate(where.biases, 1)}
    around = {} if emitted.component is emitted.accelerator else {"interface": _interface(of)}
    return {
        "configuration": config_file.fingerprint(of.config),
        "signals": {
            name: {"path": list(emitted.path(signal)), "bits": len(Value.cast(signal))}
            for name, signal in emitted.accelerator.named.items()
        },
        "ports": {name: {"direction": d, "bits": b} for name, (d, b) in emitted.ports.items()},
        "samples__payload": _fields(sample_layout(of)),
        "results__payload": _fields(result_layout(of)),
        "registers": register_addresses(of),
        "memories": {
            str(key): {"base": r.base, "rows": r.rows, "lanes": r.lanes, "lane_bits": r.lane_bits}
            for key, r in regions.items()
        },
        **around,
    }


def _interface(of: Plan) -> dict[str, Any]:
    """Packets, and the registers beside the accelerator's; ``samples__payload`` and the like are inside."""
    hardware = of.config.hardware
    assert hardware is not None
    return {
        "kind": hardware.interface,
        "beat_bits": hardware.beat_bits,
        "sample": _packet(Packet.sample(of), SAMPLE_FACTS),
        "result": _packet(Packet.result(of), RESULT_FACTS),
        "registers": {register.name: register.address for register in interface_registers(of)},
    }


def _packet(of: Packet, facts: data.StructLayout) -> dict[str, Any]:
    numbers = {"count": of.count, "bytes_each": of.number_bytes}
    return {"numbers": numbers, "trailer_at": of.trailer_at, "trailer": _fields(facts), "bytes": of.size, "beats": of.beats}


def _fields(layout: data.StructLayout) -> dict[str, dict[str, int]]:
    return {name: {"offset": field.offset, "bits": field.width} for name, field in layout}


def register_addresses(of: Plan) -> dict[str, int]:
    """Addresses of the registers by their names, in words."""
    return {register.name: register.address for register in registers(of)}
