"""What the memory-mapped port does, clock by clock; where its constants are and what they say it knows without the table."""

from typing import Any

from amaranth.hdl import Shape, signed

from hwsim.configuration import config_file
from models.numbers.format import Format
from rtl.blocks.arithmetic import signed_bits
from rtl.plan.plan import Plan
from rtl.ports.register_map import (
    CONTROL,
    CYCLES,
    EMPTY,
    ERROR,
    ERROR_BITS,
    ERRORS,
    ILLEGAL_KAPPAS,
    ILLEGAL_LABELS,
    RATE,
    RATE_FIXED,
    REFUSED_VALUES,
    RESULTS,
    SAMPLES,
    STATUS,
    AddressMap,
)

WIDTH = 32
SATURATION = 16


def _counts(of: Plan) -> bool:
    return of.config.hardware is not None and of.config.hardware.counters


def _format(of: Format) -> int:
    return of.width + of.fraction * 2**8 + of.signed * 2**15


def identification(of: Plan) -> dict[int, int]:
    """The words that say what was built, by address: as written in docs/architecture.md §6, not made from the table."""
    js, (least, greatest), numbers = of.junctions, of.kappas, of.numbers
    fingerprint = config_file.hardware_fingerprint(of.config)
    build = len(js) + of.trains * 2**8 + _counts(of) * 2**9 + least * 2**16 + greatest * 2**24
    facts = [of.period, of.config.classes, of.beat, js[-1].results_per_clock]
    facts += [_format(numbers.input) + _format(numbers.activation) * 2**16]
    facts += [_format(numbers.weight) + _format(numbers.bias) * 2**16, of.config.network.layers[0]]
    for j in js:
        facts += [of.config.network.layers[j.number], of.config.edges[j.number - 1] // j.z, j.z]
    first = [0x6877736D, 1, int(fingerprint, 16) >> 224, build]
    return dict(enumerate(first, 12)) | dict(enumerate(facts, SATURATION + 4 * len(js)))


class RegistersModel:
    """The registers clock by clock, one request after the other.

    Parameters
    ----------
    of, where
        The accelerator, and where its words are.
    reading, writing
        Clocks that a word of a memory takes.
    """

    def __init__(self, of: Plan, where: AddressMap, reading: int, writing: int) -> None:
        self._of, self._map, self._reading, self._writing = of, where, reading, writing
        self._run, self._no_bubbles, self._kappa, self._fixed = 0, 0, of.kappas[1], 0
        kinds = range((4 if of.trains else 1) if _counts(of) else 0)
        self._facts = identification(of)
        self._clipped = {SATURATION + 4 * (j.number - 1) + k: 0 for j in of.junctions for k in kinds}
        self._errors = {ILLEGAL_KAPPAS: 0, ILLEGAL_LABELS: 0, REFUSED_VALUES: 0}
        self._events, self._progress = dict.fromkeys(self._errors, 0), list[tuple[int, int]]()  # of the clock before
        self._clear = 0
        self._counts = {SAMPLES: 0, RESULTS: 0, CYCLES: 0} | dict.fromkeys(self._clipped, 0)
        self._answer = {"bus_done": 0, "bus_error": 0, "bus_read_data": 0}
        self._access = self._idle()
        self._width = max(of.numbers.weight.width, of.numbers.bias.width)
        self._stage = 0  # of a request that has come in: 0 none
        self._found: dict[int, int] = {}
        self._left: int | None = None  # clocks until the word of a memory has been read or written
        self._refused = 0

    def clock(self, **inputs: Any) -> dict[str, int | None]:
        """Outputs of a clock with these inputs, ``None`` for what means nothing; interfaces' ports are ``name_port``."""
        given = dict.fromkeys(("bus_request", "bus_write", "bus_address", "bus_write_data"), 0) | inputs
        control = {"run": self._run, "no_bubbles": self._no_bubbles}
        control |= {"rate": self._of.kappas[1] - self._kappa, "rate_fixed": self._fixed}
        result = self._answer | control | self._access
        readable = self._readable(given)
        clear, self._clear, self._refused = self._clear, 0, 0
        comes = bool(given["bus_request"]) and not self._answer["bus_done"] and not self._stage and self._left is None
        if self._left is not None:
            self._wait(given)
        else:
            self._answer |= {"bus_done": 0, "bus_error": 0}
            if self._stage == 2:
                self._serve(given)
        self._found = readable
        self._stage = 2 if self._stage == 1 else int(comes)
        self._count(given, clear)
        return result

    def _idle(self) -> dict[str, int | None]:
        """What no junction is asked; all but the strobe means nothing then."""
        fields = ("write", "bias", "row", "lane", "word")
        nothing = {f"access_{j.number}_{field}": None for j in self._of.junctions for field in fields}
        return nothing | {f"access_{j.number}_strobe": 0 for j in self._of.junctions}

    def _readable(self, given: dict[str, Any]) -> dict[int, int]:
        flags = sum(int(count > 0) << i for i, count in enumerate(self._errors.values()))
        status = given.get("standing", 0) | given.get("empty", 0) << EMPTY | int(flags > 0) << ERROR
        rate = self._kappa | self._fixed << RATE_FIXED
        registers = {CONTROL: self._run | self._no_bubbles << 1, STATUS: status, RATE: rate, ERRORS: flags}
        return registers | self._counts | self._errors | self._facts

    def _serve(self, given: dict[str, Any]) -> None:
        """A request: the answer to it, as found a clock ago, or the access that it leads to."""
        readable, self._access = self._found, self._idle()
        block, offset = divmod(given["bus_address"], 1 << self._map.block_bits)
        self._answer["bus_done"] = 1
        if block == 0:
            self._answer["bus_read_data"] = readable.get(offset, self._answer["bus_read_data"])
            self._answer["bus_error"] = int(offset not in readable)
            if given["bus_write"] and offset in readable:
                self._write(offset, given["bus_write_data"])
            return
        regions, n = self._map.weights + self._map.biases, len(self._of.junctions)
        self._answer["bus_error"] = 1
        if block > 2 * n:
            return
        region, numbers = regions[block - 1], self._of.numbers
        row, lane = divmod(offset, 1 << region.lane_bits)
        if not given.get("standing", 0) or self._run or not region.holds(row, lane):
            return
        word, fmt = given["bus_write_data"], numbers.weight if block <= n else numbers.bias
        number = signed_bits(word, Shape(WIDTH, fmt.signed))
        if given["bus_write"] and not fmt.lowest <= number <= fmt.highest:
            self._refused = 1
            return
        self._answer |= {"bus_done": 0, "bus_error": 0}
        fields = {"strobe": 1, "write": given["bus_write"], "bias": int(block > n), "row": row, "lane": lane}
        fields["word"] = word % (1 << self._width)
        self._access |= {f"access_{(block - 1) % n + 1}_{field}": int(x) for field, x in fields.items()}
        self._left = self._writing if given["bus_write"] else self._reading

    def _write(self, at: int, word: int) -> None:
        """A register is written, if it is one of those that can be and the word is legal."""
        least, greatest = self._of.kappas
        kappa, fixed = word % (1 << RATE_FIXED), word >> RATE_FIXED
        if at == CONTROL and word < 4:
            self._run, self._no_bubbles = word & 1, word >> 1
        elif at == RATE and fixed <= 1 and least <= kappa <= greatest:
            self._kappa, self._fixed = kappa, fixed
        elif at == ERRORS and word < 1 << ERROR_BITS:
            self._clear = word
        else:
            self._answer["bus_error"] = 1
            self._refused = int(at in (CONTROL, RATE, ERRORS))

    def _wait(self, given: dict[str, Any]) -> None:
        """A memory is at work for the bus."""
        self._access |= {name: 0 for name in self._access if name.endswith("_strobe")}
        if self._left:
            self._left -= 1
            return
        junction = (given["bus_address"] // (1 << self._map.block_bits) - 1) % len(self._of.junctions) + 1
        word = signed_bits(given.get(f"access_{junction}_read_word", 0), signed(self._width))
        self._answer |= {"bus_done": 1, "bus_read_data": word % (1 << WIDTH)}
        self._left = None

    def _count(self, given: dict[str, Any], clear: int) -> None:
        """What happens in a clock is counted in the clock after it."""
        for at, event in self._progress:
            self._counts[at] = (self._counts[at] + event) % (1 << WIDTH)
        self._progress = [(at, given.get(n, 0)) for at, n in ((SAMPLES, "sample"), (RESULTS, "result"), (CYCLES, "cycle"))]
        for at, clipped in self._clipped.items():
            self._counts[at] = (self._counts[at] + clipped) % (1 << WIDTH)
            junction, kind = divmod(at - SATURATION, 4)
            self._clipped[at] = given.get(f"saturation_{junction + 1}", [0] * 4)[kind]
        for i, at in enumerate(self._errors):
            before = 0 if clear >> i & 1 else self._errors[at]
            self._errors[at] = min(before + self._events[at], (1 << WIDTH) - 1)
        happened = (given.get("illegal_kappa", 0), given.get("illegal_label", 0), self._refused)
        self._events = dict(zip(self._events, happened, strict=True))
