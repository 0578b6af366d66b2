"""A design with a serial line as a host finds it at its two pins: what is learned and answered, whatever the line does."""

import numpy as np
import pytest

from rtl.accelerator_model import Sample
from rtl.ports.interface_registers import words as words_of
from rtl.ports.register_map import CONTROL, MAGIC, SAMPLES, STATUS
from tests.rtl.designs import design, planned
from tests.rtl.host import random_parameters, random_samples
from tests.rtl.ports.serial_host import SerialHost, Silence, signed
from tests.rtl.ports.serial_line import EXCHANGE, HELLO, READ, WRITE, framed, stuffed, with_crc, words

FAST = {"interface": "serial", "bit_clocks": 4, "link_bytes": 64}


def host(name: str, pace: float = 1.0, **changes) -> SerialHost:
    return SerialHost(design(name, **FAST | changes), pace)


def test_what_is_learned_is_what_the_model_learns():
    """Weights and biases go in, samples are trained on, results and what was learned come out."""
    of, rng = host("one_row"), np.random.default_rng(0)
    given = random_parameters(of.of, rng)
    of.model.parameters = given
    flat = [int(x) for array in (*given.weights, *given.biases) for x in array]
    samples = [Sample(**s) for s in random_samples(of.of, 6, rng)]
    seen = {}

    async def script(of):
        assert await of.hello() == 0
        await of.write(*zip(of.addresses, flat, strict=True))
        seen["loaded"] = signed(await of.read(*of.addresses))
        await of.write((CONTROL, 1))
        seen["results"] = await of.one_by_one(samples)
        await of.stop()
        seen["learned"] = signed(await of.read(*of.addresses))
        seen["dropped"] = await of.hello()

    of.run(script)
    assert seen["loaded"] == flat
    assert seen["results"] == of.modelled(samples)
    learned = of.model.parameters
    assert seen["learned"] == [int(x) for array in (*learned.weights, *learned.biases) for x in array] != flat
    assert seen["dropped"] == 0


@pytest.mark.parametrize(
    ("bit_clocks", "pace"),
    [(4, 0.98), (4, 1.02), *(pytest.param(*p, marks=pytest.mark.slow) for p in ((16, 0.98), (16, 1.02), (13, 1.0)))],
)
def test_another_clock_two_percent_off(bit_clocks, pace):
    """Bytes without a pause between them, whose bits are all too short or too long."""
    of = host("one_row", pace, bit_clocks=bit_clocks)

    async def script(of):
        for echo in (bytes([0, 0xFF, 0x55, 0xAA]), b"}}~~"):
            assert (await of.ask(HELLO, echo))[9:] == echo
        assert await of.read(CONTROL, STATUS, 12) == [0, 3, 0x6877736D]
        assert await of.hello() == 0

    of.run(script)


def one_bit_wrong(line: bytes, at: int) -> bytes:
    return line[:at] + bytes([line[at] ^ 0x10]) + line[at + 1 :]


@pytest.mark.slow
def test_bad_frames_are_dropped_and_counted():
    """Each of them would start the accelerator; a good frame follows, once in the same breath."""
    of = host("one_row")
    capacity = of.capacity
    run = bytes([77, WRITE]) + words(4 * CONTROL, 1)
    good = framed(run)
    long = bytes([77, WRITE]) + words(4 * CONTROL, 1) * ((capacity - 2) // 8 + 1)
    bad = {
        "short": framed(b"\x4d"),
        "nothing but a CRC": b"\x7e" + stuffed(with_crc(b"")) + b"\x7e",
        "long": framed(long),
        "much too long": framed(run + bytes(3 * capacity)),
        "wrong CRC": good[:-2] + bytes([good[-2] ^ 1, 0x7E]),
        "one bit": one_bit_wrong(good, 8),
        "a byte lost": good[:5] + good[6:],
        "a byte twice": good[:5] + good[4:],
        "cut off": good[:9] + b"\x7e",
        "broken escape": good[:-1] + b"\x7d\x7e",
        "CRC of zeros": b"\x7e" + stuffed(run + bytes(4)) + b"\x7e",
    }

    async def script(of):
        dropped = 0
        for name, line in bad.items():
            await of.put(line)
            dropped += 1
            with pytest.raises(Silence):
                await of.reply(800)
            assert await of.hello() == dropped, name
            await of.put(line + b"\x7e\x7e")
            dropped += 1
            assert await of.hello() == dropped, name  # at once
        # A flag between two frames is enough; what was before the first one is no frame.
        await of.put(b"\x12\x34")
        assert await of.hello() == dropped + 1
        assert await of.read(CONTROL, STATUS) == [0, 3]
        assert await of.ask(WRITE, words(4 * CONTROL, 1)) == b"\1\0"
        assert await of.read(CONTROL) == [1]

    of.run(script)


@pytest.mark.slow
def test_a_disturbed_line():
    """Spikes, a break, bytes without a stop bit, noise between frames and a frame that it hits."""
    of = host("one_row", bit_clocks=8)
    run, rng = framed(bytes([9, WRITE]) + words(4 * CONTROL, 1)), np.random.default_rng(0)

    async def script(of):
        for clocks in (1, 2):  # shorter than half a bit
            await of.level(0, clocks / of.bit)
            await of.level(1, 3)
        assert await of.hello() == 0
        await of.level(0, 40)  # a break
        await of.level(1, 2)
        assert await of.hello() == 1
        await of.put(run[:6])
        await of.level(0, 25)
        await of.level(1, 1)
        await of.put(run[6:])  # all bytes are there, and something more
        assert await of.hello() == 2
        await of.put(run[:7])
        await of.put(run[7:8], stop=0)
        await of.level(1, 1)
        await of.put(run[8:])
        assert await of.hello() == 3
        for _ in range(60):
            await of.level(int(rng.integers(2)), float(rng.random() * 6))
        await of.level(1, 12)
        before = await of.hello()
        assert before >= 4 and await of.read(CONTROL) == [0]
        assert await of.hello() == before

    of.run(script)


def test_what_comes_while_it_is_busy_is_dropped():
    of = host("one_row")
    run = framed(bytes([200, WRITE]) + words(4 * CONTROL, 1))

    async def script(of):
        await of.put(framed(bytes([1, READ]) + words(*[4 * MAGIC] * 10)) + run + run[:7])
        body = await of.reply()
        assert body[:2] == bytes([1, 0]) and len(body) == 42
        await of.put(run[7:])  # its beginning came too early
        with pytest.raises(Silence):
            await of.reply(1000)
        assert await of.hello() == 2 and await of.read(CONTROL) == [0]

    of.run(script)


def test_a_repeated_request_is_done_once():
    """Whether its reply was lost, or came twice; HELLO is done whenever it comes, and what comes then is new."""
    of, rng = host("one_row"), np.random.default_rng(0)
    sample = of.pack(Sample(**random_samples(of.of, 1, rng)[0]))

    async def script(of):
        send = framed(bytes([5, EXCHANGE, 1]) + sample)
        for _ in range(3):
            await of.put(send)
            assert await of.reply() == bytes([5, 0]) + len(sample).to_bytes(2, "little") + b"\0"
        await of.put(framed(bytes([50, READ]) + words(4 * SAMPLES, 4 * CONTROL)))
        told = await of.reply()
        # The same number is the same request, whatever is in it; a frame that was dropped is no request.
        await of.put(one_bit_wrong(framed(bytes([51, READ]) + words(0)), 6))
        await of.put(framed(bytes([50, WRITE]) + words(4 * CONTROL, 1)))
        assert await of.reply() == told
        for echo in (b"abcd", b"efgh"):
            await of.put(framed(bytes([50, HELLO]) + echo))
            assert (await of.reply())[:2] == bytes([50, 0])
        await of.put(framed(bytes([50, HELLO]) + b"ijkl"))
        assert (await of.reply())[11:] == b"ijkl"
        await of.put(framed(bytes([51, READ]) + words(4 * CONTROL)))
        assert await of.reply() == bytes([51, 0]) + words(0)
        await of.put(framed(bytes([0, WRITE]) + words(4 * CONTROL, 1)))
        assert await of.reply() == bytes([0, 0, 1, 0])
        await of.clocks(1000)
        await of.put(framed(bytes([50, READ]) + words(4 * SAMPLES)))
        assert await of.reply() == bytes([50, 0]) + words(1)  # not three

    of.run(script)


@pytest.mark.slow
def test_requests_that_cannot_be():
    """Codes that there are not, payloads of a wrong length, addresses that there are not or are not aligned."""
    of = host("one_row")
    end = 4 * words_of(of.of)

    async def script(of):
        for code in (4, 5, 6, 7, 128, 255):
            assert await of.ask(code, words(0), 2) == b""
        lengths = {HELLO: (0, 1, 3, 5, 8), READ: (1, 2, 3, 5, 61), WRITE: (1, 4, 7, 12), EXCHANGE: (0,)}
        for code, sizes in lengths.items():
            for size in sizes:
                assert await of.ask(code, bytes(size), 2) == b"", (code, size)
        assert await of.ask(READ) == b"" and await of.ask(WRITE) == b"\0\0"
        # As many as fit.
        assert await of.read(*[12] * 15) == [0x6877736D] * 15
        good, name = 4 * 12, words(0x6877736D)
        for wrong in (end, end + 4, 1 << 31, 0xFFFFFFFC, good + 1, good + 2, good + 3, good | 1 << 20, 4 * 60):
            assert await of.ask(READ, words(good, good, wrong, good), 1) == name * 2, wrong
            assert await of.ask(WRITE, words(4 * CONTROL, 0, wrong, 1, 4 * CONTROL, 1), 1) == b"\1\0", wrong
        assert await of.ask(WRITE, words(good, 1), 1) == b"\0\0"  # a constant
        await of.write((CONTROL, 1))
        assert await of.ask(READ, words(good, 4 * of.addresses[0]), 1) == name  # it runs
        assert await of.hello() == 0

    of.run(script)


@pytest.mark.slow
def test_samples_that_are_not_taken():
    """While it stands, some go in; what was not taken goes on later in the middle of its packet, and nothing is lost."""
    of, rng = host("two_junctions"), np.random.default_rng(1)
    samples = [Sample(**s) for s in random_samples(of.of, 7, rng)]
    line = b"".join(map(of.pack, samples))
    size = of.packet.size

    async def script(of):
        at, short, runs, come, results = 0, 0, False, b"", []
        while at < len(line) or len(results) < len(samples):
            part = line[at : at + size - at % size]
            part = part[: int(rng.integers(len(part) // 2, len(part))) + 1] if part else part
            taken, known, more = await of.exchange(part, (at + len(part)) % size == 0 and len(part) > 0)
            at += taken
            come += more
            if known & 1:
                results.append(come)
                come = b""
            if taken < len(part):
                short += 1
                assert not runs
                await of.write((CONTROL, 1))
                runs = True
        assert short == 1 and all(len(packet) == of.result.size for packet in results)
        assert await of.read(SAMPLES) == [len(samples)]
        assert await of.hello() == 0

    of.run(script)


@pytest.mark.slow
def test_a_result_in_several_frames():
    of, rng = SerialHost(planned([4, 60], [30], [4], numbers="half_even", **FAST)), np.random.default_rng(0)
    samples = [Sample(**s) for s in random_samples(of.of, 2, rng)]
    assert of.result.size > of.capacity
    seen = []

    async def script(of):
        await of.write((CONTROL, 1))
        for sample in samples:
            assert (await of.exchange(of.pack(sample), True))[0] == of.packet.size
            await of.clocks(2000)
            come, known = b"", 2
            while known == 2:
                _, known, part = await of.exchange(b"", False)
                assert len(part) == min(of.capacity - 5, of.result.size - len(come))
                come += part
            assert known == 1
            seen.append(of.result.unpack(come)[0])
        assert await of.exchange(b"", False) == (0, 0, b"")

    of.run(script)
    assert seen == [numbers for numbers, *_ in of.modelled(samples)]
