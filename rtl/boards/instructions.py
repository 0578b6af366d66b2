"""The README of a board's directory: what is wired where, what the lights mean, how to load it and how to train it."""

from rtl.boards.board import Board, ProcessorBoard, SerialBoard
from rtl.boards.build import Build
from rtl.boards.top import light_port
from rtl.synthesis.flow import Synthesis
from rtl.verilog.emission import Verilog
from rtl.verilog.markdown import table

MEANINGS = {
    "alive": "blinks about once a second, and several times a second while samples wait or are under way: it runs",
    "busy": "samples wait or are under way",
    "result": "a result waits for the host",
    "error": "a packet was dropped, a sample was not trained on or a request was refused; until the host clears ERROR of "
    "INTERRUPT_STATUS",
    "line": "something comes or goes on the serial line",
}
"""Of the lights, by name."""
TRAIN = "python", "-m", "hwsim.host.demo", ".", "--port"
"""The words of the command, to be followed by the port and the rate."""


def readme(build: Build, emitted: Verilog, made: Synthesis | None) -> str:
    """What stands before the description of the accelerator."""
    board = build.board
    parts = [f"# {emitted.accelerator.plan.config.name} on {board.title}\n", _summary(build, emitted, made)]
    parts += _serial(build, board) if isinstance(board, SerialBoard) else _processor(board)
    parts.append("What follows describes the accelerator by itself.\n")
    return "\n".join(parts) + "\n"


def _summary(build: Build, emitted: Verilog, made: Synthesis | None) -> str:
    period = emitted.accelerator.plan.period
    clock = float(build.frequency)
    rate = f"{clock * 1e6 / period:,.0f} samples/s"
    text = f"{build.board.target.device}; {clock:g} MHz, {period} clocks per input: {rate} if they come so fast."
    if made is not None and made.result.fmax is not None:
        text += f" Routed for {made.result.fmax:.1f} MHz."
    return text + "\n"


def _serial(build: Build, board: SerialBoard) -> list[str]:
    assert build.line is not None
    pins = board.pins
    low = ", or the pin joined to ground" if pins["button"].inverted else ""
    rows = [
        ("clock", pins["clock"].site, f"the oscillator, {float(board.source):g} MHz"),
        ("reset", pins["button"].site, f"resets while the button is pressed{low}"),
        ("rx", pins["rx"].site, "from the host"),
        ("tx", pins["tx"].site, "to the host"),
        *((f"light {name}", pins[light_port(name)].site, MEANINGS[name]) for name in board.lights),
        *((port, pins[port].site, f"held at {level}") for port, level in board.levels.items()),
    ]
    loads = []
    for what, commands in board.flash.items():
        loads += [f"{what[0].upper()}{what[1:]}:\n", _shell(*commands)]
    first = [] if board.built else ["The bitstream is Vivado's work, which we have not run:\n", _shell(_VIVADO)]
    return [
        "## Wires and lights\n",
        f"The serial line: {board.wired}. {build.line.baud_text}, eight bits, no parity, one stop bit.\n",
        table(("what", "pin", "which"), rows),
        "## Load\n",
        *first,
        *loads,
        "## Train\n",
        "In this directory, where hwsim and pyserial are installed:\n",
        _shell(" ".join([*TRAIN, board.port, "--baud", f"{build.line.asked}"])),
        "It writes the initial weights into the accelerator, trains it on `samples.npz`, keeps checkpoints and says how "
        "many test samples it gets right.\n",
    ]


_VIVADO = "vivado -mode batch -source board.tcl"


def _processor(board: Board) -> list[str]:
    assert isinstance(board, ProcessorBoard)
    return [
        "## Build\n",
        "The bitstream is Vivado's work, which we have not run. The script makes a block design: the Zynq's processor, an "
        "AXI DMA for both streams, the accelerator. It needs no pin of ours, and no files of the board: the processor's "
        "memory is set up by PYNQ's own boot loader, its clock by PYNQ from `board.hwh`.\n",
        _shell(_VIVADO),
        "## Train\n",
        "Copy this directory onto the board, open `board.ipynb` in its Jupyter and run all cells: it loads the bitstream, "
        "writes the initial weights, trains on `samples.npz` and predicts the test samples, through `driver.zip`.\n",
    ]


def _shell(*commands: str) -> str:
    return "\n".join(["```sh", *commands, "```\n"])
