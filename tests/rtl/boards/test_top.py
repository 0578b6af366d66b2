"""A board's top module: in the hands of simulators and linters, and at work with an accelerator in it."""

import re
import zlib

import pytest

from hwsim.design import Design
from rtl.boards import session
from rtl.boards.board import SerialBoard
from rtl.boards.boards import BOARDS
from rtl.boards.build import Build
from rtl.boards.top import TOP
from rtl.verilog.files import waivers
from tests.rtl.designs import configuration
from tests.rtl.toolchain import run, verilator

__all__ = ["verilator"]

SERIAL = [name for name, board in BOARDS.items() if isinstance(board, SerialBoard)]
SMALL = {"layers": [16, 8, 4], "out_degree": [2, 2], "z": [4, 2], "interface": "serial", "beat_bits": 8, "bit_clocks": 4}
CLOCKS = {name: (BOARDS[name].clock, BOARDS[name].clock * 1.5) for name in SERIAL}
"""One may be the oscillator's own; the other needs a PLL."""


@pytest.fixture(scope="module")
def emitted():
    return session.generate(Design(configuration(**SMALL)))


@pytest.mark.parametrize(("name", "which"), [(name, which) for name in SERIAL for which in (0, 1)])
def test_icarus_takes_it(name, which, emitted, cells, tmp_path):
    clock = CLOCKS[name][which]
    text = session.top(Build.of(name, clock, None), emitted)
    (tmp_path / "board.v").write_text(text)
    (tmp_path / "accelerator.v").write_text(emitted.text)
    run("iverilog", "-g2005", "-Wall", "-s", TOP, "-o", "board", "board.v", "accelerator.v", cells, folder=tmp_path)
    makes = re.findall(r"^  (EHXPLLL|SB_PLL40_PAD|PLLE2_BASE) #", text, re.MULTILINE)
    assert len(makes) == (clock != float(BOARDS[name].source))


@pytest.mark.parametrize("name", ["ulx3s-85f", "icebreaker", "arty-a7-100t"])
def test_verilator_has_nothing_to_say_of_it(name, emitted, cells, tmp_path, verilator):
    (tmp_path / "board.v").write_text(session.top(Build.of(name, CLOCKS[name][1], None), emitted))
    (tmp_path / "accelerator.v").write_text(emitted.text)
    others = "".join(f'lint_off -file "*{name}"\n' for name in ("accelerator.v", cells.name))
    (tmp_path / "lint.vlt").write_text(waivers() + others)
    warned = verilator(tmp_path, "--top", TOP, "lint.vlt", "board.v", "accelerator.v", cells.name)
    assert set(warned) <= HARMLESS, warned


HARMLESS = {"DECLFILENAME", "PINMISSING", "UNUSEDSIGNAL"}
"""A module's name in its file; the interrupt, which leads nowhere; the reset of what has none."""

BENCH = """
`timescale 1ns/1ns
module bench;
  reg clock = 0, button = {released}, rx = 1;
  wire tx, alive, busy, result, error, line, held;
  _board board (
    .clock(clock), .button(button), .rx(rx), .tx(tx), .light_alive(alive), .light_busy(busy), .light_result(result),
    .light_error(error), .light_line(line), .held_0(held)
  );
  always #1 clock = ~clock;
  reg [7:0] frame [0:{last}];
  integer i, k;
  task send;
    for (i = 0; i <= {last}; i = i + 1) begin
      rx = 0; #8;
      for (k = 0; k < 8; k = k + 1) begin rx = frame[i][k]; #8; end
      rx = 1; #8;
    end
  endtask
  reg [7:0] got;
  integer n;
  always @(negedge tx) if (board.rst === 0) begin
    #4;
    for (n = 0; n < 8; n = n + 1) begin #8; got[n] = tx; end
    #8;
    $display("byte %h", got);
  end
  initial begin
    $readmemh("frame.mem", frame);
    #20 if (board.rst !== 1) $display("reset ends too early");
    #80 if (board.rst !== 0) $display("reset does not end");
    if (line !== 0 || busy !== 0 || error !== 0 || held !== 1) $display("lights are wrong at rest");
    send;
    if (line !== 1) $display("the line's light stays dark");
    #20000;
    button = ~button;
    #10 if (board.rst !== 1) $display("the button does not reset");
    #10 button = ~button;
    #20 if (board.rst !== 0) $display("the button does not let go");
    if (line !== 0) $display("the line's light was not reset");
    $display("done");
    $finish;
  end
endmodule
"""


def stuffed(body):
    whole = body + zlib.crc32(body).to_bytes(4, "little")
    return b"\x7e" + whole.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e") + b"\x7e"


def test_an_accelerator_answers_through_the_pins(emitted, cells, tmp_path):
    """HELLO of docs/serial_link.md at the board's pins, and what the button does; the PLL passes its input."""
    (tmp_path / "board.v").write_text(session.top(Build.of("ulx3s-85f", None, None), emitted))
    (tmp_path / "accelerator.v").write_text(emitted.text)
    asked = stuffed(b"\x05\x00" + b"\x01\x7e\x03\x7d")
    (tmp_path / "frame.mem").write_text("".join(f"{byte:02x}\n" for byte in asked))
    (tmp_path / "bench.v").write_text(BENCH.format(last=len(asked) - 1, released=0))
    run("iverilog", "-g2005", "-s", "bench", "-o", "bench", "bench.v", "board.v", "accelerator.v", cells, folder=tmp_path)
    told = run("vvp", "bench", folder=tmp_path).splitlines()
    said = bytes(int(line.split()[1], 16) for line in told if line.startswith("byte"))
    assert [line for line in told if not line.startswith(("byte", "bench.v"))] == ["done"]
    frames = [f for f in said.split(b"\x7e") if f]
    assert len(frames) == 1
    body = frames[0].replace(b"\x7d\x5e", b"\x7e").replace(b"\x7d\x5d", b"\x7d")
    assert body[-4:] == zlib.crc32(body[:-4]).to_bytes(4, "little")
    assert body[:2] == b"\x05\x00" and body[2:7] == b"hwsl\x01" and body[-8:-4] == b"\x01\x7e\x03\x7d"
