"""The registers as CMSIS-SVD, which debuggers and generators of device headers read.

SVD has no memories: weights and biases are blocks of addresses of the kind *buffer*.
"""

from xml.etree import ElementTree as ET

from rtl.plan.plan import Plan
from rtl.ports.interface_table import all_registers, interface_base, interface_registers
from rtl.ports.register_map import AddressMap, memories
from rtl.ports.register_table import INTERFACE, WIDTH, Access, Register, RegisterField

_ACCESS = {
    Access.READ_ONLY: "read-only",
    Access.READ_WRITE: "read-write",
    Access.ONE_TO_CLEAR: "read-write",
    Access.ZERO_TO_CLEAR: "read-write",
}
_ON_WRITE = {Access.ONE_TO_CLEAR: "oneToClear", Access.ZERO_TO_CLEAR: "zeroToClear"}


def as_svd(of: Plan) -> str:
    """The text of ``registers.svd``: one peripheral at address 0, in bytes."""
    hardware = of.config.hardware
    assert hardware is not None
    device = ET.Element("device", {"schemaVersion": "1.3"})
    _tell(device, vendor="hwsim", name=hardware.module, version=str(INTERFACE), description=_described(of))
    _tell(device, addressUnitBits="8", width=str(WIDTH), size=str(WIDTH), resetMask=_hex((1 << WIDTH) - 1))
    peripheral = ET.SubElement(ET.SubElement(device, "peripherals"), "peripheral")
    _tell(peripheral, name=hardware.module.upper(), description=_described(of), baseAddress=_hex(0))
    _block(peripheral, 0, 1 << AddressMap.of(of).block_bits, "registers")
    for memory in memories(of):
        _block(peripheral, memory.region.base, memory.region.size, "buffer")
    if around := interface_registers(of):
        _block(peripheral, interface_base(of), len(around), "registers")
    inside = ET.SubElement(peripheral, "registers")
    for register in all_registers(of):
        _register(ET.SubElement(inside, "register"), register)
    ET.indent(device)
    return ET.tostring(device, encoding="unicode", xml_declaration=True) + "\n"


def _described(of: Plan) -> str:
    kind = "trains" if of.trains else "infers"
    return f"accelerator that {kind} a sparse network {'-'.join(map(str, of.config.network.layers))}"


def _hex(number: int) -> str:
    return f"{number:#x}"


def _tell(of: ET.Element, **values: str) -> None:
    for name, text in values.items():
        ET.SubElement(of, name).text = text


def _block(peripheral: ET.Element, first: int, words: int, usage: str) -> None:
    step = WIDTH // 8
    _tell(ET.SubElement(peripheral, "addressBlock"), offset=_hex(step * first), size=_hex(step * words), usage=usage)


def _register(into: ET.Element, of: Register) -> None:
    access = "read-write" if of.writable else "read-only"
    _tell(into, name=of.name, description=of.meaning, addressOffset=_hex(of.byte), size=str(WIDTH), access=access)
    _tell(into, resetValue=_hex(of.reset), resetMask=_hex((1 << WIDTH) - 1))
    fields = ET.SubElement(into, "fields")
    for field in of.fields:
        _field(ET.SubElement(fields, "field"), field)


def _field(into: ET.Element, of: RegisterField) -> None:
    _tell(
        into, name=of.name, description=of.meaning, bitOffset=str(of.lsb), bitWidth=str(of.width), access=_ACCESS[of.access]
    )
    if of.access in _ON_WRITE:
        _tell(into, modifiedWriteValues=_ON_WRITE[of.access])
    if of.legal is not None:
        allowed = ET.SubElement(ET.SubElement(into, "writeConstraint"), "range")
        _tell(allowed, minimum=str(of.legal[0]), maximum=str(of.legal[1]))
