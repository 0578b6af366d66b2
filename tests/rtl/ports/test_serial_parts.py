"""The parts of a serial link against their models, clock by clock, whatever comes in that may come."""

from binascii import crc32

import numpy as np
import pytest

from rtl.ports.framing import ESCAPE, FLAG, FrameReceiver, FrameSender
from rtl.ports.interface_registers import words
from rtl.ports.link_requests import LinkRequests
from rtl.ports.serial_link import SerialLink
from rtl.ports.uart import UartReceiver, UartTransmitter
from tests.rtl.designs import design
from tests.rtl.ports.serial_line import framed
from tests.rtl.test_models import check


@pytest.mark.parametrize("bit_clocks", [4, 5, 7, 16])
def test_bytes_come_in(bit_clocks):
    """Whole ones, broken ones, disturbances of any length, a line that stays 0, bits a little too short or too long."""
    rng, clocks = np.random.default_rng(bit_clocks), []
    for _ in range(150):
        kind = rng.random()
        if kind < 0.7:
            bits = [0, *rng.integers(2, size=8).tolist(), int(rng.random() < 0.9)]
            lengths = rng.choice([bit_clocks - (bit_clocks > 5), bit_clocks, bit_clocks], size=10)
            clocks += [{"rx": bit} for bit, n in zip(bits, lengths, strict=True) for _ in range(int(n))]
        else:
            clocks += [{"rx": int(kind < 0.85)}] * int(rng.integers(1, 12 * bit_clocks))
    told = check(UartReceiver(bit_clocks), clocks)
    assert {t["valid"] for t in told} == {0, 1} == {t["broken"] for t in told}


@pytest.mark.parametrize("bit_clocks", [4, 9])
def test_bytes_go_out(bit_clocks):
    rng = np.random.default_rng(0)
    clocks = [{"valid": int(rng.random() < 0.3), "data": int(rng.integers(256))} for _ in range(200 * bit_clocks)]
    told = check(UartTransmitter(bit_clocks), clocks)
    assert {t["tx"] for t in told} == {0, 1} and sum(t["ready"] for t in told) > 10


def test_what_goes_out_comes_in():
    rng, sent = np.random.default_rng(0), list(range(256))
    receiver, transmitter = UartReceiver(6).model(), UartTransmitter(6).model()
    seen = []
    while len(seen) < 256:
        valid = bool(sent) and rng.random() < 0.5
        told = transmitter.clock(valid=int(valid), data=sent[0] if valid else 0)
        if valid and told["ready"]:
            sent.pop(0)
        if (come := receiver.clock(rx=told["tx"]))["valid"]:
            seen.append(come["data"])
    assert seen == list(range(256))


def something(rng, capacity):
    """Bytes on a line: a frame, or nearly one."""
    size = int(rng.choice([2, 3, 6, capacity - 1, capacity, capacity + 1, capacity + 9]))
    body = rng.choice([FLAG, ESCAPE, 0x5E, 0x5D, *range(0, 256, 9)], size=size).astype(np.uint8).tobytes()
    line = framed(body)
    kind = rng.integers(9)
    if kind == 0:
        line = bytes([FLAG]) * int(rng.integers(1, 5))
    elif kind == 1:
        line = line[1:]  # one flag between two frames
    elif kind == 2:
        at = int(rng.integers(1, len(line) - 1))
        line = line[:at] + bytes([line[at] ^ 1 << int(rng.integers(8))]) + line[at + 1 :]
    elif kind == 3:
        line = line[:-1] + bytes([ESCAPE, FLAG])
    elif kind == 4:
        line = line[: int(rng.integers(1, len(line)))]
    elif kind == 5:
        line = framed(body[: int(rng.integers(2))])
    return line


def test_frames_are_found():
    rng, capacity = np.random.default_rng(0), 16

    def stimulus():
        closed = 0
        for _ in range(600):
            for byte in something(rng, capacity):
                while rng.random() < 0.4:
                    closed = closed and rng.random() < 0.98
                    yield {"closed": int(closed), "broken": int(rng.random() < 0.005)}
                told = yield {"valid": 1, "data": byte, "closed": int(closed)}
                closed = (closed and rng.random() < 0.98) or (told["frame"] and rng.random() < 0.4)

    told = check(FrameReceiver(capacity), stimulus())
    frames = [t["length"] for t in told if t["frame"]]
    assert len(frames) > 100 and min(frames) == 2 and max(frames) == capacity
    assert 100 < told[-1]["dropped"] < 500


def test_frames_are_sent():
    rng, capacity = np.random.default_rng(0), 8
    memory = rng.choice([FLAG, ESCAPE, *range(0, 256, 5)], size=capacity).tolist()

    def stimulus():
        address, length, busy = 0, 1, False
        for _ in range(5000):
            start = not busy and rng.random() < 0.2
            if start:
                length, busy = int(rng.integers(1, capacity + 1)), True
                memory[int(rng.integers(capacity))] = int(rng.choice([FLAG, ESCAPE, 0, 255]))
            given = {"start": int(start), "length": length, "r_data": memory[address]}
            told = yield given | {"ready": int(rng.random() < 0.5)}
            busy &= not told["done"]
            address = told["r_address"] if told["r_address"] is not None else int(rng.integers(capacity))

    told = check(FrameSender(capacity), stimulus())
    assert sum(t["done"] for t in told) > 50
    assert crc32(b"123456789") == 0xCBF43926


def request(rng, of, capacity, number):
    """Anything that may be in a frame; most of it means something."""
    code = int(rng.choice([0, 1, 1, 2, 2, 3, 3, 3, 4, 255]))
    most = capacity - 2
    if code in (1, 2):
        payload = b""
        for _ in range(int(rng.integers(most // (4 * code) + 1))):
            at = 4 * int(rng.integers(words(of))) if rng.random() < 0.95 else int(rng.integers(8 * words(of)))
            payload += at.to_bytes(4, "little") + rng.bytes(4 * (code - 1))
    else:
        payload = rng.bytes(4 if code == 0 else int(rng.integers(most + 1)))
    if rng.random() < 0.1:
        payload = payload[: int(rng.integers(len(payload) + 1))]
    return bytes([number, code]) + payload


@pytest.mark.parametrize("kind", ["at_once", "at_any_time", "seldom"])
def test_requests_are_carried_out(kind):
    """One after the other, some of them repeated; the bus and both streams at several speeds, one of them too slow."""
    share = {"at_once": 1, "at_any_time": 0.3, "seldom": 0.004}[kind]
    of, rng, capacity = design("one_junction", interface="serial", link_bytes=64), np.random.default_rng(0), 64
    requests = LinkRequests(of)

    def stimulus():
        frame, address, result, told = b"", 0, None, {}
        number, model = 0, requests.model()
        for _ in range(12_000 if kind != "seldom" else 30_000):
            given = {"dropped": int(rng.integers(1 << 16)), "r_data": frame[address] if address < len(frame) else 0}
            if not model.busy and rng.random() < 0.5:
                if rng.random() < 0.8 or not frame:
                    number = (number + int(rng.integers(3) > 0)) & 0xFF
                    frame = request(rng, of, capacity, number)
                given |= {"frame": 1, "length": len(frame)}
            if told.get("bus_request") and rng.random() < 0.5:
                given |= {"bus_done": 1, "bus_error": int(rng.random() < 0.1), "bus_read_data": int(rng.integers(1 << 32))}
            given |= {"samples_tready": int(rng.random() < share), "sent": int(told.get("reply_length") is not None)}
            if result is None and rng.random() < share:
                result = {"results_tvalid": 1, "results_tdata": int(rng.integers(256))}
                result |= {"results_tlast": int(rng.random() < 0.05)}
            given |= result or {}
            told = yield given
            model.clock(**given)
            told = told | {"bus_request": told["bus_request"] and not given.get("bus_done")}
            result = None if told["results_tready"] else result
            address = told["r_address"] if told["r_address"] is not None else int(rng.integers(capacity))

    told = check(requests, stimulus())
    assert sum(t["reply"] for t in told) > 40
    assert {t["w_data"] for t in told if t["w_address"] == 1} == {0, 1, 2}
    for name in ("bus_request", "samples_tvalid", "results_tready", *(() if kind == "seldom" else ("samples_tlast",))):
        assert 1 in {t[name] for t in told}


def test_the_link():
    """Frames and what is none come in on one wire, replies go out on the other."""
    of, rng = design("one_junction", interface="serial", link_bytes=64, bit_clocks=4), np.random.default_rng(0)
    link = SerialLink(of)

    def stimulus():
        asked, model = False, link.model()
        for number in range(40):
            line = something(rng, 64) if number % 4 == 3 else framed(request(rng, of, 24, number))
            bits = [bit for byte in line for bit in (0, *(byte >> k & 1 for k in range(8)), 1)]
            for rx in [bit for bit in bits for _ in range(4)] + [1] * int(rng.integers(2500)):
                given = {"rx": rx, "samples_tready": int(rng.random() < 0.5)}
                given |= {"results_tvalid": 1, "results_tdata": 0x7E, "results_tlast": int(rng.random() < 0.1)}
                if asked and rng.random() < 0.5:
                    given |= {"bus_done": 1, "bus_read_data": int(rng.integers(1 << 32))}
                told = yield given
                model.clock(**given)
                asked = told["bus_request"] and not given.get("bus_done")

    told = check(link, stimulus())
    for name in ("tx", "bus_request", "samples_tvalid", "results_tready"):
        assert {t[name] for t in told} == {0, 1}
