"""Single faults of the hardware: each breaks one component of the generated design and leaves the machine as it is."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream
from pytest import MonkeyPatch

from models.numbers.format import Rounding
from rtl import accelerator, junction
from rtl.blocks import arithmetic
from rtl.blocks.adder_tree import AdderTree
from rtl.control import address
from rtl.control.dither import Dither
from rtl.ports import registers, samples
from rtl.ports.samples import sample_layout
from rtl.processors import delta, feedforward, output_error, update
from rtl.processors.prediction import Prediction
from rtl.processors.update import Update


@dataclass(frozen=True)
class Fault:
    """What is broken, how, on which design and stimulus it shows, and what the mismatch is called."""

    breaks: str
    apply: Callable[[MonkeyPatch], None]
    scenario: str
    caught: str


FAULTS: dict[str, Fault] = {}


def fault(scenario: str, caught: str) -> Callable:
    """Registers a function that plants a fault; ``caught`` is a regular expression for the mismatch."""

    def register(apply: Callable[[MonkeyPatch], None]) -> Callable:
        FAULTS[apply.__name__] = Fault(apply.__doc__ or "", apply, scenario, caught)
        return apply

    return register


def shown(component: type, port: str, change: Callable) -> Any:
    """The component, its body being shown ``change(m, self, value)`` instead of an input."""

    class Broken(component):
        def elaborate(self, platform: object) -> Module:
            given = getattr(self, port)
            seen = Signal(given.shape())
            setattr(self, port, seen)
            m = super().elaborate(platform)
            setattr(self, port, given)
            m.d.comb += seen.eq(change(m, self, given))
            return m

    return Broken


def later(patch: MonkeyPatch, module: Any, *names: str) -> None:
    """One clock more for the named delay lines of a module."""
    as_it_was = module.delayed

    def delayed(m: Module, value: Any, clocks: int, name: str, *, valid: bool = False) -> Any:
        return as_it_was(m, value, clocks + (name in names), name, valid=valid)

    patch.setattr(module, "delayed", delayed)


def unsaturated(x: Any, to: Any, fits: bool = False) -> Any:
    """The low bits, and never a word about it."""
    short = (Cat(x, Const(0, 1)) if not x.shape().signed else x)[: to.width]
    return short.as_signed() if to.signed else short, Const(0)


def narrowed_only(x: Any, drop: int, rounding: Any, to: Any, fits: bool = False) -> Any:
    """The same of what has been rounded."""
    return unsaturated(arithmetic.narrow(x, drop, rounding), to)


def switched(patch: MonkeyPatch, change: Callable) -> None:
    """Changes what a junction knows of its samples, by itself and them."""
    as_it_was = junction.samples_at_work
    patch.setattr(junction, "samples_at_work", lambda m, of, j, *given: change(j, as_it_was(m, of, j, *given)))


@fault("training", "junction 1, FF write to activation memory")
def wrong_seed(patch):
    """Memory 0 of junction 1 starts its first sweep one address too high."""

    def shifted(j):
        if j.number > 1:
            return j
        wrong, other = j.address_of_memory.copy(), replace(j)
        wrong[: j.depth, 0] = (wrong[: j.depth, 0] + 1) % j.depth
        other.__dict__["address_of_memory"] = wrong  # the place of a cached property
        return other

    as_it_was = address.AddressGenerator.__init__
    patch.setattr(address.AddressGenerator, "__init__", lambda self, j, form="auto": as_it_was(self, shifted(j), form))


@fault("training", "junction 2, BP write to partial delta memory [01],")
def swapped_lanes(patch):
    """The products of lanes 0 and 1 are exchanged on their way to the partial deltas."""

    class Swapped(Dither):
        def __init__(self, j, word, to_lanes):
            super().__init__(j, word, to_lanes)
            if not to_lanes:
                self._source = self._source[:, [1, 0, *range(2, j.z)]]

    patch.setattr(junction, "Dither", Swapped)


@fault("training", "junction 2, UP write to weight memory")
def off_by_one_bank(patch):
    """UP of junction 2 reads the activations of the next sample's bank."""
    as_it_was = junction.Junction._bank

    def bank(self, m, name, banks, lag):
        return as_it_was(self, m, name, banks, lag - (name == "left_backward" and self._j.number == 2))

    patch.setattr(junction.Junction, "_bank", bank)


@fault("training", "junction 1, UP write to weight memory")
def stale_derivative_bank(patch):
    """Junction 1 takes the derivatives of the bank before."""
    as_it_was = junction.Junction._bank

    def bank(self, m, name, banks, lag):
        return as_it_was(self, m, name, banks, lag + (name == "store_backward" and not self._j.is_last))

    patch.setattr(junction.Junction, "_bank", bank)


@fault("heavy", "junction 1, FF write to activation memory")
def dropped_carry(patch):
    """The last node of the adder trees of FF is one bit too narrow."""

    class Narrow(AdderTree):
        def elaborate(self, platform):
            m = Module()
            m.submodules.whole = whole = AdderTree(self._inputs, self.x[0].shape(), self._every)
            m.d.comb += [whole.x.eq(self.x), self.sum.eq(whole.sum[:-1].as_signed())]
            return m

    patch.setattr(feedforward, "AdderTree", Narrow)


@fault("training", "junction 1, FF write to activation memory")
def preactivation_wraps(patch):
    """Pre-activations wrap around instead of saturating."""
    patch.setattr(feedforward, "narrow_into", narrowed_only)


@fault("tight", "junction 2, FF write to delta memory")
def output_delta_wraps(patch):
    """Deltas of the output layer wrap around instead of saturating."""
    patch.setattr(output_error, "narrow_into", narrowed_only)


@fault("tight", "junction [12], UP write to (weight|bias) memory")
def weight_wraps(patch):
    """New weights and biases wrap around instead of saturating."""
    patch.setattr(update, "saturate", unsaturated)


@fault("training", "junction 2, UP write to weight memory")
def late_write(patch):
    """New weights are written one clock late, new biases too (to the group that then has come up)."""
    later(patch, junction, "learned", "written_row", "ends_back", "new_weight", "new_bias")


@fault("rows", "junction [123], UP write to weight memory")
def stale_delta(patch):
    """A delta is held one row too long: the next neuron's first row still gets it."""
    later(patch, delta, "begins")


@fault("training", "junction [12], UP write to weight memory")
def wrong_rounding(patch):
    """Weight and bias steps are rounded down."""
    as_it_was = update.less_narrowed
    patch.setattr(update, "less_narrowed", lambda x, step, drop, *_: as_it_was(x, step, drop, Rounding.FLOOR))


@fault("bubbles", "junction 1, FF write to activation memory .*: machine no write")
def bubble_fed_forward(patch):
    """FF of junction 1 takes a bubble for a sample."""
    switched(patch, lambda j, at: at._replace(feeds=Const(1)) if j.number == 1 else at)


@fault("bubbles", "writes1 of weights of junction 1: machine bits, Verilog bits that are neither 0 nor 1")
def bubble_learned(patch):
    """UP of junction 2 takes a bubble for a sample."""
    switched(patch, lambda j, at: at._replace(learns=at.learns | ~at.backward.valid) if j.is_last else at)


@fault("bubbles", "junction 2, BP write to partial delta memory .*: machine no write")
def inference_sample_learned(patch):
    """Samples for inference only are learned from."""
    switched(patch, lambda j, at: at._replace(learns=at.backward.valid))


@fault("illegal", "junction 2, FF write to delta memory .*: machine no write")
def illegal_samples_learned(patch):
    """Whatever the stream carries is taken: a shift of 6 where 5 is the greatest wraps around."""
    patch.setattr(samples, "outside", lambda field, least, greatest: Const(0))


@fault("illegal", r"bus.read_data of register (STATUS|ERRORS|ILLEGAL_KAPPAS|ILLEGAL_LABELS): machine \d+, Verilog \d+")
def counts_illegal_in_every_clock(patch):
    """Illegal samples are counted in every clock."""
    as_it_was = registers.error_counter

    def counter(m, name, event, clear):
        return as_it_was(m, name, Const(1) if name.startswith("illegal") else event, clear)

    patch.setattr(registers, "error_counter", counter)


@fault("illegal", "label of result")
def illegal_label_reinterpreted(patch):
    """A label that is no class comes back as class 0."""

    class Tidy(accelerator.ResultQueue):
        def elaborate(self, platform):
            given, seen = self.tag, Signal.like(self.tag)
            self.tag = seen
            m = super().elaborate(platform)
            self.tag = given
            m.d.comb += seen.eq(given)
            with m.If(given.label >= self._of.design.network.classes):
                m.d.comb += seen.label.eq(0)
            return m

    patch.setattr(accelerator, "ResultQueue", Tidy)


@fault("training", "junction [12], UP write to (weight|bias) memory")
def kappa_of_another_sample(patch):
    """The learning-rate shift is that of the sample in FF."""
    switched(patch, lambda j, at: at._replace(backward=at.forward[0]))


@fault("training", "junction [12], UP write to (weight|bias) memory")
def wrong_kappa_shift(patch):
    """Every second learning-rate shift is one too small."""
    patch.setattr(junction, "Update", shown(Update, "shift", lambda m, self, given: given | 1))


@fault("training", "junction 2, BP write to partial delta memory")
def first_visit_does_not_replace(patch):
    """The first visit of a pass adds to what the last sample left."""
    broken = shown(junction.PartialDeltaMemory, "first", lambda m, self, given: Const(0))
    patch.setattr(junction, "PartialDeltaMemory", broken)


@fault("training", "junction 2, BP write to partial delta memory")
def contribution_lost(patch):
    """The accumulation loop is one clock longer than the schedule thinks: what returns too soon is lost."""

    class Slow(junction.PartialDeltaMemory):
        def __init__(self, of, product, word, banks, loop, **size):
            super().__init__(of, product, word, banks, loop._replace(clocks=loop.clocks + 1, ahead=0), **size)

    patch.setattr(junction, "PartialDeltaMemory", Slow)


@fault("training", "junction 2, FF write to delta memory|label of result 0")
def label_of_first_beat(patch):
    """The label is taken from the first beat of a sample instead of the last."""

    class Hasty(accelerator.SampleLoader):
        def elaborate(self, platform):
            given, seen = self.samples, stream.Signature(sample_layout(self._of)).flip().create()
            self.samples = seen
            m = super().elaborate(platform)
            self.samples = given
            begins, label = Signal(init=1), Signal(given.payload.label.shape())
            taken = given.valid & given.ready
            count = Signal(range(self._of.inputs.groups))
            with m.If(taken):
                m.d.sync += count.eq(Mux(count == self._of.inputs.groups - 1, 0, count + 1))
            m.d.comb += [
                begins.eq(count == 0),
                seen.valid.eq(given.valid),
                seen.payload.eq(given.payload),
                given.ready.eq(seen.ready),
                seen.payload.label.eq(Mux(begins, given.payload.label, label)),
            ]
            with m.If(taken & begins):
                m.d.sync += label.eq(given.payload.label)
            return m

    patch.setattr(accelerator, "SampleLoader", Hasty)


@fault("ties", "prediction of result 0: machine 0, Verilog 3")
def tie_to_the_higher_class(patch):
    """Of equal pre-activations the last one wins."""

    class Last(Prediction):
        def _better(self, m, a, b, name):
            return super()._better(m, b, a, name)

    patch.setattr(junction, "Prediction", Last)


@fault("standstills", r"(advance|standing): machine [01], Verilog [01]")
def early_resume(patch):
    """After a standstill the next junction cycle begins before the last junction is at rest."""

    class Hasty(accelerator.Pacer):
        def __init__(self, of):
            super().__init__(of)
            self._skew = 0

    patch.setattr(accelerator, "Pacer", Hasty)


@fault("standstills", r"(advance|standing): machine [01], Verilog [01]")
def room_off_by_one(patch):
    """The queue of results promises room for one sample more than it has."""

    class Generous(accelerator.ResultQueue):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            held = Signal(range(self.capacity + 2))
            m.d.sync += held.eq(held + (self.reserve & self.due) - self._given)
            m.d.comb += self.room.eq(held != self.capacity + 1)
            return m

    patch.setattr(accelerator, "ResultQueue", Generous)


@fault("dither", "junction 2, BP write to partial delta memory")
def wrong_dither_inverse(patch):
    """Products go to the memories by the permutation itself instead of its inverse."""

    class Forward(Dither):
        def __init__(self, j, word, to_lanes):
            super().__init__(j, word, to_lanes)
            self._source = j.memory[:: j.depth]

    patch.setattr(junction, "Dither", Forward)


@fault("training", r"bus.read_data of register SATURATED_\w+_\d")
def bubbles_counted(patch):
    """Saturation is counted in every clock, whether anything is at work or not."""
    as_it_was = junction.count
    patch.setattr(junction, "count", lambda m, name, flags, _: as_it_was(m, name, flags, Const(1)))


@fault("training", "junction 2, UP write to weight memory 0, .* lane [01],")
def exchanged_weights(patch):
    """The new weights of lanes 0 and 1 of the last junction are exchanged as they are written."""

    class Exchanged(Update):
        def elaborate(self, platform):
            given, inner = self.new_weight, Signal(self.new_weight.shape())
            self.new_weight = inner
            m = super().elaborate(platform)
            self.new_weight = given
            m.d.comb += given.eq(inner)
            if self._j.is_last:
                m.d.comb += [given[0].eq(inner[1]), given[1].eq(inner[0])]
            return m

    patch.setattr(junction, "Update", Exchanged)
