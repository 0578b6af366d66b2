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
from tests.rtl.ports.packets import parameter_packet, parameter_words, with_words

DRAINED = 40
"""Junction cycles after which the last sample has changed its last weight."""


class ModelBoard:
    """Words and packets, and behind them the model; junction cycles pass when samples come, and when somebody waits.

    Attributes
    ----------
    bubbles
        Junction cycles that pass behind a sample before the next one enters, as the link is slow; unless NO_BUBBLES is set.
    words
        Registers and memories by byte address.
    broken
        Byte addresses that are answered with an error.
    swallows
        Packets, by their number, that are lost on the way.
    doubles
        Whether every result comes twice.
    """

    def __init__(self, of: Plan, no_bubbles: bool = True) -> None:
        self.plan, self.map, self.model = of, register_map(of), Interfaced(of).model()
        self._let_bubbles_be_forbidden(no_bubbles)
        self.bubbles, self.half, self.written = 2, b"", list[int]()
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

    def _let_bubbles_be_forbidden(self, whether: bool) -> None:
        """Designs of both kinds, whatever the generator writes."""
        (control,) = (r for r in self.map["registers"] if r["name"] == "CONTROL")
        others = [f for f in control["fields"] if f["name"] != "NO_BUBBLES"]
        control["fields"] = others + [{"name": "NO_BUBBLES", "lsb": 1, "width": 1}] * whether

    @property
    def runs(self) -> bool:
        return bool(self.words[self.at["CONTROL"]] & 1)

    @property
    def waits_for_samples(self) -> bool:
        return bool(self.words[self.at["CONTROL"]] & 2)

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
            return int(not self.runs) | 2 * (self.under_way == 0 and not 0 < len(self.half) < self.sample.size)
        if at == self.at.get("PARAMETERS") and self.words[at] == 2 and not self.results:
            self.words[at] = 0
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
        elif at == self.at.get("PARAMETERS"):
            if word and (self.runs or self.results or self.under_way or 0 < len(self.half)):
                raise Refused(at, True)
            self.words[at] = word or self._read(at) & 2  # until the packet has been taken
            if word == 2:
                self.results.append(
                    parameter_packet(parameter_words(self.plan, self.model.parameters), self.sample.beat_bits)
                )
        else:
            if at == self.at["CONTROL"]:
                self.written.append(word)
            self.words[at] = word

    def _array(self, at: int) -> np.ndarray:
        if at not in self.memories or self.runs:
            raise Refused(at, False)
        kind, junction, _ = self.memories[at]
        of = self.model.parameters
        return (of.weights, of.biases)[kind][junction]

    def send(self, packet: bytes) -> None:
        if self.words.get(self.at.get("PARAMETERS"), 0) & 1:
            self._load(packet)
            return
        assert self.runs, "a packet for an accelerator that stands"
        self.offer(packet, True)

    def _load(self, packet: bytes) -> None:
        """Parameters, of which those in front of a fault are written."""
        known, at = self.model.parameters, self.at["PARAMETERS"]
        now = parameter_words(self.plan, known)
        words = np.frombuffer(packet, "<i4").tolist()[: len(now)]
        if len(packet) != len(parameter_packet(now, self.sample.beat_bits)):
            self.words[self.at["MISFRAMED"]] += 1
        self.model.parameters = with_words(self.plan, [*words, *now[len(words) :]])
        self.words[at] |= 4

    def offer(self, piece: bytes, last: bool) -> None:
        """Bytes of a packet, as the accelerator's sink takes them."""
        self.half += piece
        if not last:
            return
        packet, self.half = self.half, b""
        self.sent += 1
        if self.sent - 1 in self.swallows or len(packet) != self.sample.size:
            self.words[self.at["MISFRAMED"]] += 1
            return
        numbers, word = self.sample.unpack(packet)
        facts, number = SAMPLE_FACTS.from_bits(word), self.sample.number
        if facts.reserved or not all(number.lowest <= x <= number.highest for x in numbers):
            self.words[self.at["REFUSED"]] += 1
            return
        self._cycle(Sample(numbers, facts.label, facts.kappa, facts.train))
        self.under_way = DRAINED
        for _ in range(0 if self.waits_for_samples else self.bubbles):
            self._cycle(None)

    def _cycle(self, sample: Sample | None) -> None:
        result = self.model.cycle(sample)
        self.under_way = max(self.under_way - 1, 0)
        if result is not None:
            known = {"prediction": result.prediction, "label": result.label, "train": result.train}
            word = RESULT_FACTS.const(known).as_value().value
            outputs = result.outputs + [0] * (self.result.count - len(result.outputs))
            self.results.extend([self.result.pack(outputs, word)] * (1 + self.doubles))

    def _drain(self) -> None:
        while self.runs and not self.waits_for_samples and self.under_way:
            self._cycle(None)

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
