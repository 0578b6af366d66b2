"""A board made of the accelerator's model: what the driver is tried against without any hardware."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from hwsim.host import Refused, Silence
from rtl.accelerator_model import Sample
from rtl.interfaced import Interfaced
from rtl.plan.plan import Plan
from rtl.ports.packing import RESULT_FACTS, SAMPLE_FACTS, Packet
from rtl.verilog.maps.register_map_json import register_map


class ModelBoard:
    """Words and packets, and behind them the model; samples follow each other without bubbles, and drain when asked for.

    Attributes
    ----------
    words
        Registers and memories by byte address.
    broken
        Byte addresses that are answered with an error.
    swallows
        Packets, by their number, that are lost on the way.
    doubles
        Whether every result comes twice.
    """

    def __init__(self, of: Plan) -> None:
        self.plan, self.map, self.model = of, register_map(of), Interfaced(of).model()
        self.registers = {r["byte"]: r["name"] for r in self.map["registers"]}
        self.words = {r["byte"]: r["reset"] for r in self.map["registers"]}
        self.at = {name: byte for byte, name in self.registers.items()}
        self.sample, self.result = Packet.sample(of), Packet.result(of)
        self.results: deque[bytes] = deque()
        self.under_way, self.sent, self.broken, self.swallows, self.doubles = 0, 0, set[int](), set[int](), False
        self.memories = {}
        n = len(of.junctions)
        for k, m in enumerate(self.map["memories"]):
            for word in range(m["words"]):
                row, lane = divmod(word, m["lanes"])
                self.memories[m["byte"] + 4 * ((row << m["lane_bits"]) + lane)] = (k // n, k % n, word)

    @property
    def runs(self) -> bool:
        return bool(self.words[self.at["CONTROL"]] & 1)

    def read(self, addresses: Sequence[int]) -> list[int]:
        return [self._read(at) for at in addresses]

    def write(self, addresses: Sequence[int], words: Sequence[int]) -> None:
        for at, word in zip(addresses, words, strict=True):
            self._write(at, word)

    def _read(self, at: int) -> int:
        if at in self.broken:
            raise Refused(at, False)
        if self.registers.get(at) == "STATUS":
            self._drain()
            return int(not self.runs) | 2 * (self.under_way == 0 or not self.runs)
        if at in self.words:
            return self.words[at]
        return int(self._array(at)[self.memories[at][2]]) & 0xFFFFFFFF

    def _write(self, at: int, word: int) -> None:
        if at in self.broken or (at in self.memories and self.runs):
            raise Refused(at, True)
        if at in self.memories:
            kind, junction, k = self.memories[at]
            of = self.model.parameters
            array = (of.weights, of.biases)[kind][junction]
            array[k] = word - (1 << 32) if word >> 31 else word
            self.model.parameters = of
        else:
            self.words[at] = word

    def _array(self, at: int) -> np.ndarray:
        if at not in self.memories or self.runs:
            raise Refused(at, False)
        kind, junction, _ = self.memories[at]
        of = self.model.parameters
        return (of.weights, of.biases)[kind][junction]

    def send(self, packet: bytes) -> None:
        assert self.runs, "a packet for an accelerator that stands"
        self.sent += 1
        if self.sent - 1 in self.swallows:
            self.words[self.at["MISFRAMED"]] += 1
            return
        assert len(packet) == self.sample.size
        numbers, word = self.sample.unpack(packet)
        facts = SAMPLE_FACTS.from_bits(word)
        self.under_way += 1
        self._cycle(Sample(numbers, facts.label, facts.kappa, facts.train))

    def _cycle(self, sample: Sample | None) -> None:
        result = self.model.cycle(sample)
        if result is not None:
            known = {"prediction": result.prediction, "label": result.label, "train": result.train}
            word = RESULT_FACTS.const(known).as_value().value
            outputs = result.outputs + [0] * (self.result.count - len(result.outputs))
            self.results.extend([self.result.pack(outputs, word)] * (1 + self.doubles))

    def _drain(self) -> None:
        if self.runs and self.under_way:
            for _ in range(40):
                self._cycle(None)
            self.under_way = 0

    def receive(self, patience: float) -> bytes | None:
        if not self.results and patience:
            self._drain()
        return self.results.popleft() if self.results else None


class Dead(ModelBoard):
    """Takes packets and says nothing."""

    def receive(self, patience: float) -> bytes | None:
        return None


class Blocked(ModelBoard):
    """Has samples under way as long as results wait."""

    def _read(self, at: int) -> int:
        word = super()._read(at)
        return word & ~2 if self.registers.get(at) == "STATUS" and self.results else word


class Stuck(ModelBoard):
    """Never comes to a standstill."""

    def _read(self, at: int) -> int:
        return 0 if self.registers.get(at) == "STATUS" else super()._read(at)


class Unplugged(ModelBoard):
    def send(self, packet: bytes) -> None:
        raise Silence("nothing takes the packet")
