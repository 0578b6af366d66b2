"""The board's program around a design of a few lines, written by hand: bytes, clients, sleep, and every way to end."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import serial

from models.errors import InputError
from rtl.emulation import program
from rtl.emulation.board import Board

PATIENCE = 10
"""Seconds."""


@pytest.fixture
def board(echo, tmp_path):
    with Board(echo, tmp_path / "tty") as board:
        yield board


def connect(board):
    client = socket.create_connection(("127.0.0.1", board.port), PATIENCE)
    client.settimeout(PATIENCE)
    return client


def ask(client, data):
    client.sendall(data)
    answer = b""
    while len(answer) < len(data):
        some = client.recv(4096)
        assert some, answer
        answer += some
    return answer


def plus_one(data):
    return bytes((byte + 1) % 256 for byte in data)


def sleeps(pid):
    """Whether a process waits for something to happen."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def seconds_of(pid):
    """Of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def awaited(what):
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_every_byte_goes_through_the_wires_and_back(board):
    data = bytes(range(255))
    with connect(board) as client:
        for _ in range(3):
            assert ask(client, data) == plus_one(data)
    spell = next(board.spells())
    assert not spell.whole and spell.bytes_in == spell.bytes_out == 3 * 255
    assert spell.clocks >= 3 * 255 * 40  # nothing is faster than its bits
    board.stop()
    assert (whole := list(board.spells())[-1]).whole and whole.clocks >= spell.clocks and whole.bytes_in == spell.bytes_in


def test_the_pseudo_terminal_is_the_same_line(board, tmp_path):
    assert str((tmp_path / "tty").readlink()) == board.device
    for device in (board.device, str(tmp_path / "tty")):  # clients come and go
        with serial.Serial(device, 115200, timeout=PATIENCE) as line:
            line.write(bytes(range(255)))
            assert line.read(255) == plus_one(range(255))


def test_who_has_sent_last_is_answered(board):
    with connect(board) as client, serial.Serial(board.device, timeout=PATIENCE) as line:
        assert ask(client, b"a") == b"b"
        line.write(b"c")
        assert line.read(1) == b"d"
        assert ask(client, b"e") == b"f"
        line.timeout = 0
        assert line.read(1) == b""


def test_clients_that_vanish_leave_the_line_to_the_next_one(board):
    for k in range(20):
        client = connect(board)
        client.sendall(bytes(200))
        if k % 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # as if its machine had died
        client.close()
    with connect(board) as client:
        client.sendall(b"hello")
        told = b""
        while not told.endswith(b"ifmmp"):  # behind what the design still had of the others
            told += client.recv(4096)


def test_one_client_at_a_time(board):
    with connect(board) as first, connect(board) as second:
        second.sendall(b"x")
        assert ask(first, b"a") == b"b"
        second.settimeout(0.2)
        with pytest.raises(TimeoutError):
            second.recv(1)
        first.close()
        second.settimeout(PATIENCE)
        assert second.recv(1) == b"y"


def test_who_does_not_read_stops_nobody(board):
    with serial.Serial(board.device, timeout=PATIENCE, write_timeout=PATIENCE) as line:
        for _ in range(100):
            line.write(bytes(1000))
        with connect(board) as client:
            client.settimeout(0.1)
            told = b""

            def answered():
                nonlocal told
                client.sendall(b"hello")
                with suppress(TimeoutError):
                    told += client.recv(4096)
                return told.endswith(b"ifmmp")

            awaited(answered)  # once what the other has sent is through


def test_it_sleeps_when_there_is_nothing_to_do_and_not_before(board):
    pid, began = board.pid, time.monotonic()
    with connect(board) as client:
        assert ask(client, b"\xff") == b"\x00"  # after 150,000 clocks of silence
        awaited(lambda: sleeps(pid))
        before = seconds_of(pid)
        time.sleep(1)
        assert sleeps(pid) and seconds_of(pid) - before <= 0.02
        assert ask(client, b"a") == b"b"
    spell = next(board.spells())
    # The second of sleep is not counted, however slow the machine is.
    assert spell.clocks > 150_000 and spell.seconds < time.monotonic() - began - 0.9


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_when_it_is_told_to(sent, echo, tmp_path):
    words = [str(echo), "--tty", str(tmp_path / "tty")]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert "listening" in process.stdout.readline()
        time.sleep(0.3)  # it is attached to nothing, and stays
        assert process.poll() is None
        process.send_signal(sent)
        assert process.wait(PATIENCE) == 0
        assert "stopped" in process.stdout.read()
    assert not os.path.lexists(tmp_path / "tty")


def test_it_ends_with_its_parent(echo, tmp_path):
    script = "import sys, time\nfrom pathlib import Path\nfrom rtl.emulation.board import Board\n"
    script += "with Board(Path(sys.argv[1]), Path(sys.argv[2])) as board:\n"
    script += "    sys.stdout.write(f'{board.pid}\\n'); sys.stdout.flush(); time.sleep(60)\n"
    words = [sys.executable, "-c", script, str(echo), str(tmp_path / "tty")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        assert os.path.lexists(tmp_path / "tty")
        parent.kill()
    awaited(lambda: not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text())
    assert not os.path.lexists(tmp_path / "tty")


def test_what_cannot_be_had_is_told_in_one_line(board, echo, tmp_path):
    with pytest.raises(InputError, match=rf"port = {board.port}: is not to be had: .*Address already in use"):
        Board(echo, tmp_path / "other", board.port).__enter__()
    assert not os.path.lexists(tmp_path / "other")
    for words in (["--port"], ["--prot", "1"], ["--port", "65536"]):
        done = subprocess.run([echo, *words], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and not done.stdout


def test_a_board_can_begin_again_where_one_was_killed(echo, tmp_path):
    with Board(echo, tmp_path / "tty") as board:
        os.kill(board.pid, signal.SIGKILL)
        assert list(board.spells()) == []
    assert os.path.lexists(tmp_path / "tty")  # which nobody could remove
    with Board(echo, tmp_path / "tty") as board, connect(board) as client:
        assert ask(client, b"a") == b"b" and str((tmp_path / "tty").readlink()) == board.device


def test_a_design_that_cannot_be_built_is_told(tmp_path):
    with pytest.raises(program.BuildError, match=f"see build.log in {tmp_path}"):
        program.build("module broken(input clk; endmodule", "broken", tmp_path, bit_clocks=4, quiet_clocks=1)
    assert "syntax error" in (tmp_path / "build.log").read_text()


def test_missing_tools_are_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("VERILATOR_ROOT", "/nowhere")
    with pytest.raises(InputError, match="verilator"):
        program.check()
