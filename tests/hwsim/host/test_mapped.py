"""Registers in memory, and packets through a DMA: against a file in place of the device, and models of the rest."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from hwsim.host import Accelerator, BadValue, DesignMap, HostError, Refused, Silence
from hwsim.host.mapped import Dma, Mapped, Memory, on_pynq
from tests.hwsim.host.test_accelerator import samples
from tests.hwsim.host.test_link import ModelBoard, design, named, same, some_parameters, told

ADDRESS = 0x1_0F00_0000


class DmaModel:
    """Registers of an AXI DMA in direct register mode, both channels, and the memory that it sees.

    A transfer takes as many looks at the status as there are ``clocks``; IDLE is not set before the first one is over.
    """

    def __init__(self, board: ModelBoard, memory: np.ndarray, clocks: int = 3) -> None:
        self.board, self.memory, self.clocks = board, memory, clocks
        self.known, self.left = dict.fromkeys(range(0, 0x60, 4), 0), {0x00: None, 0x30: None}
        self.stuck = False

    def write(self, offset: int, word: int) -> None:
        channel, register = 0x30 * (offset >= 0x30), offset % 0x30
        assert 0 <= word < 1 << 32 and register in (0x00, 0x18, 0x1C, 0x28)
        self.known[offset] = word
        if register == 0x00 and word & 4:
            self.left = dict.fromkeys(self.left)
            self.known |= {0x00: 4, 0x04: 1, 0x30: 0, 0x34: 1}
        elif register == 0x00:
            self.known[channel + 0x04] &= ~1
        elif register == 0x28:
            assert self.known[channel] & 1 and self.left[channel] is None and word, (
                "a transfer is begun in a channel that can"
            )
            self.known[channel + 0x04] &= ~2
            self.left[channel] = self.clocks

    def read(self, offset: int) -> int:
        channel, register = 0x30 * (offset >= 0x30), offset % 0x30
        word = self.known[offset]
        if register == 0x00 and not self.stuck:
            self.known[offset] &= ~4
        if register == 0x04 and self.left[channel] is not None and not self.stuck:
            if self.left[channel]:
                self.left[channel] -= 1
            else:
                self._move(channel)
        return word

    def _move(self, channel: int) -> None:
        at = (self.known[channel + 0x18] | self.known[channel + 0x1C] << 32) - ADDRESS
        length = self.known[channel + 0x28]
        if not 0 <= at <= len(self.memory) - length:
            self.known[channel + 0x04] |= 0x41
        elif channel:
            packet = self.board.receive(1.0)
            if packet is None:
                return
            self.memory[at : at + len(packet)] = np.frombuffer(packet, np.uint8)
            self.known[channel + 0x28] = len(packet)
            self.known[channel + 0x04] |= 2 if len(packet) <= length else 0x11
        else:
            self.board.send(self.memory[at : at + length].tobytes())
            self.known[channel + 0x04] |= 2
        self.left[channel] = None


class BoardWords:
    """A board's registers as words; an error ends the test as it would end the program."""

    def __init__(self, board: ModelBoard) -> None:
        self._board = board

    def read(self, offset: int) -> int:
        return self._board.read([offset])[0]

    def write(self, offset: int, word: int) -> None:
        self._board.write([offset], [word])


def beside(name="two_junctions", clocks=3, **changes):
    """A board, its DMA and its map."""
    of = design(name, interface="axi", **changes)
    board = ModelBoard(of)
    map = DesignMap.of(board.map)
    return of, board, map, DmaModel(board, np.zeros(Dma.size_of(map), np.uint8), clocks)


def trains_as_the_model(of, map, transport):
    accelerator, given = Accelerator(transport, map, patience=0.5), some_parameters(of)
    accelerator.load(named(*given))
    inputs, labels = samples(of, 40)
    got = accelerator.train(inputs, labels, kappa=3)
    model, results = told(of, given, inputs, labels)
    assert got.outputs.tolist() == [r.outputs for r in results] and same(accelerator.read(), model)


@pytest.mark.parametrize("clocks", [0, 3])
@pytest.mark.parametrize("name", ["two_junctions", "mixed_formats", "full"])
def test_a_program_beside_the_accelerator_trains_the_same(name, clocks):
    of, board, map, model = beside(name, clocks)
    for _ in range(2):  # a new program finds the DMA armed by the one before
        dma = Dma(model, model.memory, ADDRESS, map)
        trains_as_the_model(of, map, Mapped(BoardWords(board), dma.send, dma.receive))


@pytest.mark.parametrize(("name", "beat_bits"), [("two_junctions", 32), ("short_beat", 128), ("full", 8)])
def test_parameters_go_through_the_dma_where_the_design_can(name, beat_bits):
    """Also where a program that was killed has left the streams to them."""
    of, board, map, model = beside(name, beat_bits=beat_bits, parameter_stream=True)
    known = set(board.memories)
    used = []

    class Watched(BoardWords):
        def read(self, offset):
            used.append(offset)
            return super().read(offset)

        def write(self, offset, word):
            used.append(offset)
            super().write(offset, word)

    for left in (0, 1, 2):
        dma = Dma(model, model.memory, ADDRESS, map)
        board.words[board.at["PARAMETERS"]] = 0
        if left:
            board.write([board.at["CONTROL"], board.at["PARAMETERS"]], [0, left])
        trains_as_the_model(of, map, Mapped(Watched(board), dma.send, dma.receive))
    assert not known & set(used)


def test_words_are_written_and_read_where_parameters_are_refused():
    """As long as a sample is under way that nobody lets go on."""
    of, board, map, model = beside("two_junctions", parameter_stream=True)
    dma = Dma(model, model.memory, ADDRESS, map)
    accelerator, given = (
        Accelerator(Mapped(BoardWords(board), dma.send, dma.receive), map, patience=0.5),
        some_parameters(of),
    )
    accelerator.load(named(*given))
    board.under_way = 3
    assert all((accelerator.read()[name] == array).all() for name, array in named(*given).items())


def test_parameters_that_do_not_arrive_whole_are_told():
    of, board, map, model = beside("two_junctions", parameter_stream=True)
    dma = Dma(model, model.memory, ADDRESS, map)
    accelerator = Accelerator(
        Mapped(BoardWords(board), lambda packet: dma.send(packet[:-4]), dma.receive), map, patience=0.5
    )
    with pytest.raises(HostError, match="MISFRAMED has counted"):
        accelerator.load(named(*some_parameters(of)))
    accelerator = Accelerator(Mapped(BoardWords(board), dma.send, lambda patience: None), map, patience=0.05)
    with pytest.raises(Silence, match="no parameters come"):
        accelerator.read()


def test_pynq_has_all_that_it_takes(monkeypatch):
    of, board, map, model = beside()
    words = {(0x4000_0000, map.bytes): BoardWords(board), (0x4040_0000, 0x60): model}

    class Allocated(np.ndarray):
        physical_address = ADDRESS

    def allocate(shape, dtype):
        assert shape == model.memory.shape and dtype == np.uint8
        return model.memory.view(Allocated)

    monkeypatch.setitem(sys.modules, "pynq", SimpleNamespace(MMIO=lambda at, size: words[at, size], allocate=allocate))
    trains_as_the_model(of, map, on_pynq(map, 0x4000_0000, 0x4040_0000))
    monkeypatch.setitem(sys.modules, "pynq", None)
    with pytest.raises(HostError, match="PYNQ is not installed here"):
        on_pynq(map, 0, 0)


def test_a_dma_that_fails_is_told():
    _, board, map, model = beside()
    with pytest.raises(BadValue, match="a buffer of 100 bytes: a packet in each direction takes 128"):
        Dma(model, model.memory[:100], ADDRESS, map)
    board.write([0], [1])
    dma = Dma(model, model.memory, ADDRESS, map, patience=0.01)
    assert dma.receive(0.0) is None is dma.receive(0.01)
    model.stuck = True
    with pytest.raises(Silence, match=r"has not got rid of a packet of 4 bytes within 0\.01 s"):
        dma.send(b"abcd")
    with pytest.raises(Silence, match="does not come out of its reset"):
        Dma(model, model.memory, ADDRESS, map, patience=0.01)
    model.stuck = False
    dma = Dma(model, model.memory, ADDRESS + 4096, map)
    with pytest.raises(HostError, match="the DMA has stopped its samples: 0x41"):
        dma.send(b"abcd")
    with pytest.raises(HostError, match="the DMA has stopped its results: 0x41"):
        dma.receive(0.1)


@pytest.mark.parametrize("base", [0, 4096, 4100, 8188])
def test_words_of_a_file_are_those_of_the_device(tmp_path, base):
    file = tmp_path / "mem"
    file.write_bytes(bytes(range(256)) * 64)
    memory = Memory(file, base, 256)
    assert [memory.read(at) for at in (0, 4)] == [
        int.from_bytes(bytes((base + at + k) % 256 for k in range(4)), "little") for at in (0, 4)
    ]
    mapped = Mapped(memory, lambda packet: None, lambda patience: None)
    mapped.write([0, 252], [0xFFFFFFFF, 0x01020304])
    assert mapped.read([0, 252]) == [0xFFFFFFFF, 0x01020304]
    whole = file.read_bytes()
    assert whole[base : base + 4] == b"\xff" * 4 and whole[base + 252 : base + 256] == b"\4\3\2\1"
    assert whole[base + 4 : base + 252] == (bytes(range(256)) * 64)[base + 4 : base + 252]
    memory.bytes[4:8] = 7
    assert memory.read(4) == 0x07070707
    for at in (-4, 2, 256):
        with pytest.raises(Refused, match="was refused: 0x100 bytes are mapped"):
            mapped.read([at])
        with pytest.raises(Refused, match=f"a write to byte address {at:#x}"):
            mapped.write([at], [1])


def test_the_map_says_how_many_bytes_to_map():
    _, board, map, _ = beside()
    assert map.bytes == 4 + max([*board.words, *board.memories])


def test_what_cannot_be_mapped_is_told(tmp_path):
    file = tmp_path / "short"
    file.write_bytes(bytes(100))
    with pytest.raises(HostError, match="short: 0x1000 bytes from 0x0 on cannot be mapped: "):
        Memory(file, 0, 4096)
    with pytest.raises(HostError, match=r"nowhere: 0x4 bytes from 0x0 on cannot be mapped: .*No such file"):
        Memory(tmp_path / "nowhere", 0, 4)
    for base, size in ((2, 4), (0, 6), (0, 0), (-4, 4)):
        with pytest.raises(BadValue, match="must be multiples of 4"):
            Memory(file, base, size)
