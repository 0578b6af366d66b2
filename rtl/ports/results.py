"""The stream of results: layout, and the queue that holds them until they are taken."""

from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from rtl.blocks.arithmetic import shape_of
from rtl.blocks.queues import BufferedQueueModel, QueueModel
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
        computed = Signal(facts)
        kept = data.View(facts, ends.r_data)
        held = Signal(range(self.capacity + 1))
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
