"""The streams at the border: samples in, results out."""

from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from rtl.arithmetic import shape_of
from rtl.plan import Plan
from rtl.position import BankCounter, PositionCounter
from rtl.queues import BufferedQueueModel, QueueModel
from rtl.signatures import inputs_signature, tag_layout


def sample_layout(of: Plan) -> data.StructLayout:
    """One beat of a sample; label, learning-rate shift and training flag count in its last beat."""
    return data.StructLayout(
        {
            "inputs": data.ArrayLayout(shape_of(of.junctions[0].left), of.beat),
            "label": unsigned(of.config.label_bits),
            "kappa": unsigned(of.config.kappa_bits),
            "train": unsigned(1),
        }
    )


def result_layout(of: Plan) -> data.StructLayout:
    """One beat of a result; prediction, label and training flag count in the last."""
    last = of.junctions[-1]
    classes = unsigned(of.config.label_bits)
    return data.StructLayout(
        {
            "outputs": data.ArrayLayout(shape_of(of.numbers.activation), last.results),
            "prediction": classes,
            "label": classes,
            "train": unsigned(1),
            "last": unsigned(1),
        }
    )


def outside(field: Value, least: int, greatest: int) -> Value:
    """Whether an unsigned field lies outside ``least .. greatest``; nothing is built for what it cannot hold."""
    below = field < least if least > 0 else Const(0)
    return below | (field > greatest if greatest < (1 << len(field)) - 1 else Const(0))


class SampleLoader(wiring.Component):
    """Collects samples and writes them into layer 0, one in each junction cycle.

    A sample is written from the first clock of the junction cycle on that follows its last beat, and enters the network in
    the cycle after that. Where no sample is complete, the cycle loads nothing: a bubble. Throughput one beat per clock.

    A training sample whose label or learning-rate shift is illegal enters as one for inference; a shift that ``rate``
    replaces does not count.

    Ports
    -----
    samples : in, stream of sample_layout
        The samples, beat by beat.
    advance : in, 1
        Begins a junction cycle.
    rate : in, shift
        Greatest learning-rate shift less the one that may replace the samples' own.
    rate_fixed : in, 1
        Whether it does.
    writes : out, interface inputs_signature
        Into layer 0.
    entering : out, tag
        The sample that enters with the next advance.
    illegal_kappa : out, 1
        It should have been trained on, but for its learning-rate shift.
    illegal_label : out, 1
        It should have been trained on, but for its label.
    waiting : out, 1
        A sample, or part of one, has come in and is not yet being loaded.
    """

    latency = 1
    """Clocks from the beginning of a junction cycle to its first write."""

    def __init__(self, of: Plan) -> None:
        self._of = of
        super().__init__(
            {
                "samples": In(stream.Signature(sample_layout(of))),
                "advance": In(1),
                "rate": In(tag_layout(of)["shift"].shape),
                "rate_fixed": In(1),
                "writes": Out(inputs_signature(of)),
                "entering": Out(tag_layout(of)),
                "illegal_kappa": Out(1),
                "illegal_label": Out(1),
                "waiting": Out(1),
            }
        )

    def model(self) -> "SampleLoaderModel":
        """The loader after reset, to be taken clock by clock."""
        return SampleLoaderModel(self._of)

    def elaborate(self, platform: object) -> Module:
        m, of = Module(), self._of
        beats, first = of.inputs.groups, of.junctions[0]
        layout = sample_layout(of)
        tag = data.StructLayout({"sample": tag_layout(of), "illegal_kappa": 1, "illegal_label": 1})
        # Two samples: one on its way into the memories, one arriving; and what the queue's own registers take.
        m.submodules.words = words = SyncFIFOBuffered(width=layout["inputs"].shape.size, depth=2 * beats + 2)
        m.submodules.tags = tags = SyncFIFO(width=tag.size, depth=3)
        m.submodules.position = position = PositionCounter(of.inputs)
        m.submodules.bank = bank = BankCounter(first.left_banks, -1)
        arriving = Signal(range(beats))
        last, taken, arrived = Signal(), Signal(), Signal(tag)
        payload = self.samples.payload
        m.d.comb += [
            last.eq(arriving == beats - 1),
            self.samples.ready.eq(words.w_rdy & tags.w_rdy),
            taken.eq(self.samples.valid & self.samples.ready),
            words.w_en.eq(taken),
            words.w_data.eq(payload.inputs.as_value()),
            arrived.sample.valid.eq(1),
            arrived.sample.train.eq(payload.train),
            arrived.sample.label.eq(payload.label),
            arrived.sample.shift.eq(of.kappas[1] - payload.kappa),
            arrived.illegal_kappa.eq(outside(payload.kappa, *of.kappas)),
            arrived.illegal_label.eq(outside(payload.label, 0, of.design.network.classes - 1)),
            tags.w_en.eq(taken & last),
            tags.w_data.eq(arrived.as_value()),
        ]
        with m.If(taken):
            m.d.sync += arriving.eq(arriving + 1)
            with m.If(last):
                m.d.sync += arriving.eq(0)

        loading, loaded = Signal(), Signal(tag)
        short = of.inputs.neurons % of.beat != 0
        m.d.comb += [
            bank.advance.eq(self.advance),
            position.restart.eq(self.advance),
            position.step.eq(loading),
            tags.r_en.eq(self.advance),
            words.r_en.eq(loading),
            self.writes.valid.eq(loading),
            self.writes.short.eq((position.group == beats - 1) if short else 0),
            self.writes.bank.eq(bank.bank),
            self.writes.base.eq(position.base),
            self.writes.phase.eq(position.phase),
            self.writes.data.as_value().eq(words.r_data),
            self.entering.eq(loaded.sample),
            self.waiting.eq(tags.r_rdy | (arriving != 0)),
        ]
        with m.If(self.rate_fixed):
            m.d.comb += self.entering.shift.eq(self.rate)
        if of.trains:
            trains = loaded.sample.valid & loaded.sample.train
            m.d.comb += [
                self.illegal_kappa.eq(trains & loaded.illegal_kappa & ~self.rate_fixed),
                self.illegal_label.eq(trains & loaded.illegal_label),
            ]
            with m.If(self.illegal_kappa | self.illegal_label):
                m.d.comb += self.entering.train.eq(0)
        with m.If(self.advance):
            m.d.sync += [loading.eq(tags.r_rdy), loaded.eq(tags.r_data), loaded.sample.valid.eq(tags.r_rdy)]
        with m.Elif(position.group == beats - 1):
            m.d.sync += loading.eq(0)
        return m


class SampleLoaderModel:
    """A :class:`SampleLoader` as the sample that is being loaded and the queue of those that wait."""

    def __init__(self, of: Plan) -> None:
        self._of = of
        self._words, self._tags = BufferedQueueModel(2 * of.inputs.groups + 2), QueueModel(3)
        self._arriving, self._cycle = 0, -1
        self._sample: dict[str, int] | None = None  # being loaded, or loaded
        self._group = 0  # to be written next

    def clock(
        self,
        *,
        samples_valid: int = 0,
        samples_payload: Mapping[str, Any] | None = None,
        advance: int = 0,
        rate: int = 0,
        rate_fixed: int = 0,
    ) -> dict[str, Any]:
        """Outputs of a clock with these inputs; ``None`` is what means nothing."""
        ready = self._words.room and self._tags.room
        writing = self._sample is not None and self._group < self._of.inputs.groups
        result = {
            "samples_ready": int(ready),
            **self._writes(writing),
            **self._entering(rate if rate_fixed else None),
            "waiting": int(self._tags.head is not None or self._arriving > 0),
        }
        taken = [samples_payload] if samples_valid and ready and samples_payload is not None else []
        ending = taken if self._arriving + len(taken) == self._of.inputs.groups else []
        self._arriving = 0 if ending else self._arriving + len(taken)
        self._group += writing
        if advance:
            self._sample, self._group, self._cycle = self._tags.head, 0, self._cycle + 1
        self._words.clock(writing, *(payload["inputs"] for payload in taken))
        self._tags.clock(bool(advance), *ending)
        return result

    def _writes(self, writing: bool) -> dict[str, Any]:
        inputs, g = self._of.inputs, self._group
        return {
            "writes_valid": int(writing),
            "writes_short": int((g + 1) * inputs.per_clock > inputs.neurons) if writing else None,
            "writes_bank": self._cycle % self._of.junctions[0].left_banks,
            "writes_base": g * inputs.per_clock // inputs.memories if writing else None,
            "writes_phase": g % inputs.phases if writing else None,
            "writes_data": list(self._words.head) if writing else None,
        }

    def _entering(self, rate: int | None) -> dict[str, Any]:
        of, sample = self._of, self._sample
        if sample is None:
            nothing = {"valid": 0, "train": None, "label": None, "shift": None}
            return {"entering": nothing, "illegal_kappa": 0, "illegal_label": 0}
        least, greatest = of.kappas
        judged = of.trains and bool(sample["train"])
        legal_kappa = rate is not None or least <= sample["kappa"] <= greatest
        legal_label = sample["label"] < of.design.network.classes
        trains = bool(sample["train"]) and (not judged or (legal_kappa and legal_label))
        shift = rate if rate is not None else greatest - sample["kappa"] if legal_kappa else None
        return {
            "entering": {"valid": 1, "train": int(trains), "label": sample["label"], "shift": shift},
            "illegal_kappa": int(judged and not legal_kappa),
            "illegal_label": int(judged and not legal_label),
        }


class ResultQueue(wiring.Component):
    """Holds results until they are taken, and says whether one more sample's will fit.

    Room is set aside when a sample's outputs are about to be computed and given back when their last beat is taken, so that
    nothing that is under way can find the queue full.

    Ports
    -----
    due : in, 1
        A sample's outputs will be computed in the junction cycle to come.
    reserve : in, 1
        That cycle begins.
    room : out, 1
        There is room for them.
    valid : in, 1
        A beat has been computed.
    last : in, 1
        It is the last of its sample.
    outputs : in, q * activation
        Its output activations.
    prediction : in, bits(classes)
        The class that the sample is taken for; counts in the last beat.
    tag : in, tag
        The sample without its inputs.
    results : out, stream of result_layout
        The results, beat by beat.
    taken : out, 1
        The last beat of a sample is taken.
    """

    capacity = 4
    """Samples: one under way, one being taken, and what the junctions' offsets add."""

    latency = 2
    """Clocks from a beat to the stream, if nothing waits in front of it."""

    def __init__(self, of: Plan) -> None:
        self._of = of
        last = of.junctions[-1]
        super().__init__(
            {
                "due": In(1),
                "reserve": In(1),
                "room": Out(1),
                "valid": In(1),
                "last": In(1),
                "outputs": In(data.ArrayLayout(shape_of(of.numbers.activation), last.results)),
                "prediction": In(range(of.design.network.classes)),
                "tag": In(tag_layout(of)),
                "results": Out(stream.Signature(result_layout(of))),
                "taken": Out(1),
            }
        )

    def model(self) -> "ResultQueueModel":
        """The queue after reset, to be taken clock by clock."""
        return ResultQueueModel(self._of.junctions[-1].groups, self.capacity)

    def elaborate(self, platform: object) -> Module:
        m, of = Module(), self._of
        beats = of.junctions[-1].groups
        m.submodules.words = words = SyncFIFOBuffered(width=self.outputs.shape().size + 1, depth=self.capacity * beats)
        fields = result_layout(of)
        facts = data.StructLayout({name: fields[name].shape for name in ("prediction", "label", "train")})
        m.submodules.facts = ends = SyncFIFO(width=facts.size, depth=self.capacity)
        computed, kept = Signal(facts), data.View(facts, ends.r_data)
        held, payload = Signal(range(self.capacity + 1)), self.results.payload
        reserving = Signal()
        m.d.comb += [
            words.w_en.eq(self.valid),
            words.w_data.eq(Cat(self.outputs.as_value(), self.last)),
            ends.w_en.eq(self.valid & self.last),
            computed.prediction.eq(self.prediction),
            computed.label.eq(self.tag.label),
            computed.train.eq(self.tag.train),
            ends.w_data.eq(computed.as_value()),
            self.results.valid.eq(words.r_rdy),
            words.r_en.eq(self.results.ready),
            payload.outputs.as_value().eq(words.r_data[:-1]),
            payload.last.eq(words.r_data[-1]),
            # Before its last beat a sample's facts may yet arrive; what is offered must not change meanwhile.
            payload.prediction.eq(Mux(payload.last, kept.prediction, 0)),
            payload.label.eq(Mux(payload.last, kept.label, 0)),
            payload.train.eq(payload.last & kept.train),
            self.taken.eq(self.results.valid & self.results.ready & payload.last),
            ends.r_en.eq(self.taken),
            self.room.eq(held != self.capacity),
            reserving.eq(self.reserve & self.due),
        ]
        m.d.sync += held.eq(held + reserving - self.taken)
        return m


class ResultQueueModel:
    """A :class:`ResultQueue` as a queue of beats, another of samples' facts, and the samples that have room in them."""

    def __init__(self, beats: int, capacity: int) -> None:
        self._words, self._facts = BufferedQueueModel(capacity * beats), QueueModel(capacity)
        self._held, self._capacity = 0, capacity

    def clock(
        self,
        *,
        valid: int = 0,
        last: int = 0,
        outputs: Sequence[int] = (),
        prediction: int = 0,
        tag: Mapping[str, int] | None = None,
        due: int = 0,
        reserve: int = 0,
        results_ready: int = 0,
    ) -> dict[str, Any]:
        """Outputs of a clock with these inputs; ``None`` is what means nothing."""
        beat = self._words.head
        taken = bool(beat and beat["last"] and results_ready)
        nothing = {"prediction": 0, "label": 0, "train": 0}
        result = {
            "results_valid": int(beat is not None),
            "results_payload": beat and beat | (self._facts.head if beat["last"] else nothing),
            "taken": int(taken),
            "room": int(self._held != self._capacity),
        }
        self._held += bool(reserve and due) - taken
        beats = [{"outputs": [int(x) for x in outputs], "last": int(last)}] if valid else []
        tag = tag or {}
        facts = {"prediction": int(prediction), "label": tag.get("label", 0), "train": tag.get("train", 0)}
        self._words.clock(bool(results_ready), *beats)
        self._facts.clock(taken, *([facts] if valid and last else []))
        return result
