"""The accelerator's streams as AXI4-Streams: packets of bytes instead of beats of fields (:mod:`rtl.ports.packing`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from rtl.blocks.arithmetic import shape_of, signed_bits
from rtl.blocks.gear import Gear
from rtl.blocks.properties import Monitor, implies, one_of
from rtl.blocks.queues import Queue, QueueModel
from rtl.blocks.store import Store
from rtl.plan.plan import Plan
from rtl.ports.packing import RESULT_FACTS, SAMPLE_FACTS, Packet
from rtl.ports.results import result_layout
from rtl.ports.samples import sample_layout


def axis_signature(beat_bits: int) -> wiring.Signature:
    """An AXI4-Stream, as who sends sees it.

    Ports
    -----
    tvalid : out, 1
        A beat is there; it stays until it is taken.
    tready : in, 1
        It is taken.
    tdata : out, beat_bits
        Its bytes, the first one lowest.
    tlast : out, 1
        It is the last one of its packet.
    """
    return wiring.Signature({"tvalid": Out(1), "tready": In(1), "tdata": Out(beat_bits), "tlast": Out(1)})


class SampleSink(wiring.Component):
    """Takes packets, and passes the samples in them on, whole and legal ones only.

    A packet is collected before anything of it goes further. One that ends too early or too late is dropped, and so is one
    with a number that its format cannot hold, or in which something is set that is reserved. The stream is found again:
    behind a packet that is too short the next one begins; of one that is too long, all is skipped up to its end.

    A training sample whose label or learning-rate shift needs more bits than the accelerator has for it becomes one for
    inference only, with the greatest label that there are bits for.

    Throughput one beat per clock, on the side that has more of them.

    Ports
    -----
    s_axis : in, interface axis_signature
        Packets of samples.
    samples : out, stream of sample_layout
        Samples, beat by beat.
    misframed : out, 1
        A packet was too short or too long, and is dropped.
    refused : out, 1
        A packet holds what no sample may, and is dropped.
    unfit : out, 1
        A training sample will be fed forward only, for its label or its learning-rate shift.
    level : out, level
        Whole samples that have not been passed on.
    waiting : out, 1
        There are such, or part of one.
    """

    latency = Store.latency + Gear.latency
    """Clocks from the last beat of a packet to its sample's first beat, if nothing is in front of it and one word is one."""

    def __init__(self, of: Plan) -> None:
        self._of, self.packet = of, Packet.sample(of)
        packet, hardware = self.packet, of.config.hardware
        assert hardware is not None
        shallow, width = hardware.lut_ram_depth, packet.number.width
        # Two samples: one that comes, one that goes.
        depth = 2 * packet.full + (packet.full == 1)
        self.store = Store(packet.numbers_per_word * width, depth, shallow)
        self.gear = Gear(width, packet.numbers_per_word, of.beat, packet.count)
        layout = sample_layout(of)
        self._facts = data.StructLayout({name: layout[name].shape for name in ("label", "kappa", "train")})
        most = (depth + 2) // packet.full + 1
        self.tags = Queue(self._facts.size, max(most - 2, 1), max(shallow, 2))
        self._beat = Signal(range(packet.beats), name="beat")
        self._skipping, self._spoilt = Signal(name="skipping"), Signal(name="spoilt")
        super().__init__(
            {
                "s_axis": In(axis_signature(packet.beat_bits)),
                "samples": Out(stream.Signature(layout)),
                "misframed": Out(1),
                "refused": Out(1),
                "unfit": Out(1),
                "level": Out(range(most + 1)),
                "waiting": Out(1),
            }
        )

    @property
    def within(self) -> Value:
        """Whether a packet has begun that has not ended."""
        return (self._beat != 0) | self._skipping

    def model(self) -> "SampleSinkModel":
        """The sink after reset, to be taken clock by clock."""
        return SampleSinkModel(self._of, self)

    def properties(self, p: Monitor) -> None:
        """Samples come whole, and each of them once; one that is offered stays."""
        m, packet, samples = p.module, self.packet, self.samples
        store, gear, tags = self.store, self.gear, self.tags
        p.surround("store", store, lemmas=("used", "places", "offered"))
        p.surround("gear", gear, lemmas=("numbers_counted", "stays"))
        leaves = samples.valid & samples.ready & gear.words.payload.last
        collected = self._beat[ceil_log2(packet.beats_per_word) :]
        p.require(
            "words_of_packet",
            "what is not kept yet is of the packet that comes",
            (self._beat < packet.beats)
            & (store.fresh == Mux(collected > packet.full, packet.full, collected))
            & implies(self._skipping, self._beat == 0),
        )
        p.require(
            "whole_samples",
            "the words of all samples that have not been passed on are there, and their facts",
            (store.level + gear.loaded == self.level * packet.full) & (tags.level == self.level),
        )
        p.require("room_for_facts", "there is room for the facts of each", implies(tags.w_en, tags.stored != tags.depth))
        p.require("there", "a sample is passed on that is there", implies(leaves, self.level != 0))
        stays = p.past(samples.valid & ~samples.ready, "offered")
        p.require(
            "stays",
            "a beat that is offered stays until it is taken",
            implies(stays, samples.valid & (samples.payload.as_value() == p.past(samples.payload.as_value(), "offer"))),
        )
        events = Cat(self.store.keep, self.misframed, self.refused)
        p.require(
            "one_verdict",
            "a packet is kept, misframed or refused",
            one_of([events == 0, *(events == 1 << i for i in range(3))]),
        )
        p.require(
            "at_its_end",
            "a packet is kept at its last beat alone",
            implies(self.store.keep, self.s_axis.tlast & (self._beat == packet.beats - 1) & ~self._skipping),
        )
        was = Signal(name="was_too_long")
        with m.If(self._skipping | store.keep):
            m.d.sync += was.eq(self._skipping)
        p.reach("finds_back", "a sample is kept behind one that was too long", was & store.keep)

    def elaborate(self, platform: object) -> Module:
        m, packet = Module(), self.packet
        m.submodules.store, m.submodules.gear, m.submodules.tags = store, gear, tags = self.store, self.gear, self.tags
        s_axis, samples, beat = self.s_axis, self.samples, self._beat
        taken = Signal()
        counts = Signal()
        last = Signal()
        whole = Signal()
        word = Signal(packet.word_bits)
        wrong = Signal()
        keeps = Signal()
        drops = Signal()
        m.d.comb += [
            s_axis.tready.eq(store.room),
            taken.eq(s_axis.tvalid & s_axis.tready),
            counts.eq(taken & ~self._skipping),
            last.eq(beat == packet.beats - 1),
            self.misframed.eq(counts & (s_axis.tlast != last)),
        ]
        beats = packet.beats_per_word
        number = beat[ceil_log2(beats) :]  # of the word
        if beats == 1:
            m.d.comb += [whole.eq(1), word.eq(s_axis.tdata)]
        else:
            before = Signal(packet.word_bits - packet.beat_bits, reset_less=True)
            m.d.comb += [whole.eq(beat[: ceil_log2(beats)].all()), word.eq(Cat(before, s_axis.tdata))]
            with m.If(taken):
                m.d.sync += before.eq(Cat(before, s_axis.tdata)[packet.beat_bits :])
        numbers, unfit = self._numbers(word)
        facts = data.View(SAMPLE_FACTS, word[packet.trailer_bit :][: SAMPLE_FACTS.size])
        inside = number < packet.full
        ahead = number < packet.full - 1 if packet.full > 1 else Const(0)  # linters dislike what is less than 0
        m.d.comb += [
            # What lies behind the last number means nothing.
            wrong.eq(
                whole
                & Mux(
                    ahead,
                    Cat(*unfit).any(),
                    (number == packet.full - 1) & Cat(*unfit[: packet.in_last]).any(),
                )
            ),
            keeps.eq(counts & last & s_axis.tlast & ~self._spoilt & ~wrong & ~facts.reserved.any()),
            drops.eq(counts & (last | s_axis.tlast) & ~keeps),
            self.refused.eq(drops & ~self.misframed),
            store.w_en.eq(counts & whole & inside),
            store.w_data.eq(Cat(*numbers)),
            store.keep.eq(keeps),
            store.drop.eq(drops),
        ]
        with m.If(taken):
            m.d.sync += self._skipping.eq(~s_axis.tlast & (self._skipping | last))
        with m.If(counts):
            m.d.sync += [beat.eq(beat + 1), self._spoilt.eq(self._spoilt | wrong)]
            with m.If(last | s_axis.tlast):
                m.d.sync += [beat.eq(0), self._spoilt.eq(0)]

        tag = Signal(self._facts)
        wide_label = Signal()
        wide = Signal()
        label, kappa = tag.label.shape().width, tag.kappa.shape().width
        m.d.comb += [
            wide_label.eq(facts.label[label:].any()),
            wide.eq(wide_label | facts.kappa[kappa:].any()),
            self.unfit.eq(keeps & facts.train & wide),
            tag.label.eq(facts.label[:label] | wide_label.replicate(label)),
            tag.kappa.eq(facts.kappa[:kappa]),
            tag.train.eq(facts.train & ~wide),
            tags.w_en.eq(keeps),
            tags.w_data.eq(tag),
        ]
        connected = gear.words.valid & tags.r_rdy
        leaves = samples.ready & connected & gear.words.payload.last
        known = data.View(self._facts, tags.r_data)
        m.d.comb += [
            gear.beats.valid.eq(store.r_rdy),
            gear.beats.payload.eq(store.r_data),
            store.r_en.eq(gear.beats.ready),
            samples.valid.eq(connected),
            gear.words.ready.eq(samples.ready & tags.r_rdy),
            tags.r_en.eq(samples.ready & gear.words.valid & gear.words.payload.last),
            samples.payload.inputs.as_value().eq(gear.words.payload.numbers.as_value()),
            samples.payload.label.eq(known.label),
            samples.payload.kappa.eq(known.kappa),
            samples.payload.train.eq(known.train),
            self.waiting.eq((self.level != 0) | (beat != 0)),
        ]
        m.d.sync += self.level.eq(self.level + keeps - leaves)
        return m

    def _numbers(self, word: Value) -> tuple[list[Value], list[Value]]:
        """Of a word: its numbers in their format, and whether each of them is more than that can hold."""
        fmt, bits = self.packet.number, 8 * self.packet.number_bytes
        fields = [word[k * bits : (k + 1) * bits] for k in range(self.packet.numbers_per_word)]
        rest = [f[fmt.width - fmt.signed :] for f in fields]  # extended by the sign: all bits are equal
        return [f[: fmt.width] for f in fields], [r.any() & ~r.all() if fmt.signed else r.any() for r in rest]


class SampleSinkModel:
    """A :class:`SampleSink` as the packet that comes and the samples that are kept."""

    def __init__(self, of: Plan, sink: SampleSink) -> None:
        self._of, self._packet = of, sink.packet
        self._store, self._gear, self._tags = sink.store.model(), sink.gear.model(), QueueModel()
        self._bytes, self._skipping = b"", False
        self._level = 0

    def clock(
        self, *, s_axis_tvalid: int = 0, s_axis_tdata: int = 0, s_axis_tlast: int = 0, samples_ready: int = 0
    ) -> dict[str, Any]:
        """Outputs of a clock with these inputs; ``None`` is what means nothing."""
        store = self._store.outputs
        result: dict[str, Any] = {"s_axis_tready": store["room"], "misframed": 0, "refused": 0, "unfit": 0}
        result |= {"level": self._level, "waiting": int(self._level > 0 or len(self._bytes) > 0)}
        inputs: dict[str, Any] = {"w_en": 0}
        tags: list[dict[str, int]] = []
        if s_axis_tvalid and store["room"]:
            if self._skipping:
                self._skipping = not s_axis_tlast
            else:
                inputs, tags = self._takes(s_axis_tdata, bool(s_axis_tlast), result)
        known = self._tags.head
        gear: dict[str, Any] = self._gear.clock(
            beats_valid=store["r_rdy"],
            beats_payload=store["r_data"] or (),
            words_ready=int(bool(samples_ready) and known is not None),
        )
        self._store.clock(**inputs, r_en=int(bool(gear["beats_ready"])))
        offered, words = bool(gear["words_valid"]) and known is not None, gear["words_payload"]
        result["samples_valid"] = int(offered)
        result["samples_payload"] = {"inputs": self._as_inputs(words["numbers"])} | known if offered else None
        ends = bool(offered and samples_ready and words["last"])
        self._tags.clock(ends, *tags)
        self._level += len(tags) - ends
        return result

    def _takes(self, beat: int, ends: bool, result: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, int]]]:
        """A beat of a packet: what the store is told, and the facts of the sample if it is kept."""
        packet, size = self._packet, self._packet.beat_bits // 8
        self._bytes += beat.to_bytes(size, "little")
        come, of_word, inputs = len(self._bytes) // size, packet.word_bits // 8, dict[str, Any]()
        if not come % packet.beats_per_word and come // packet.beats_per_word <= packet.full:
            inputs = {"w_en": 1, "w_data": self._numbers(self._bytes[-of_word:])}
        if not ends and come < packet.beats:
            return inputs, []
        whole, self._bytes = self._bytes, b""
        if not ends or come < packet.beats:
            self._skipping, result["misframed"] = not ends, 1
            return inputs | {"drop": 1}, []
        numbers, word = packet.unpack(whole)
        facts = SAMPLE_FACTS.from_bits(word)
        if not all(packet.number.lowest <= x <= packet.number.highest for x in numbers) or facts.reserved:
            result["refused"] = 1
            return inputs | {"drop": 1}, []
        most = {name: (1 << bits) - 1 for name, bits in self._bits().items()}
        wide = facts.label > most["label"] or facts.kappa > most["kappa"]
        result["unfit"] = int(wide and facts.train)
        label = min(facts.label, most["label"])
        known = {"label": label, "kappa": facts.kappa & most["kappa"], "train": int(facts.train and not wide)}
        return inputs | {"keep": 1}, [known]

    def _as_inputs(self, numbers: Sequence[int | None]) -> list[int | None]:
        shape = shape_of(self._packet.number)
        return [None if x is None else signed_bits(x, shape) for x in numbers]

    def _bits(self) -> dict[str, int]:
        return {"label": self._of.config.label_bits, "kappa": self._of.config.kappa_bits}

    def _numbers(self, word: bytes) -> Sequence[int]:
        """The numbers of a word as bits of their format."""
        size, width = self._packet.number_bytes, self._packet.number.width
        parts = [word[k : k + size] for k in range(0, len(word), size)]
        return [int.from_bytes(part, "little") & ((1 << width) - 1) for part in parts]


class ResultSource(wiring.Component):
    """Sends every result as a packet.

    Throughput one beat per clock, on the side that has more of them.

    Ports
    -----
    results : in, stream of result_layout
        Results, beat by beat.
    m_axis : out, interface axis_signature
        Packets of results.
    """

    latency = Gear.latency
    """Clocks from a beat of a result to the word that it completes."""

    def __init__(self, of: Plan) -> None:
        self._of, self.packet = of, Packet.result(of)
        packet, last = self.packet, of.junctions[-1]
        self.gear = Gear(packet.number.width, last.results_per_clock, packet.numbers_per_word, packet.count)
        self._trails, self._beat = Signal(name="trails"), Signal(range(packet.beats_per_word), name="beat")
        super().__init__(
            {
                "results": In(stream.Signature(result_layout(of))),
                "m_axis": Out(axis_signature(packet.beat_bits)),
            }
        )

    def model(self) -> "ResultSourceModel":
        """The source after reset, to be taken clock by clock."""
        return ResultSourceModel(self)

    def properties(self, p: Monitor) -> None:
        """Packets have their length, and a beat that is offered stays."""
        m, packet, m_axis = p.module, self.packet, self.m_axis
        p.surround("gear", self.gear, lemmas=("numbers_counted", "stays"))
        sent = Signal(range(packet.beats), name="sent")
        leaves = m_axis.tvalid & m_axis.tready
        with m.If(leaves):
            m.d.sync += sent.eq(Mux(m_axis.tlast, 0, sent + 1))
        offer = Cat(m_axis.tdata, m_axis.tlast)
        p.require(
            "stays",
            "a beat that is offered stays until it is taken",
            implies(p.past(m_axis.tvalid & ~m_axis.tready, "offered"), m_axis.tvalid & (offer == p.past(offer, "offer"))),
        )
        word = Mux(self._trails, packet.full, self.gear.passed)
        p.require(
            "beats_counted",
            "every beat has its place in its packet",
            (sent == word * packet.beats_per_word + self._beat) & (self._beat < packet.beats_per_word),
        )
        p.require(
            "last",
            f"the last one of {packet.beats} beats is called so",
            implies(m_axis.tvalid, m_axis.tlast == (sent == packet.beats - 1)),
        )
        p.reach("ends", "a packet ends", leaves & m_axis.tlast)

    def elaborate(self, platform: object) -> Module:
        m, packet = Module(), self.packet
        m.submodules.gear = gear = self.gear
        results, m_axis, trails, beat = self.results, self.m_axis, self._trails, self._beat
        alone = packet.words > packet.full  # the trailer has a word of its own
        coming = Signal(RESULT_FACTS)
        facts = Signal(RESULT_FACTS)
        word = Signal(packet.word_bits)
        ends = Signal()
        whole = Signal()
        words = gear.words
        m.d.comb += [
            gear.beats.valid.eq(results.valid),
            gear.beats.payload.as_value().eq(results.payload.outputs.as_value()),
            results.ready.eq(gear.beats.ready),
            whole.eq(m_axis.tready & (beat == packet.beats_per_word - 1)),
            words.ready.eq(whole & ~trails),
            m_axis.tvalid.eq(words.valid | trails),
            ends.eq(trails if alone else words.payload.last),
            m_axis.tlast.eq(ends & (beat == packet.beats_per_word - 1)),
            m_axis.tdata.eq(word.word_select(beat, packet.beat_bits)),
        ]
        with m.If(results.valid & results.ready):
            m.d.sync += [coming.prediction.eq(results.payload.prediction), coming.label.eq(results.payload.label)]
            m.d.sync += coming.train.eq(results.payload.train)
        if packet.beats_per_word > 1:
            with m.If(m_axis.tvalid & m_axis.tready):
                m.d.sync += beat.eq(beat + 1)  # a power of two of them
        bits, fmt = 8 * packet.number_bytes, packet.number
        fields = [words.payload.numbers[k] for k in range(packet.numbers_per_word)]
        fields = [f.as_signed() if fmt.signed else f for f in fields]
        # Behind the last number there are zeros.
        fields = [f if k < packet.in_last else Mux(words.payload.last, 0, f) for k, f in enumerate(fields)]
        for k, field in enumerate(fields):
            m.d.comb += word[k * bits : (k + 1) * bits].eq(field)
        trailer = word[packet.trailer_bit :][: RESULT_FACTS.size]
        if alone:
            with m.If(words.valid & words.ready & words.payload.last):
                m.d.sync += [trails.eq(1), facts.eq(coming)]
            with m.If(trails):
                m.d.comb += [word.eq(0), trailer.eq(facts)]
                with m.If(whole):
                    m.d.sync += trails.eq(0)
        else:
            with m.If(words.payload.last):
                m.d.comb += trailer.eq(coming)
        return m


class ResultSourceModel:
    """A :class:`ResultSource` as the result that is being sent."""

    def __init__(self, source: ResultSource) -> None:
        self._packet, self._gear = source.packet, source.gear.model()
        self._coming: Mapping[str, Any] = {}
        self._trails: Mapping[str, Any] | None = None
        self._beat = 0

    def clock(
        self, *, results_valid: int = 0, results_payload: Mapping[str, Any] | None = None, m_axis_tready: int = 0
    ) -> dict[str, Any]:
        """Outputs of a clock with these inputs; ``None`` is what means nothing."""
        packet, trails = self._packet, self._trails
        whole = bool(m_axis_tready) and self._beat == packet.beats_per_word - 1
        cut = (1 << packet.number.width) - 1
        outputs = [x & cut for x in results_payload["outputs"]] if results_payload else ()
        gear: dict[str, Any] = self._gear.clock(
            beats_valid=results_valid, beats_payload=outputs, words_ready=int(whole and trails is None)
        )
        valid, words = trails is not None or bool(gear["words_valid"]), gear["words_payload"]
        last = trails is not None or bool(words and words["last"] and packet.words == packet.full)
        ends = last and self._beat == packet.beats_per_word - 1
        result = {"results_ready": gear["beats_ready"], "m_axis_tvalid": int(valid)}
        result |= {"m_axis_tdata": None, "m_axis_tlast": int(ends) if valid else None}
        if valid:
            word = self._trailer(trails) if trails is not None else self._word(words)
            size = packet.beat_bits // 8
            result["m_axis_tdata"] = int.from_bytes(word[self._beat * size : (self._beat + 1) * size], "little")
        if trails is not None and whole:
            self._trails = None
        elif trails is None and gear["words_valid"] and whole and words["last"] and packet.words > packet.full:
            self._trails = self._coming
        if results_valid and gear["beats_ready"] and results_payload:
            self._coming = results_payload
        if valid and m_axis_tready:
            self._beat = (self._beat + 1) % packet.beats_per_word
        return result

    def _trailer(self, of: Mapping[str, Any]) -> bytes:
        facts = of["prediction"] | of["label"] << 16 | of["train"] << 31
        return (facts << self._packet.trailer_bit).to_bytes(self._packet.word_bits // 8, "little")

    def _word(self, words: Mapping[str, Any]) -> bytes:
        """Numbers of the gear as bytes, and the trailer if it is in the same word."""
        packet, fmt = self._packet, self._packet.number
        numbers = words["numbers"][: packet.in_last if words["last"] else None]
        negative = fmt.highest + 1 if fmt.signed else 1 << fmt.width
        signed = [x - (1 << fmt.width) if x >= negative else x for x in numbers]
        size = packet.number_bytes
        text = b"".join((x & ((1 << 8 * size) - 1)).to_bytes(size, "little") for x in signed)
        text = text.ljust(packet.word_bits // 8, b"\0")
        if words["last"] and packet.words == packet.full:
            text = bytes(a | b for a, b in zip(text, self._trailer(self._coming), strict=True))
        return text
