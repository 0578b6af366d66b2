"""The registers as JSON: for scripts and drivers, with all that a program needs to know to talk to a design."""

import json
from typing import Any

from hwsim.configuration import config_file
from models.numbers.format import Format
from rtl.plan.plan import Plan
from rtl.ports.interface_table import all_registers
from rtl.ports.packing import Packet
from rtl.ports.parameter_order import order
from rtl.ports.register_map import AddressMap, memories
from rtl.ports.register_table import INTERFACE, WIDTH, Register, RegisterField


def as_json(of: Plan) -> str:
    """The text of ``registers.json``."""
    return json.dumps(register_map(of), indent=2) + "\n"


def register_map(of: Plan) -> dict[str, Any]:
    """Registers, memories and facts of a design as plain data; addresses count words in ``word`` and bytes in ``byte``."""
    hardware = of.config.hardware
    assert hardware is not None
    return {
        "design": of.config.name,
        "module": hardware.module,
        "interface": INTERFACE,
        "configuration": config_file.fingerprint(of.config),
        "hardware": config_file.hardware_fingerprint(of.config),
        "bus": {"word_bits": WIDTH, "address_bits": AddressMap.of(of).bits, "address_counts": "words"},
        "interface_kind": hardware.interface,
        "facts": facts(of),
        "packets": None if hardware.interface == "native" else _packets(of),
        "registers": [_register(register) for register in all_registers(of)],
        "memories": [
            {
                "name": m.name,
                "word": m.region.base,
                "byte": m.byte,
                "rows": m.region.rows,
                "lanes": m.region.lanes,
                "lane_bits": m.region.lane_bits,
                "words": m.region.words,
                "format": number_format(m.format),
                "meaning": m.meaning,
            }
            for m in memories(of)
        ],
    }


def _packets(of: Plan) -> dict[str, dict[str, int]]:
    result = {"samples": _packet(Packet.sample(of)), "results": _packet(Packet.result(of))}
    assert of.config.hardware is not None
    if of.config.hardware.parameter_stream:
        words, beat = len(order(of)), of.config.hardware.beat_bits // 8
        result["parameters"] = {"count": words, "number_bytes": 4, "size": -(-4 * words // beat) * beat}
    return result


def _packet(of: Packet) -> dict[str, int]:
    return {"count": of.count, "number_bytes": of.number_bytes, "trailer": of.trailer_at, "size": of.size}


def facts(of: Plan) -> dict[str, Any]:
    """What a driver needs of a design beside addresses."""
    n, (least, greatest) = of.numbers, of.kappas
    formats = {"input": n.input, "activation": n.activation, "weight": n.weight, "bias": n.bias}
    return {
        "trains": of.trains,
        "classes": of.design.network.classes,
        "layers": list(of.config.network.layers),
        "period": of.period,
        "inputs_per_beat": of.beat,
        "outputs_per_beat": of.junctions[-1].results_per_clock,
        "kappa": {"least": least, "greatest": greatest},
        "formats": {name: number_format(f) for name, f in formats.items()},
        "junctions": [
            {
                "left": j.n_left,
                "right": j.n_right,
                "edges": j.pattern.n_edges,
                "rows": j.rows,
                "lanes": j.z,
                "in_degree": j.d_in,
            }
            for j in of.junctions
        ],
    }


def number_format(of: Format) -> dict[str, Any]:
    """A format of numbers, and its range in integers; the value of an integer is integer / 2^fraction."""
    return {
        "width": of.width,
        "fraction": of.fraction,
        "signed": of.signed,
        "lowest": of.lowest,
        "highest": of.highest,
    }


def _register(of: Register) -> dict[str, Any]:
    return {
        "name": of.name,
        "word": of.address,
        "byte": of.byte,
        "reset": of.reset,
        "constant": of.constant,
        "meaning": of.meaning,
        "fields": [_field(field) for field in of.fields],
    }


def _field(of: RegisterField) -> dict[str, Any]:
    result = {
        "name": of.name,
        "lsb": of.lsb,
        "width": of.width,
        "access": str(of.access),
        "reset": of.reset,
        "meaning": of.meaning,
    }
    return result if of.legal is None else result | {"least": of.legal[0], "greatest": of.legal[1]}
