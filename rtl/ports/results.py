"""The stream of results: layout, and the queue that holds them until they are taken."""

from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.arithmetic import shape_of
from rtl.blocks.properties import Monitor, implies, one_of
from rtl.blocks.queues import Queue, QueueModel, queue_properties
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


def samples_held(of: Plan) -> int:
    """Samples that results have room for: as many as there are from setting room aside to seeing that it is given back.

    So nothing waits where results are taken at once. At least four: one under way, one being taken, two in between.
    """
    last = of.junctions[-1]
    computed = last.timing.offset + int(last.group_clocks[-1]) + last.late + last.timing.feedforward
    seen = 1 + computed + Queue.latency + 2 + of.permission  # it is given back a clock late, and counted in the next
    return max(4, -(-seen // of.period))


class ResultQueue(wiring.Component):
    """Holds results until they are taken, and says whether one more sample's will fit.

    Room is set aside when a sample's outputs are about to be computed and given back when their last beat is taken, so that
    nothing that is under way can find the queue full.

    Attributes
    ----------
    capacity
        Samples that there is room for: :func:`samples_held`.

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

    latency = Queue.latency
    """Clocks from a beat to the stream, if nothing waits in front of it."""

    def __init__(self, of: Plan) -> None:
        self._of, self.capacity = of, samples_held(of)
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

        assert of.config.hardware is not None
        beats = self.capacity * last.groups  # of which two are in registers
        self.words = Queue(result_layout(of).size, beats - 2, of.config.hardware.lut_ram_depth)
        self._held, self._given = Signal(range(self.capacity + 1), name="held"), Signal(name="given")
        # Of the sample that is being taken, rather than what the beat says of itself, which comes out of the RAM far away.
        self._going = Signal(range(last.groups), name="going")

    def model(self) -> "ResultQueueModel":
        """The queue after reset, to be taken clock by clock."""
        return ResultQueueModel(self._of.junctions[-1].groups, self.capacity)

    def properties(self, p: Monitor) -> None:
        """Room is enough, nothing is lost, what is offered stays, if what comes in is what room was made for."""
        m, groups, capacity = p.module, self._of.junctions[-1].groups, self.capacity
        words, results = self.words, self.results
        owed, held = Signal(range(capacity + 1), name="owed"), Signal(range(capacity + 1), name="held_samples")
        coming, going = Signal(range(groups), name="coming"), Signal(range(groups), name="going")
        reserved, leaving = self.reserve & self.due, results.valid & results.ready
        came, went = self.valid & (coming == groups - 1), leaving & (going == groups - 1)
        p.counters |= {"owed": owed, "coming": coming}
        m.d.sync += [owed.eq(owed + reserved - came), held.eq(held + reserved - went)]
        with m.If(self.valid):
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

        within, ahead, marked, lost = queue_properties(p, "words", words)
        place = Signal(range(groups), name="marked_place")
        with m.If(p.mark & words.w_en):
            m.d.sync += place.eq(coming)
        p.require(
            "beat_of_sample",
            f"a sample has {groups} beats",
            (coming < groups) & (going < groups) & (self._going == going),
        )
        p.require(
            "words_counted",
            "as many beats are in the queue as came and have not gone, modulo those of a sample",
            lost | one_of(words.level + going == coming + k * groups for k in range(capacity + 1)),
        )
        p.require(
            "marked_place_counted",
            "the marked beat has its place in its sample",
            implies(
                within & ~lost, (place < groups) & one_of(ahead + going == place + k * groups for k in range(capacity + 1))
            ),
        )
        p.rely()
        p.conclude(
            "last_in_order",
            "beats come out in the order in which they came, hence the last one of a sample is in its place",
            implies(results.valid & ~lost, results.payload.last == (going == groups - 1)),
        )
        beat = data.View(result_layout(self._of), marked)
        p.require(
            "marked_facts",
            "the marked beat says nothing of its sample's class unless it is its last",
            implies(within & ~beat.last, Cat(beat[name] for name in ("prediction", "label", "train")) == 0),
        )
        given, had = p.past(went, "went"), held + self._given
        p.require("given", "room is given back a clock after a sample has been taken", self._given == given)
        p.require("samples_held", "samples hold room from when it is asked for until then", self._held == had)
        p.require(
            "room",
            f"there is room while less than {capacity} samples hold it",
            (self.room == (had != capacity)) & (had <= capacity),
        )
        p.require("samples_counted", "samples that are owed are held", owed <= held)
        p.require(
            "beats_counted", "beats of the others are in the queue", words.level + going == ((held - owed) * groups) + coming
        )
        p.require("no_overflow", "whatever comes finds room", implies(self.valid, words.stored != words.depth) & ~lost)
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
        m.submodules.words = words = self.words
        held, results, computed = self._held, self.results, Signal(result_layout(self._of))
        # Who takes results is far away: room is given back a clock later.
        m.d.sync += self._given.eq(self.taken)
        reserving = Signal()
        leaves = Signal()
        ends = Signal()
        m.d.comb += [
            computed.outputs.eq(self.outputs),
            computed.last.eq(self.last),
            computed.prediction.eq(Mux(self.last, self.prediction, 0)),
            computed.label.eq(Mux(self.last, self.tag.label, 0)),
            computed.train.eq(self.last & self.tag.train),
            words.w_en.eq(self.valid),
            words.w_data.eq(computed),
            results.valid.eq(words.r_rdy),
            results.payload.as_value().eq(words.r_data),
            words.r_en.eq(results.ready),
            ends.eq(self._going == self._of.junctions[-1].groups - 1),
            leaves.eq(results.valid & results.ready),
            self.taken.eq(leaves & ends),
            self.room.eq(held != self.capacity),
            reserving.eq(self.reserve & self.due),
        ]
        m.d.sync += held.eq(held + reserving - self._given)
        with m.If(leaves):
            m.d.sync += self._going.eq(Mux(ends, 0, self._going + 1))
        return m


class ResultQueueModel:
    """A :class:`ResultQueue` as a queue of beats, and the samples that have room in it."""

    def __init__(self, beats: int, capacity: int) -> None:
        self._words = QueueModel()
        self._held, self._given, self._capacity = 0, 0, capacity

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
        result = {
            "results_valid": int(beat is not None),
            "results_payload": beat,
            "taken": int(taken),
            "room": int(self._held != self._capacity),
        }
        self._held += bool(reserve and due) - self._given
        self._given = taken
        tag = (last and tag) or {}
        facts = {"prediction": int(last and prediction), "label": tag.get("label", 0), "train": tag.get("train", 0)}
        beats = [{"outputs": [int(x) for x in outputs], "last": int(last)} | facts] if valid else []
        self._words.clock(bool(results_ready), *beats)
        return result
