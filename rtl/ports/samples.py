"""The stream of samples: layout, and the loader that writes them into the first layer's memories."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.blocks.arithmetic import shape_of
from rtl.blocks.choose import lookup
from rtl.blocks.delay import delayed
from rtl.blocks.properties import Monitor, implies
from rtl.blocks.queues import Queue, QueueModel, queue_properties
from rtl.control.position import BankCounter, PositionCounter
from rtl.plan.plan import Plan
from rtl.plan.signatures import enables, in_place, inputs_signature, tag_layout


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


def outside(field: Value, least: int, greatest: int) -> Value:
    """Whether an unsigned field lies outside ``least .. greatest``; nothing is built for what it cannot hold."""
    below = field < least if least > 0 else Const(0)
    return below | (field > greatest if greatest < (1 << len(field)) - 1 else Const(0))


def _more(groups: int) -> int:
    """Beats for which there is room beyond those of two samples: short ones pass registers while others load."""
    return max(3 - groups, 0)


class SampleLoader(wiring.Component):
    """Collects samples and writes them into layer 0, one in each junction cycle.

    A sample is complete ``arrival`` clocks after its last beat, and written from the first clock of the next junction cycle
    on; it enters the network in the cycle after that. Where no sample is complete, the cycle loads nothing: a bubble.
    Throughput one beat per clock.

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
    complete : out, 1
        A sample is there that a junction cycle can load.
    waiting : out, 1
        A sample, or part of one, has come in and is not yet being loaded.
    """

    latency = 1
    """Clocks from the beginning of a junction cycle to its first write."""
    arrival = 2 + Queue.latency
    """Clocks from the last beat of a sample to the first in which a junction cycle that loads it may begin."""

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
                "complete": Out(1),
                "waiting": Out(1),
            }
        )

        layout = sample_layout(of)
        self._tag = data.StructLayout({"sample": tag_layout(of), "illegal_kappa": 1, "illegal_label": 1})
        # Two samples: one on its way into the memories, one arriving; and what registers take. There is room for the tags of
        # all of them.
        assert of.config.hardware is not None
        shallow, groups = of.config.hardware.lut_ram_depth, of.inputs.groups
        self.words = Queue(layout["inputs"].shape.size, 2 * groups + _more(groups), shallow)
        # What is taken lands in a register, and stands in one before it is loaded: where it comes from is far away, and the
        # memories that it goes to are, too.
        self._landed, self._stands = Signal(name="landed"), Signal(name="stands")
        self._tagged = Signal(name="tagged")
        self._room = self.words.capacity + 1
        self.tags = Queue(self._tag.size, max(self._room // groups - 2, 1), max(shallow, 2))
        # Beats that have been taken and not yet written.
        self._held = Signal(range(self._room + 1), name="held")
        self._position, self._arriving = PositionCounter(of.inputs), Signal(range(of.inputs.groups), name="arriving")

    def model(self) -> "SampleLoaderModel":
        """The loader after reset, to be taken clock by clock."""
        return SampleLoaderModel(self._of)

    def properties(self, p: Monitor) -> None:
        """Beats and samples go into layer 0 in the order in which they came, whole samples only."""
        m, of, beats = p.module, self._of, self._of.inputs.groups
        words, tags, samples, writes = self.words, self.tags, self.samples, self.writes
        coming, going = Signal(range(beats), name="coming"), Signal(range(beats + 1), name="going")
        came = p.past(coming, "came")
        taken = samples.valid & samples.ready
        with m.If(taken):
            m.d.sync += coming.eq(Mux(coming == beats - 1, 0, coming + 1))
        with m.If(self.advance):
            m.d.sync += going.eq(0)
        with m.Elif(writes.valid):
            m.d.sync += going.eq(going + 1)
        since = p.since(self.advance, "since", beats + 1)
        model = PositionCounter(of.inputs).model().T.tolist()
        places = (("base", model[1]), ("phase", model[2]))
        p.assume("advance", f"junction cycles have at least {beats} clocks", implies(self.advance, since >= beats))
        position = self._position
        p.require("beat_that_comes", f"a sample has {beats} beats", (self._arriving == came) & (coming < beats))
        group = [
            position.group == going,
            *(getattr(position, n) == lookup(going, v, max(1, len(getattr(position, n)))) for n, v in places),
        ]
        p.require("beat_that_goes", "the beat that is loaded has its place", implies(writes.valid, Cat(*group).all()))
        left = Mux(writes.valid, beats - going, 0)
        p.require(
            "clock_of_beat",
            "one beat is loaded in every clock",
            implies(writes.valid, (going < beats) & (since == going + 1)),
        )
        p.require(
            "whole_samples",
            "all beats of a sample are loaded",
            implies(self.entering.valid & (since <= beats), writes.valid),
        )
        p.require("enable", "memories are enabled for beats that are loaded alone", writes.enable.any() == writes.valid)
        p.require("bank", "banks are counted round", writes.bank < of.junctions[0].left_banks)
        p.require("bubbles", "nothing is loaded where no sample is complete", implies(writes.valid, self.entering.valid))
        p.require(
            "beats_counted",
            "beats are there for the samples whose tags are there, and for those that are being loaded",
            words.level + self._stands == (tags.level + self._tagged) * beats + came + left,
        )
        p.require("landed", "a beat that is taken has landed a clock later", self._landed == p.past(taken, "was_taken"))
        p.require(
            "room_for_beats",
            "there is room for all beats that are taken",
            (self._held == words.level + self._landed + self._stands)
            & (self._held <= self._room)
            & (samples.ready == (self._held != self._room)),
        )
        p.require("no_underflow", "a beat that is loaded is there", implies(writes.valid, self._stands))
        left_queue = p.past(words.r_en & words.r_rdy, "left_queue")
        head = p.past(words.r_data, "head")
        p.require("beat_as_it_was", "as it left its queue", implies(left_queue, writes.data.as_value() == head))
        p.require("beat_stands", "and stays until it is loaded", implies(words.r_rdy & ~words.r_en, self._stands))
        for name, queue in (("beats", words), ("tags", tags)):
            lost = queue_properties(p, "words" if queue is words else name, queue).lost
            room = implies(queue.w_en, queue.stored != queue.depth)
            p.require(f"room_in_{name}", f"of {name}, one that comes finds room", room & ~lost)
        p.require(
            "sample_of_tag",
            "what enters is what its tag said, but for what is illegal or replaced",
            implies(
                p.past(self.advance & tags.r_rdy, "advanced"),
                self.entering.valid
                & (self.entering.label == p.past(data.View(self._tag, tags.r_data).sample.label, "tag_label")),
            ),
        )
        p.require(
            "no_sample", "no tag, no sample", implies(p.past(self.advance & ~tags.r_rdy, "starved"), ~self.entering.valid)
        )
        p.require(
            "in_place", "beats go where the neurons of layer 0 lie", in_place(writes, of.inputs, of.junctions[0].left_banks)
        )
        p.require(
            "ready_stays",
            "once there is room for a beat, there is until it comes",
            implies(p.past(samples.ready & ~samples.valid, "room"), samples.ready),
        )
        p.reach("waits", "no cycle begins, and beats wait", taken & (coming == min(beats, 4) - 1) & (since > beats))

    def elaborate(self, platform: object) -> Module:
        m, of = Module(), self._of
        beats, first = of.inputs.groups, of.junctions[0]
        tag = self._tag
        m.submodules.words, m.submodules.tags = words, tags = self.words, self.tags
        m.submodules.position = position = self._position
        m.submodules.left_bank = bank = BankCounter(first.left_banks, -1)
        arriving = self._arriving
        last = Signal()
        taken = Signal()
        ready = Signal(init=1)
        arrived = Signal(tag)
        landed, stands, tagged = self._landed, self._stands, self._tagged
        payload = data.View(sample_layout(of), delayed(m, self.samples.payload.as_value(), 1, "payload"))
        m.d.comb += [
            last.eq(arriving == beats - 1),
            self.samples.ready.eq(ready),
            taken.eq(self.samples.valid & ready),
            words.w_en.eq(landed),
            words.w_data.eq(payload.inputs.as_value()),
            arrived.sample.valid.eq(1),
            arrived.sample.train.eq(payload.train),
            arrived.sample.label.eq(payload.label),
            arrived.sample.shift.eq(of.kappas[1] - payload.kappa),
            arrived.illegal_kappa.eq(outside(payload.kappa, *of.kappas)),
            arrived.illegal_label.eq(outside(payload.label, 0, of.design.network.classes - 1)),
            tags.w_en.eq(tagged),
            tags.w_data.eq(delayed(m, arrived.as_value(), 1, "arrived")),
        ]
        # A tag takes as long as its sample's last beat.
        m.d.sync += [landed.eq(taken), tagged.eq(landed & last)]
        with m.If(landed):
            m.d.sync += arriving.eq(arriving + 1)
            with m.If(last):
                m.d.sync += arriving.eq(0)

        loading = Signal()
        next_loading = Signal()
        enable = Signal.like(self.writes.enable)
        beat = Signal(words.width, reset_less=True)
        loaded = Signal(tag)
        m.d.comb += [
            bank.advance.eq(self.advance),
            position.restart.eq(self.advance),
            position.step.eq(loading),
            tags.r_en.eq(self.advance),
            words.r_en.eq(~stands | loading),
            self.writes.valid.eq(loading),
            self.writes.enable.eq(enable),
            self.writes.bank.eq(bank.bank),
            self.writes.base.eq(position.base),
            self.writes.phase.eq(position.phase),
            self.writes.data.as_value().eq(beat),
            self.entering.eq(loaded.sample),
            self.complete.eq(tags.r_rdy),
            self.waiting.eq(tags.holds | (arriving != 0) | landed | tagged),
        ]
        with m.If(words.r_en):
            m.d.sync += [stands.eq(words.r_rdy), beat.eq(words.r_data)]
        step = Cat(taken ^ loading, (loading & ~taken).replicate(len(self._held) - 1))
        m.d.sync += [
            self._held.eq(self._held + step),
            ready.eq(loading | (ready & ~(taken & (self._held == self._room - 1)))),
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
        # What enables the memories is known a clock ahead: it goes far.
        m.d.comb += next_loading.eq(loading)
        m.d.sync += [
            loading.eq(next_loading),
            enable.eq(enables(of.inputs, next_loading, position.next_group == beats - 1, position.next_phase)),
        ]
        with m.If(self.advance):
            m.d.comb += next_loading.eq(tags.r_rdy)
            m.d.sync += [
                loaded.eq(tags.r_data),
                loaded.sample.valid.eq(tags.r_rdy),
            ]
        with m.Elif(position.group == beats - 1):
            m.d.comb += next_loading.eq(0)
        return m


class SampleLoaderModel:
    """A :class:`SampleLoader` as the sample that is being loaded and the queue of those that wait."""

    def __init__(self, of: Plan) -> None:
        self._of = of
        self._words, self._tags = QueueModel(), QueueModel()
        self._room = 2 * of.inputs.groups + _more(of.inputs.groups) + 3
        self._landed: list[Mapping[str, Any]] = []
        self._tagged: list[Mapping[str, Any]] = []
        self._stands: Any = None
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
        landed = self._landed
        ready = len(self._words) + len(landed) + (self._stands is not None) < self._room
        writing = self._sample is not None and self._group < self._of.inputs.groups
        result = {
            "samples_ready": int(ready),
            **self._writes(writing),
            **self._entering(rate if rate_fixed else None),
            "complete": int(self._tags.head is not None),
            "waiting": int(len(self._tags) > 0 or self._arriving > 0 or len(landed) + len(self._tagged) > 0),
        }
        self._landed = [samples_payload] if samples_valid and ready and samples_payload is not None else []
        ending = landed if self._arriving + len(landed) == self._of.inputs.groups else []
        self._arriving = 0 if ending else self._arriving + len(landed)
        self._group += writing
        if advance:
            self._sample, self._group, self._cycle = self._tags.head, 0, self._cycle + 1
        moves, head = writing or self._stands is None, self._words.head
        self._stands = head if moves else self._stands
        self._words.clock(moves, *(payload["inputs"] for payload in landed))
        self._tags.clock(bool(advance), *self._tagged)
        self._tagged = list(ending)
        return result

    def _writes(self, writing: bool) -> dict[str, Any]:
        inputs, g = self._of.inputs, self._group
        neurons = inputs.walked[g][2] if writing else range(0)
        return {
            "writes_valid": int(writing),
            "writes_enable": sum(1 << n % inputs.memories for n in neurons),
            "writes_bank": self._cycle % self._of.junctions[0].left_banks,
            "writes_base": g * inputs.per_clock // inputs.memories if writing else None,
            "writes_phase": g % inputs.phases if writing else None,
            "writes_data": list(self._stands) if writing else None,
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
