"""The stream of results: layout, and the queue that holds them until they are taken."""

from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from rtl.blocks.arithmetic import shape_of
from rtl.blocks.properties import Monitor, implies, one_of
from rtl.blocks.queues import BufferedQueueModel, QueueModel, queue_properties
from rtl.plan.plan import Plan
from rtl.plan.signatures import tag_layout


def result_layout(of: Plan) -> data.StructLayout:
    """One beat of a result; prediction, label and training flag count in the last."""
    last = of.junctions[-1]
    classes = unsigned(of.config.label_bits)
    return data.StructLayout(
        {
            "outputs": data.ArrayLayout(shape_of(of.numbers.activation), last.results_per_clock),
            "prediction": classes,
            "label": classes,
            "train": unsigned(1),
            "last": unsigned(1),
        }
    )


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
                "outputs": In(data.ArrayLayout(shape_of(of.numbers.activation), last.results_per_clock)),
                "prediction": In(range(of.design.network.classes)),
                "tag": In(tag_layout(of)),
                "results": Out(stream.Signature(result_layout(of))),
                "taken": Out(1),
            }
        )

        self.words = SyncFIFOBuffered(width=self.outputs.shape().size + 1, depth=self.capacity * last.groups)
        fields = result_layout(of)
        self._facts = data.StructLayout({name: fields[name].shape for name in ("prediction", "label", "train")})
        self.facts = SyncFIFO(width=self._facts.size, depth=self.capacity)
        self._held = Signal(range(self.capacity + 1), name="held")

    def model(self) -> "ResultQueueModel":
        """The queue after reset, to be taken clock by clock."""
        return ResultQueueModel(self._of.junctions[-1].groups, self.capacity)

    def properties(self, p: Monitor) -> None:
        """Room is enough, nothing is lost, what is offered stays, if what comes in is what room was made for."""
        m, groups, capacity = p.module, self._of.junctions[-1].groups, self.capacity
        words, facts, results = self.words, self.facts, self.results
        owed, held = Signal(range(capacity + 1), name="owed"), Signal(range(capacity + 1), name="held_samples")
        coming, going = Signal(range(groups), name="coming"), Signal(range(groups), name="going")
        reserved, leaving = self.reserve & self.due, results.valid & results.ready
        came, went = self.valid & (coming == groups - 1), leaving & (going == groups - 1)
        p.counters |= {"owed": owed, "coming": coming}
        m.d.sync += [owed.eq(owed + reserved - came), held.eq(held + reserved - went)]
        with m.If(self.valid & words.w_rdy):
            m.d.sync += coming.eq(Mux(coming == groups - 1, 0, coming + 1))
        with m.If(leaving):
            m.d.sync += going.eq(Mux(going == groups - 1, 0, going + 1))
        p.assume("room_asked", "no sample is begun for which there is no room", implies(reserved, self.room))
        p.assume("beats_owed", "beats come of samples that room was made for", implies(self.valid, owed != 0))
        p.assume(
            "last_of_sample",
            "the last beat of a sample is called so",
            implies(self.valid, self.last == (coming == groups - 1)),
        )

        within, ahead = queue_properties(p, "words", words)
        place = Signal(range(groups), name="marked_place")
        with m.If(p.mark & words.w_en & words.w_rdy):
            m.d.sync += place.eq(coming)
        p.require("beat_of_sample", f"a sample has {groups} beats", (coming < groups) & (going < groups))
        p.require(
            "words_counted",
            "as many beats are in the queue as came and have not gone, modulo those of a sample",
            one_of(words.level + going == coming + k * groups for k in range(capacity + 1)),
        )
        p.require(
            "marked_place_counted",
            "the marked beat has its place in its sample",
            implies(within, (place < groups) & one_of(ahead + going == place + k * groups for k in range(capacity + 1))),
        )
        p.conclude(
            "last_in_order",
            "beats come out in the order in which they came, hence the last one of a sample is in its place",
            implies(results.valid, results.payload.last == (going == groups - 1)),
        )
        queue_properties(p, "facts", facts)
        p.require("samples_held", "samples hold room from when it is asked for until they are taken", self._held == held)
        p.require(
            "room",
            f"there is room while less than {capacity} samples are held",
            (self.room == (held != capacity)) & (held <= capacity),
        )
        p.require("samples_counted", "samples are held that are owed, or in the queue", held == owed + facts.level)
        p.require("beats_counted", "and so are their beats", words.level + going == (facts.level * groups) + coming)
        p.require(
            "no_overflow", "whatever comes finds room", implies(self.valid, words.w_rdy & implies(self.last, facts.w_rdy))
        )
        p.require(
            "facts_in_time",
            "with the last beat of a sample come its facts",
            implies(results.valid & results.payload.last, facts.r_rdy),
        )
        waits = p.past(results.valid & ~results.ready, "waits")
        p.require("valid_stays", "a beat that is offered stays until it is taken", implies(waits, results.valid))
        payload = results.payload.as_value()
        p.require("payload_stays", "and so does what it says", implies(waits, payload == p.past(payload, "payload")))
        p.require("counted", "a result is counted as its last beat goes", self.taken == went)
        p.reach(
            "in_order",
            "a marked beat is taken behind another",
            within & (ahead == 0) & leaving & p.past(within & (ahead == 1), "was_behind"),
        )
        p.reach("full", "all room is taken", held == capacity)
        p.reach("back_pressure", "a result waits to be taken", waits)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.words, m.submodules.facts = words, ends = self.words, self.facts
        facts, held = self._facts, self._held
        computed = Signal(facts)
        kept = data.View(facts, ends.r_data)
        payload = self.results.payload
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
