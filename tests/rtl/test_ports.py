"""Every component lists its ports: names, directions and widths in its docstring are those of the component."""

import inspect
import re
from typing import Any

import pytest
from amaranth.hdl import Shape, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from models.numbers.format import Format, Rounding
from rtl.accelerator import Accelerator
from rtl.blocks.adder_tree import AdderTree
from rtl.blocks.arithmetic import Narrow, shape_of
from rtl.blocks.crossing import Crossing
from rtl.blocks.gear import Gear
from rtl.blocks.joint_reset import JointReset
from rtl.blocks.multiplier import Multipliers
from rtl.blocks.queues import Queue
from rtl.blocks.store import Store
from rtl.blocks.synchroniser import Synchroniser
from rtl.blocks.table import ActivationTable
from rtl.boards.boards import BOARDS
from rtl.boards.lights import Lights
from rtl.boards.top import BoardTop
from rtl.control.address import AddressGenerator
from rtl.control.dither import Dither, turns
from rtl.control.pacer import Pacer
from rtl.control.position import BankCounter, PositionCounter
from rtl.control.sequencer import Sequencer
from rtl.crossed import Crossed
from rtl.interfaced import Interfaced
from rtl.junction import Junction
from rtl.memories.interleaved import InterleavedMemory
from rtl.memories.partial_deltas import Loop, PartialDeltaMemory
from rtl.memories.row import RowMemory
from rtl.plan.interleaving import Interleaving
from rtl.plan.plan import tables
from rtl.plan.signatures import Access, ActivationWrite, PartialRead
from rtl.plan.widths import back_product_shape, partial_shape
from rtl.ports.axi_lite import AxiLite, axi_lite_signature
from rtl.ports.axi_stream import ResultSource, SampleSink, axis_signature
from rtl.ports.framing import FrameReceiver, FrameSender
from rtl.ports.interface_registers import InterfaceRegisters, wide_bus_signature
from rtl.ports.link_requests import LinkRequests
from rtl.ports.parameter_stream import ParameterStream
from rtl.ports.register_map import AddressMap, bus_signature
from rtl.ports.registers import Registers
from rtl.ports.results import ResultQueue
from rtl.ports.samples import SampleLoader
from rtl.ports.serial_link import SerialLink
from rtl.ports.uart import UartReceiver, UartTransmitter
from rtl.ports.wishbone import Wishbone, wishbone_signature
from rtl.processors.backward import Backward
from rtl.processors.collection import Collection
from rtl.processors.delta import DeltaSource
from rtl.processors.feedforward import FeedForward
from rtl.processors.gathering import Gathering
from rtl.processors.generator import Generator
from rtl.processors.output_error import OutputError
from rtl.processors.prediction import Prediction
from rtl.processors.update import Update
from rtl.proofs.ticked import Ticked
from tests.rtl.designs import design
from tools.site.ports import Port, components, listed

INTERFACE = re.compile(r"(interface|stream of) \w+")


def written(ports: list[Port], letters: dict[str, Any]) -> dict[str, tuple[str, int | str]]:
    """Direction and width of every port that there is under these conditions; ``<i>`` stands for all values of i."""
    result: dict[str, tuple[str, int | str]] = {}
    for port in ports:
        if port.condition and not eval(port.condition, {}, letters):
            continue
        family = re.search(r"<(\w+)>", port.name)
        for one in letters[family[1]] if family else [""]:
            name, width = (re.sub(r"<\w+>", str(one), text) for text in (port.name, port.width))
            assert name not in result, name
            kind = INTERFACE.fullmatch(width)
            result[name] = (port.direction, kind[1] if kind else eval(width, {}, letters))
    return result


def built(signature: wiring.Signature) -> dict[str, tuple[str, int | str]]:
    """The same of what has been built."""
    result: dict[str, tuple[str, int | str]] = {}
    for name, member in signature.members.items():
        assert member.flow in (In, Out)
        direction = "in" if member.flow == In else "out"
        if member.is_port:
            result[name] = direction, Shape.cast(member.shape).width
        else:
            result[name] = direction, "stream of" if isinstance(member.signature, stream.Signature) else "interface"
    return result


def bits(n: int) -> int:
    return ceil_log2(n)


def whole(of: Any) -> dict[str, Any]:
    """Letters of an accelerator."""
    least, greatest = of.kappas
    shift = bits(greatest - least + 1)
    numbers = ("weight", "bias", "activation", "derivative", "preactivation", "delta")
    return {
        **{name: getattr(of.numbers, name).width for name in numbers},
        **{f"saturation_{j.number}": 4 * bits(max(j.z, j.results_per_clock) + 1) for j in of.junctions},
        **{"bits": bits, "max": max, "trains": of.trains, "period": of.period, "shift": shift, "lends": False},
        **{"classes": of.design.network.classes, "tag": 2 + of.config.label_bits + shift},
        **{"i": range(1, len(of.junctions) + 1), "q": of.junctions[-1].results_per_clock, "G": of.junctions[-1].groups},
    }


def one(of: Any, j: Any) -> dict[str, Any]:
    """Letters of a junction."""
    right = j.right
    return whole(of) | {
        **{"z": j.z, "q": j.results_per_clock, "C": j.rows, "D": j.depth, "G": j.groups, "d_out": j.d_out},
        **{"D_next": right.depth, "phases": right.phases, "left": j.left.width, "product": back_product_shape(of).width},
        **{"K": j.clocks, "turns": turns(j), "stalls": j.stalls},
        **{"routes": j.routing.phases, "segments": j.routing.segments},
        **{"first": j.number == 1, "last": j.is_last, "hidden": not j.is_last},
        **({} if j.is_last else {"partial": partial_shape(of, of.junctions[j.number]).width}),
    }


def layer(of: Interleaving) -> dict[str, Any]:
    """Letters of an interleaved layer."""
    names = ("depth", "memories", "per_clock", "groups", "phases")
    return {name: getattr(of, name) for name in names} | {"bits": bits}


def blocks():
    """Components that know nothing of a design, and what the letters are."""
    yield AdderTree(5, signed(6), 0), {"inputs": 5, "word": 6, "levels": 3}
    narrow = Narrow(signed(9), 3, Rounding.HALF_UP, Format(5, 2))
    yield narrow, {"source": 9, "to": 5}
    multipliers = Multipliers(3, signed(4), signed(7), 1)
    yield multipliers, {"lanes": 3, "a": 4, "b": 7, "product": 11}
    for shifts in (1, 6):
        yield Generator(1, shifts), {"shifts": shifts, "bits": bits}
    for apart in (False, True):
        letters = {"bits": bits, "banks": 3, "depth": 6, "lanes": 3, "word": 5, "rams": 3 if apart else 1}
        yield RowMemory(signed(5), 3, 6, banks=3, apart=apart), letters
    of = Interleaving(14, 4, 7)
    letters = layer(of) | {"banks": 3, "word": 6, "reader": ("a", "b"), "product": 4}
    yield InterleavedMemory(of, signed(6), 3, ("a", "b"), stages=1, lut_ram_depth=8), letters
    for apart in (False, True):
        made = PartialDeltaMemory(of, signed(4), signed(6), 3, Loop(1), stages=1, lut_ram_depth=8, apart=apart)
        yield made, letters | {"flags": 7 if apart else 1}
    yield Queue(5, 3, 4), {"width": 5}
    yield Store(5, 3, 4), {"width": 5}
    yield Gear(5, 3, 4, 7), {}
    yield Crossing(5, 4), {"width": 5}
    yield Synchroniser(5, "write", "read"), {"width": 5}
    yield JointReset(), {}
    yield Ticked(Crossing(5, 4)), {}
    yield PositionCounter(of), letters
    yield BankCounter(3, 1), letters


def parts(of):
    """Components of a design."""
    n = of.numbers
    yield from ((made(of), whole(of)) for made in (Pacer, SampleLoader, ResultQueue, Registers, Accelerator))
    last = of.junctions[-1]
    yield Prediction(of), one(of, last)
    if of.trains:
        yield OutputError(of), one(of, last)
    if last.straddles:
        yield Gathering(last, shape_of(n.activation)), one(of, last) | {"word": n.activation.width}
    for j in of.junctions:
        letters = one(of, j)
        yield from ((made(j), letters) for made in (AddressGenerator, Sequencer))
        yield Dither(j, shape_of(n.weight), True), letters | {"word": n.weight.width}
        if j.stalls:
            yield Collection(j, shape_of(j.left)), letters | {"word": j.left.width}
        yield FeedForward(of, j), letters
        yield Junction(of, j.number), letters
        table = ActivationTable(n.preactivation, n.activation, n.derivative if of.trains else None, tables(of, j), 1)
        yield table, letters | {"argument": n.preactivation.width, "value": n.activation.width, "slope": n.derivative.width}
        if of.trains:
            yield from ((made(of, j), letters) for made in (Backward, Update, DeltaSource))


def around(of):
    """Components of a design with a standard interface."""
    sink = SampleSink(of)
    level = sink.level.shape().width
    assert 1 << level > 4 >= level
    registers = InterfaceRegisters(of, level)
    streams = of.config.hardware.parameter_stream
    for made in (sink, ResultSource(of), registers, AxiLite(of), Wishbone(of)):
        yield made, whole(of) | {"level": level, "streams": streams}
    if streams:
        yield ParameterStream(of), whole(of)
        yield Accelerator(of, lends=True), whole(of) | {"lends": True}
    own = of.config.hardware.bus_clock == "own"
    yield (
        Interfaced(of),
        {kind: of.config.hardware.interface == kind for kind in ("axi", "wishbone", "serial")} | {"own": own},
    )
    if own:
        yield Crossed(of), {}
    capacity = of.config.hardware.link_bytes
    for made in (UartReceiver(4), UartTransmitter(4), FrameReceiver(capacity), FrameSender(capacity), LinkRequests(of)):
        yield made, {"bits": bits, "capacity": capacity}
    yield SerialLink(of), {}


DESIGNS = {"mixed_formats": ("mixed_formats", {}), "three_junctions": ("three_junctions", {"classes": 5})}
DESIGNS |= {"inference": ("inference", {}), "short_beat": ("short_beat", {})}
DESIGNS |= {name: (name, {}) for name in ("straddling_groups", "straddling_three", "clashing_straddling", "one_lane")}


def boards():
    """Components of a board, two of them with different pins."""
    yield Lights(4), {}
    for name in ("ulx3s-85f", "icebreaker"):
        board = BOARDS[name]
        made = BoardTop("accelerator", board.clocking(board.clock), board.lights, board.levels, ())
        yield made, {"name": [*board.lights], "held": [*board.levels]}


def everything():
    yield from blocks()
    yield from boards()
    for name, changes in DESIGNS.values():
        yield from parts(design(name, **changes))
    for interface, name, beat_bits, streams in (
        ("axi", "short_beat", 64, False),
        ("axi", "short_beat", 64, True),
        ("wishbone", "two_junctions", 64, False),
        ("serial", "one_row", 8, False),
    ):
        yield from around(design(name, interface=interface, beat_bits=beat_bits, parameter_stream=streams))
    yield from around(design("short_beat", interface="axi", beat_bits=64, bus_clock="own"))


def test_the_ports_are_those_that_are_listed():
    """In every build of every component: none missing, none too many, all in the right direction and as wide as told."""
    seen = set()
    for component, letters in everything():
        described = type(component)
        assert written(listed(described), letters) == built(component.signature), described.__name__
        seen.add(described)
    assert seen == components()


def test_the_interfaces_list_their_ports_too():
    of = Interleaving(14, 4, 7)
    letters = layer(of) | {"banks": 3, "word": 6}
    for interface in (ActivationWrite, PartialRead):
        assert written(listed(interface), letters) == built(interface(of, signed(6), 3)), interface.__name__
    access = {"bits": bits, "rows": 9, "lanes": 4, "word": 12}
    assert written(listed(Access), access) == built(Access(9, 4, 12))
    plan = design("mixed_formats")
    address = {"address": AddressMap.of(plan).bits}
    for signature in (bus_signature, wide_bus_signature):
        assert written(listed(signature), address) == built(signature(plan)), signature.__name__
    assert written(listed(axis_signature), {"beat_bits": 16}) == built(axis_signature(16))
    for signature in (axi_lite_signature, wishbone_signature):
        assert written(listed(signature), {"address": 9}) == built(signature(9)), signature.__name__


def test_every_component_states_its_latency_and_has_a_model():
    for component, _ in everything():
        if isinstance(component, BoardTop):
            continue  # made of the vendors' cells
        described = type(component).__name__
        assert isinstance(component.latency, int) and component.latency >= 0, described
        assert callable(component.model), described
        assert inspect.getdoc(type(component).model), described


@pytest.mark.parametrize(
    "text",
    ["Ports\n-----\nx : in, 1\n", "Ports\n-----\nx : inout, 1\n    Meaning.\n", "Nothing."],
    ids=["without_a_meaning", "without_a_direction", "without_ports"],
)
def test_what_is_not_written_like_a_port_is_found(text):
    class Described:
        __doc__ = text

    with pytest.raises(ValueError):
        listed(Described)
