"""Packets of the AXI4-Streams: which byte of a sample or a result is where, as C lays out a struct of arrays and a word."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.lib import data

from models.numbers.format import Format
from rtl.plan.plan import Plan

TRAILER = 4
"""Bytes of the word behind the numbers, at a multiple of itself."""
SAMPLE_FACTS = data.StructLayout({"label": 16, "kappa": 8, "train": 1, "reserved": 7})
"""The word behind the inputs of a sample; what is reserved is 0."""
RESULT_FACTS = data.StructLayout({"prediction": 16, "label": 15, "train": 1})
"""The word behind the outputs of a result."""


@dataclass(frozen=True)
class Packet:
    """Numbers of one format, then a word: little-endian, padded to whole beats.

    Attributes
    ----------
    number
        Format of the numbers, each in the fewest bytes of 1, 2 and 4 that hold it, extended by its sign.
    count
        How many there are.
    beat_bits
        Bits of a beat.
    """

    number: Format
    count: int
    beat_bits: int

    @classmethod
    def sample(cls, of: Plan) -> "Packet":
        """A sample's: its inputs."""
        return cls(of.junctions[0].left, of.junctions[0].n_left, _beat_bits(of))

    @classmethod
    def result(cls, of: Plan) -> "Packet":
        """A result's: its outputs."""
        return cls(of.numbers.activation, of.junctions[-1].n_right, _beat_bits(of))

    @property
    def number_bytes(self) -> int:
        """Of one number."""
        return next(n for n in (1, 2, 4) if self.number.width <= 8 * n)

    @property
    def word_bits(self) -> int:
        """Bits that circuits handle at once: of a beat, or of as many as hold any number and the trailer."""
        return max(self.beat_bits, 8 * TRAILER)

    @property
    def beats_per_word(self) -> int:
        """Beats in which a word comes."""
        return self.word_bits // self.beat_bits

    @property
    def numbers_per_word(self) -> int:
        """Numbers in a word."""
        return self.word_bits // (8 * self.number_bytes)

    @property
    def full(self) -> int:
        """Words that hold numbers."""
        return -(-self.count // self.numbers_per_word)

    @property
    def in_last(self) -> int:
        """Numbers in the last of those."""
        return self.count - (self.full - 1) * self.numbers_per_word

    @property
    def trailer_at(self) -> int:
        """Byte at which the trailer begins."""
        return -(-self.count * self.number_bytes // TRAILER) * TRAILER

    @property
    def trailer_bit(self) -> int:
        """Bit of its word at which the trailer begins."""
        return 8 * self.trailer_at % self.word_bits

    @property
    def words(self) -> int:
        """Words of a packet; the trailer is in the last one."""
        return 8 * self.trailer_at // self.word_bits + 1

    @property
    def beats(self) -> int:
        """Beats of a packet."""
        return self.words * self.beats_per_word

    @property
    def size(self) -> int:
        """Bytes of a packet, those that pad it to whole beats among them."""
        return self.beats * self.beat_bits // 8

    def pack(self, numbers: Sequence[int], facts: int) -> bytes:
        """A packet of these numbers and this trailer; numbers that the format cannot hold are cut to their bytes."""
        size = self.number_bytes
        of_numbers = b"".join((x & ((1 << 8 * size) - 1)).to_bytes(size, "little") for x in numbers)
        return (of_numbers.ljust(self.trailer_at, b"\0") + facts.to_bytes(TRAILER, "little")).ljust(self.size, b"\0")

    def unpack(self, packet: bytes) -> tuple[list[int], int]:
        """The numbers and the trailer of a packet."""
        size, at = self.number_bytes, self.trailer_at
        words = (packet[k * size : (k + 1) * size] for k in range(self.count))
        numbers = [int.from_bytes(word, "little", signed=self.number.signed) for word in words]
        return numbers, int.from_bytes(packet[at : at + TRAILER], "little")


def _beat_bits(of: Plan) -> int:
    hardware = of.config.hardware
    assert hardware is not None
    return hardware.beat_bits
