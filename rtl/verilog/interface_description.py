"""The description of standard ports: packets as C sees them, accesses, registers by their bytes."""

from hwsim.results.directory import DRIVER
from rtl.plan.plan import Plan
from rtl.ports.interface_registers import words
from rtl.ports.packing import Packet
from rtl.verilog.description_parts import judgement, legal_values
from rtl.verilog.driver import PACKAGE
from rtl.verilog.ip_package import PACKAGE_IP
from rtl.verilog.litex_module import LITEX
from rtl.verilog.markdown import table
from rtl.verilog.parameter_description import parameter_section
from rtl.verilog.two_clocks import clock_section


def interface_sections(of: Plan) -> list[str]:
    """Ports of a design with an interface around it."""
    hardware = of.config.hardware
    assert hardware is not None
    sample, result = Packet.sample(of), Packet.result(of)
    serial = hardware.interface == "serial"
    stream = "" if serial else f"An AXI4-Stream of {hardware.beat_bits} bits. "
    return [
        *(clock_section() if hardware.bus_clock == "own" else []),
        *(_line(of) if serial else ["### s_axis\n"]),
        f"{stream}A packet is a sample, in {sample.beats} beats; `tlast` marks its "
        f"last one. Everything is little-endian. The inputs are {sample.number}, neuron 0 first, each in {_bytes(sample)}; "
        f"behind them, from byte {sample.trailer_at} on, is a word; bytes up to it and behind it mean nothing.\n",
        _struct(sample, "sample", "input", "label | kappa << 16 | train << 24; the other bits are reserved: 0"),
        "A packet is collected before anything of it goes further. One whose `tlast` comes early, late or not at all is "
        "dropped, and MISFRAMED counts it; behind one that is too short the next one begins, of one that is too long all is "
        f"skipped up to its `tlast`. One with an input that is not {sample.number} or with a reserved bit set is dropped, "
        "and REFUSED counts it; neither has a result. A sample with `train` set whose `label` needs more than "
        f"{of.config.label_bits} bits or whose `kappa` needs more than {of.config.kappa_bits} is fed forward only, and "
        f"UNFIT counts it, whatever RATE says; a wider label comes back as {(1 << of.config.label_bits) - 1}. All "
        "others are what the accelerator makes of them:\n",
        judgement(of),
        *([] if serial else ["### m_axis\n"]),
        f"{stream}A packet is a result, in {result.beats} beats, in the order of the "
        f"samples: the outputs, {result.number}, each in {_bytes(result)}, then a word from byte {result.trailer_at} on; "
        "all other bytes are 0. If packets are not taken, the accelerator stands at the end of a junction cycle until they "
        "are; nothing is lost or changed.\n",
        _struct(result, "result", "output", "prediction | label << 16 | train << 31"),
        *{"axi": _axi, "wishbone": _wishbone, "serial": _no_bus}[hardware.interface](of),
        "Weights and biases are accessible while the accelerator stands (CONTROL bit 0 clear, STATUS bit 0 set). EMPTY of "
        "STATUS speaks of samples in front of the accelerator, too. The registers from MISFRAMED on are the interface's: "
        "`interrupt` is set while a cause of INTERRUPT_STATUS is that INTERRUPT_ENABLE enables.\n",
        *parameter_section(of),
        legal_values(of, ""),
        f"From Python: `{DRIVER}` on the path (`PYTHONPATH={DRIVER}`) and `from {PACKAGE} import Accelerator`. "
        "`Accelerator(transport, 'registers.json')` loads and reads weights, trains and predicts; it needs NumPy and a "
        "transport, an object that can read and write words by their byte addresses, send a packet and receive one. "
        f"`{PACKAGE}.mapped` has one for programs beside the design, with its registers in memory and an AXI DMA.\n",
        *_PACKAGED.get(hardware.interface, []),
    ]


_PACKAGED = {
    "axi": [
        f"`vivado -mode batch -source {PACKAGE_IP} -tclargs FOLDER PART` makes an IP of Vivado's catalogue: the interfaces "
        "`s_axis`, `m_axis` and `s_axi` with their clock and reset, the interrupt and the address block. It has not been "
        "run by us with Vivado.\n"
    ],
    "wishbone": [
        f"`{LITEX}` is the design as a module of LiteX, with a `wishbone.Interface`, two `stream.Endpoint` and the "
        "interrupt; it says how a SoC takes it.\n"
    ],
}
"""How larger designs take this one, by the interface."""


def _line(of: Plan) -> list[str]:
    hardware = of.config.hardware
    assert hardware is not None
    requests = [
        (0, "HELLO", "4 bytes, any", "`hwsl`, 1 byte version (1), 2 bytes capacity, 2 bytes frames dropped, the 4 bytes"),
        (1, "READ", "n byte addresses of 4 bytes", "n words of 4 bytes; if one is refused, those before it"),
        (2, "WRITE", "n times a byte address and a word", "2 bytes: how many were written"),
        (3, "EXCHANGE", "1 byte, bytes of samples", "2 bytes: how many were taken; 1 byte; bytes of results"),
    ]
    return [
        "### rx, tx\n",
        f"A serial line: eight data bits, the lowest first, no parity, one stop bit, {hardware.bit_clocks} clocks a bit "
        "(`hardware.bit_clocks`); the other end's clock may be 2 % off. `rx` may change at any time. On it a host asks, and "
        "on `tx` it is answered, in frames between bytes `7E`. In a frame a byte `7E` or `7D` is sent as `7D` and the byte "
        "exclusive-or `20`. Before that it is a number, a code, what belongs to the code, and a CRC-32 of all of it (that "
        "of zlib), lowest byte first; numbers of more than one byte have the lowest byte first everywhere. A frame of "
        f"number, code and the rest may have {hardware.link_bytes:,} bytes (`hardware.link_bytes`).\n",
        table(("code", "request", "payload", "payload of the reply"), requests),
        "A reply has the number of its request; its code is 0: done, 1: refused (there is no such word, it may not be "
        "written, it cannot hold the value, or memories are accessed while the accelerator runs), 2: there is no such "
        "request, nothing was done. A frame that is too short, too long or whose CRC is wrong is dropped, and so is what "
        "comes before the reply to an earlier one is out: send it again, with the same number. A request with the number of "
        "the last one is not carried out again: its reply comes once more; HELLO is always carried out.\n",
        "EXCHANGE: bit 0 of its first byte says that a packet ends with its last one (`tlast`). Of the reply's single byte "
        "bit 0 says that a packet of results ends with the last one, bit 1 that another byte is waiting. A byte of samples "
        "that is not taken for 256 clocks is given up, and those behind it with it; a reply ends with its packet, when it "
        "is full, or if no byte comes for 256 clocks. A packet may come in several frames, in both directions.\n",
        "### Packets\n",
        "The bytes of EXCHANGE are the beats of two streams of packets.\n",
    ]


def _bytes(packet: Packet) -> str:
    size = f"{packet.number_bytes} byte{'s' if packet.number_bytes > 1 else ''}"
    return f"{size}, extended by {'its sign' if packet.number.signed else 'zeros'}"


def _struct(packet: Packet, name: str, number: str, facts: str) -> str:
    """A packet in C: the word is one, as bit fields would begin in the bytes in front of it."""
    kind = f"{'' if packet.number.signed else 'u'}int{8 * packet.number_bytes}_t"
    lines = [f"  {kind} {number}[{packet.count}];"]
    words = [f"  uint32_t facts;  // {facts}"]
    rest = packet.size - packet.trailer_at - 4
    pad = [f"  uint8_t padding[{rest}];"] if rest else []
    size = f'_Static_assert(sizeof(struct {name}) == {packet.size}, "{packet.beats} beats");'
    return "\n".join(["```c", f"struct {name} {{", *lines, *words, *pad, "};", size, "```\n"])


def _axi(of: Plan) -> list[str]:
    return [
        "### s_axi\n",
        "An AXI4-Lite of 32 bits; the two lowest bits of an address mean nothing. Addresses and words of writes may come in "
        "any order; reads and writes take turns, one at a time, and the next ones are taken meanwhile. SLVERR: there is no "
        "such word, it may not be written, it cannot hold the value, memories are accessed while the accelerator runs, or "
        "only some bits of `wstrb` are set. If none is, nothing is written, and the answer is OKAY. DECERR: the address "
        f"lies behind all words, from {hex(4 * words(of))} on.\n",
    ]


def _wishbone(of: Plan) -> list[str]:
    return [
        "### wb\n",
        "A Wishbone B4 classic of 32 bits; `wb_adr` counts words. `wb_err` answers in place of `wb_ack`: there is no such "
        "word, it may not be written, it cannot hold the value, memories are accessed while the accelerator runs, or a "
        "write selects only some bytes. If it selects none, nothing is written, and `wb_ack` answers. A read is of a whole "
        "word. An access that is given up before its answer is carried through all the same.\n",
    ]


def _no_bus(of: Plan) -> list[str]:
    return []
