"""A real TCP connection, a real pseudo-terminal, and what is said of those that are not there."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from hwsim.host import BadValue, Connection, HostError, SerialPort, Silence, connect, open_port
from tests.hwsim.host.link_board import LinkBoard
from tests.hwsim.host.served import on_tcp, on_terminal
from tests.hwsim.host.test_accelerator import samples
from tests.hwsim.host.test_link import ModelBoard, design, driven, named, same, some_parameters, told

WAYS = {"tcp": on_tcp, "terminal": on_terminal}


def board(name="two_junctions"):
    of = design(name, interface="axi", beat_bits=8)
    return of, LinkBoard(ModelBoard(of), moody=0.02)


def trains_as_the_model(of, there, link, n=40):
    accelerator, given = driven(link, there.board), some_parameters(of)
    accelerator.load(named(*given))
    inputs, labels = samples(of, n)
    got = accelerator.train(inputs, labels, kappa=3)
    model, results = told(of, given, inputs, labels)
    assert got.outputs.tolist() == [r.outputs for r in results] and same(accelerator.read(), model)


@pytest.mark.parametrize("way", WAYS)
def test_a_board_that_is_somewhere_else_learns_the_same(way):
    of, there = board()
    with WAYS[way](there) as name:
        link = connect(name, 921600)
        assert isinstance(link.stream, Connection if way == "tcp" else SerialPort)
        trains_as_the_model(of, there, link)
        link.close()
        link = connect(name, 921600)
        trains_as_the_model(of, there, link, 5)
        link.close()


CLIENT = """
import sys
from hwsim.host import Accelerator, connect
from tests.hwsim.host.test_streams import board
from tests.hwsim.host.test_accelerator import samples
from hwsim.host import DesignMap
of, there = board()
accelerator = Accelerator(connect(sys.argv[1]), DesignMap.of(there.board.map))
def endless():
    while True:
        yield samples(of, 8)
for told in accelerator.stream(endless(), kappa=3):
    sys.stdout.write("batch\\n")
    sys.stdout.flush()
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_client_that_is_killed_leaves_a_board_to_go_on_with(way):
    of, there = board()
    with WAYS[way](there) as name:
        for wait in (0.0, 0.013):
            command = [sys.executable, "-c", CLIENT, name]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
                lines = [client.stdout.readline() for _ in range(3)]
                time.sleep(wait)  # at another place each time
                client.send_signal(signal.SIGKILL)
            assert lines == ["batch\n"] * 3 and there.board.waits_for_samples
            link = connect(name)
            trains_as_the_model(of, there, link)
            link.close()


def test_what_is_not_there_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(HostError, match=rf"^tcp:127\.0\.0\.1:{port}: no connection: "):
        open_port(f"tcp:127.0.0.1:{port}")
    with pytest.raises(HostError, match=r"^/dev/nowhere: cannot be opened: "):
        open_port("/dev/nowhere")
    for text in ("tcp:", "tcp:here", "tcp:here:", "tcp::80", "tcp:here:0", "tcp:here:65536", "tcp:here:-1", "tcp:here:٣"):
        with pytest.raises(BadValue, match=r"must be tcp:host:port with a port of 1 to 65535"):
            open_port(text)
    for text, baud in (("", 115200), ("/dev/ttyS0", 0)):
        with pytest.raises(BadValue, match="must be a name, or tcp:host:port, and at least 1"):
            open_port(text, baud)


def test_a_port_without_pyserial_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(HostError, match=r"^/dev/ttyUSB0: a serial port needs pyserial: pip install pyserial$"):
        open_port("/dev/ttyUSB0")


def test_a_port_on_which_nobody_answers_is_given_back():
    ours, theirs = os.openpty()
    try:
        for _ in range(2):  # the second time it is not taken any more
            with pytest.raises(Silence, match="does not answer: 2 tries"):
                connect(os.ttyname(theirs), seconds=0.02, tries=2)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_way_that_is_gone_is_told():
    with socket.create_server(("127.0.0.1", 0)) as server:
        way = open_port(f"tcp:127.0.0.1:{server.getsockname()[1]}")
        server.accept()[0].close()
        with pytest.raises(HostError, match=r"the other end has closed the connection|the connection is gone"):
            way.read(10, 5.0)
        way.close()
    with pytest.raises(HostError, match="the connection is gone"):
        way.read(10, 0.1)
    ours, theirs = os.openpty()
    way = open_port(os.ttyname(theirs))
    assert way.read(10, 0.0) == b"" == way.read(10, 0.05)
    os.close(theirs)
    os.close(ours)
    with pytest.raises(HostError, match=r"/dev/pts/\d+: is gone"):
        way.read(10, 1.0)
    with pytest.raises(HostError, match=r"/dev/pts/\d+: is gone"):
        way.write(b"x")
    way.close()
