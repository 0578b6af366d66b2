"""The boards that there are."""

from typing import Any

from amaranth.build import Attrs
from amaranth_boards.arty_a7 import ArtyA7_100Platform
from amaranth_boards.icebreaker import ICEBreakerPlatform
from amaranth_boards.orangecrab_r0_2 import OrangeCrabR0_2_25FPlatform, OrangeCrabR0_2_85FPlatform
from amaranth_boards.resources import UARTResource
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from models.errors import InputError
from rtl.boards import pins, pll
from rtl.boards.board import Board, ProcessorBoard, SerialBoard
from rtl.boards.colorlight import ColorlightI9Platform
from rtl.synthesis.targets import ECP5, ICE40, XC7, Target


def board(name: str) -> Board:
    """A board by its name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in BOARDS:
        raise InputError("NAME", name, "is not known", BOARDS)
    return BOARDS[name]


def _ecp5(name: str, device: str, package: str, speed: int, size: str, sites: str) -> Target:
    arguments = (f"--{size}", "--package", package, "--speed", f"{speed}")
    return Target(name, f"{device}, {sites}, speed grade {speed}", ECP5, arguments)


def _with_line(platform: type, connector: str, rx: str, tx: str) -> Any:
    """A platform with a serial line at pins of one of its connectors."""
    made = platform()
    made.add_resources([UARTResource(0, rx=rx, tx=tx, conn=(connector, 0), attrs=Attrs(IO_TYPE="LVCMOS33"))])
    return made


def _orangecrab(size: int, platform: type) -> SerialBoard:
    name, device = f"orangecrab-{size}f", f"LFE5U-{size}F"
    return SerialBoard(
        name,
        f"OrangeCrab r0.2 with an {device}",
        _ecp5(name, device, "CSFBGA285", 8, f"{size}k", "CSFBGA285"),
        72.0,
        platform=lambda: _with_line(platform, "io", "0", "1"),
        settings=pll.ecp5,
        write=pins.lpf,
        button=("button", 0),
        lights={"alive": ("rgb_led", 0, "g"), "busy": ("rgb_led", 0, "b"), "error": ("rgb_led", 0, "r")},
        baud=1_000_000,
        wired="a USB-serial adapter of 3.3 V at the edge of the board: its TX to pin 0, its RX to pin 1, its ground to GND. "
        "The board's own USB socket has no serial port",
        flash={
            "into the flash, the button held while the board is plugged in": (
                "cp board.bit board.dfu",
                "dfu-suffix -v 1209 -p 5af0 -a board.dfu",
                "dfu-util -a 0 -D board.dfu",
            )
        },
        packing=("--compress", "--freq", "38.8"),
    )


_ULX3S = SerialBoard(
    "ulx3s-85f",
    "ULX3S with an LFE5U-85F",
    _ecp5("ulx3s-85f", "LFE5U-85F", "CABGA381", 6, "85k", "CABGA381"),
    100.0,
    platform=ULX3S_85F_Platform,
    settings=pll.ecp5,
    write=pins.lpf,
    button=("button_fire", 0),
    lights={
        "alive": ("led", 0),
        "busy": ("led", 1),
        "result": ("led", 2),
        "error": ("led", 3),
        "line": ("led", 4),
    },
    held={("esp32", 0, "gpio0"): 1},  # else the board's other processor may load its own bitstream
    baud=3_000_000,
    wired="the USB socket US1, whose FT231X is the serial port; a cable to the computer is all",
    flash={
        "until the power goes": ("openFPGALoader -b ulx3s board.bit", "fujprog board.bit"),
        "into the flash": ("openFPGALoader -b ulx3s -f board.bit", "fujprog -j flash board.bit"),
    },
    packing=("--compress",),
)

_I9 = SerialBoard(
    "colorlight-i9",
    "Colorlight i9 v7.2 on its extension board",
    _ecp5("colorlight-i9", "LFE5U-45F", "CABGA381", 6, "45k", "CABGA381"),
    75.0,
    platform=ColorlightI9Platform,
    settings=pll.ecp5,
    write=pins.lpf,
    button=("button", 0),
    lights={"alive": ("led", 0)},
    baud=1_000_000,
    wired="the extension board's USB socket, whose programmer is a serial port, too. Some of these programmers are slower "
    "than that: then an adapter of 3.3 V at J17 (its RX) and H18 (its TX), or a lower rate",
    flash={
        "until the power goes": ("openFPGALoader -b colorlight-i9 board.bit",),
        "into the flash": ("openFPGALoader -b colorlight-i9 -f board.bit",),
    },
    packing=("--compress",),
    port="/dev/ttyACM0",
)

_ICEBREAKER = SerialBoard(
    "icebreaker",
    "iCEBreaker",
    Target("icebreaker", "iCE40UP5K, SG48", ICE40, ("--up5k", "--package", "sg48")),
    12.0,
    platform=ICEBreakerPlatform,
    settings=pll.ice40,
    write=pins.pcf,
    button=("button", 0),
    lights={"alive": ("led_g", 0), "error": ("led_r", 0)},
    baud=1_000_000,
    wired="the USB socket, whose FT2232H has the serial port as its second channel; a cable to the computer is all",
    flash={
        "until the power goes": ("iceprog -S board.bin",),
        "into the flash": ("iceprog board.bin",),
    },
    port="/dev/ttyUSB1",
)

_ARTY = SerialBoard(
    "arty-a7-100t",
    "Arty A7-100T",
    Target("arty-a7-100t", "xc7a100tcsg324-1", XC7),
    100.0,
    platform=ArtyA7_100Platform,
    settings=pll.series7,
    write=pins.xdc,
    button=("rst", 0),
    lights={"alive": ("led", 0), "busy": ("led", 1), "result": ("led", 2), "error": ("led", 3)},
    baud=1_000_000,
    wired="the USB socket J10, whose FT2232H has the serial port as its second channel; a cable to the computer is all",
    flash={
        "after Vivado, until the power goes": ("openFPGALoader -b arty_a7_100t board.bit",),
        "after Vivado, into the flash": ("openFPGALoader -b arty_a7_100t -f board.bit",),
    },
    port="/dev/ttyUSB1",
)

_PYNQ = ProcessorBoard("pynq-z2", "PYNQ-Z2", Target("pynq-z2", "xc7z020clg400-1", XC7), 100.0, part="xc7z020clg400-1")

BOARDS: dict[str, Board] = {
    b.name: b
    for b in (
        _ULX3S,
        _orangecrab(25, OrangeCrabR0_2_25FPlatform),
        _orangecrab(85, OrangeCrabR0_2_85FPlatform),
        _I9,
        _ICEBREAKER,
        _ARTY,
        _PYNQ,
    )
}
"""By name."""
