"""Pins: where they are, as the boards' makers say, and as Amaranth's own tools constrain them."""

import re

import pytest
from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Module
from amaranth.lib import io

from rtl.boards import pins
from rtl.boards.board import SerialBoard
from rtl.boards.boards import BOARDS
from rtl.boards.pins import Pin, find

SERIAL = {name: board for name, board in BOARDS.items() if isinstance(board, SerialBoard)}
SITES = {
    "ulx3s-85f": "G2 R1 M1 L4 B2 C2 C1 D2 D1 L2",
    "orangecrab-25f": "A9 J17 N17 M18 M3 J3 K4",
    "orangecrab-85f": "A9 J17 N17 M18 M3 J3 K4",
    "colorlight-i9": "P3 K18 H18 J17 L2",
    "icebreaker": "35 10 6 9 37 11",
    "arty-a7-100t": "E3 C2 A9 D10 H5 J5 T9 T10",
}
"""Clock, button, line from and to the host, then lights; from schematics and other projects' constraints."""
LOW = {
    "ulx3s-85f": set(),
    "orangecrab-25f": {"button", "light_alive", "light_busy", "light_error"},
    "orangecrab-85f": {"button", "light_alive", "light_busy", "light_error"},
    "colorlight-i9": {"button", "light_alive"},
    "icebreaker": {"button", "light_alive", "light_error"},
    "arty-a7-100t": {"button"},
}


@pytest.mark.parametrize("name", SERIAL)
def test_pins_are_where_the_makers_say(name):
    found = SERIAL[name].pins
    assert [pin.site for pin in found.values()] == SITES[name].split()
    assert {port for port, pin in found.items() if pin.inverted} == LOW[name]


class Requests(Elaboratable):
    """Asks Amaranth for the pins of a board, as any of its designs does."""

    def __init__(self, board):
        self.board = board

    def elaborate(self, platform):
        m, board = Module(), self.board
        m.domains.sync = ClockDomain(reset_less=True)
        places = [board.button, ("uart", 0, "rx"), ("uart", 0, "tx"), *board.lights.values(), *board.held]
        groups = {name: platform.request(*name, dir="-") for name in {place[:2] for place in places}}
        ports = [getattr(groups[place[:2]], place[2]) if place[2:] else groups[place[:2]] for place in places]
        ticks = platform.request(platform.default_clk, dir="-")
        m.submodules.ticks = source = io.Buffer("i", ticks)
        m.d.comb += ClockSignal().eq(source.i)
        inputs, outputs = [io.Buffer("i", port) for port in ports[:2]], [io.Buffer("o", port) for port in ports[2:]]
        m.submodules += [*inputs, *outputs]
        m.d.sync += [buffer.o.eq(inputs[k % 2].i) for k, buffer in enumerate(outputs)]
        return m


ENDINGS = {"ecp5": ("lpf", r'SITE "(\w+)"'), "ice40": ("pcf", r"set_io \S+ (\w+)"), "xc7": ("xdc", r"LOC (\w+)")}


@pytest.mark.parametrize("name", SERIAL)
def test_pins_are_where_amaranth_puts_them(name):
    board = SERIAL[name]
    ending, pattern = ENDINGS[board.target.family.name]
    platform = board.platform()
    files = platform.prepare(Requests(board), do_build=False).files
    theirs = next(text for file, text in files.items() if file.endswith(f".{ending}"))
    theirs = theirs if isinstance(theirs, str) else theirs.decode()
    sites = re.findall(pattern, theirs)
    ours = {pin.site for pin in board.pins.values()}
    assert len(sites) >= len(ours) and ours <= set(sites)


def test_constraints_name_every_port_once():
    for board in SERIAL.values():
        text = board.constraints
        for port, pin in board.pins.items():
            located = {
                pins.lpf: rf'^LOCATE COMP "{port}" SITE "{pin.site}";$',
                pins.pcf: rf"^set_io (-pullup yes )?{port} {pin.site}$",
                pins.xdc: rf"^set_property -dict {{PACKAGE_PIN {pin.site} IOSTANDARD \w+}} \[get_ports {port}\]$",
            }[board.write]
            assert len(re.findall(located, text, re.MULTILINE)) == 1, port
        assert len({pin.site for pin in board.pins.values()}) == len(board.pins)


def test_the_oscillator_is_told_to_the_tools():
    assert 'FREQUENCY PORT "clock" 25.000000 MHZ;' in SERIAL["ulx3s-85f"].constraints
    assert "set_frequency clock 12.000000" in SERIAL["icebreaker"].constraints
    assert "create_clock -name clock -period 10.000 [get_ports clock]" in SERIAL["arty-a7-100t"].constraints


def test_what_a_pin_needs_beside_its_place():
    assert 'IOBUF PORT "held_0" IO_TYPE=LVCMOS33 DRIVE=4 PULLMODE=UP;' in SERIAL["ulx3s-85f"].constraints
    assert 'IOBUF PORT "button" IO_TYPE=SSTL135_I;' in SERIAL["orangecrab-25f"].constraints
    assert "set_io -pullup yes rx 6" in SERIAL["icebreaker"].constraints
    assert pins.lpf({"a": Pin("A1", False, {})}).splitlines()[1:] == ['LOCATE COMP "a" SITE "A1";']


@pytest.mark.parametrize("place", [("led", 99), ("nothing", 0), ("uart", 0, "cts"), ("spi_flash", 0)])
def test_pins_that_are_not_there(place):
    with pytest.raises((LookupError, AttributeError)):
        find(SERIAL["ulx3s-85f"].platform(), place)
