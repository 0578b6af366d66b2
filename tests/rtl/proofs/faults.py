"""Single faults of single components, and the property that each of them breaks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Const, Module, Mux
from pytest import MonkeyPatch

from rtl import accelerator, junction
from rtl.control import pacer, sequencer
from rtl.control.dither import Dither
from rtl.memories.interleaved import InterleavedMemory
from rtl.ports import registers, results, samples
from rtl.processors import collection, gathering
from tests.rtl.cosim.faults import contribution_lost, later, off_by_one_bank, shown, swapped_lanes, wrong_seed


@dataclass(frozen=True)
class Fault:
    """What is broken, how; which property of which component says so, on which design."""

    breaks: str
    apply: Callable[[MonkeyPatch], None]
    component: str
    property: str
    design: str


FAULTS: dict[str, Fault] = {}


def fault(component: str, property: str, design: str = "two_junctions") -> Callable:
    """Registers a function that plants a fault."""

    def register(apply: Callable[[MonkeyPatch], None]) -> Callable:
        FAULTS[apply.__name__] = Fault(apply.__doc__ or "", apply, component, property, design)
        return apply

    return register


def built(component: type, **attributes: Any) -> type:
    """The component, built as if it had other attributes; what it states is of those that it has."""

    class Other(component):
        def elaborate(self, platform: object) -> Module:
            mine = {name: getattr(self, name) for name in attributes}
            for name, value in attributes.items():
                setattr(self, name, value(mine[name]))
            m = super().elaborate(platform)
            for name, value in mine.items():
                setattr(self, name, value)
            return m

    return Other


def also(component: type, statement: Callable, domain: str = "comb") -> type:
    """The component, with a last statement, which overrides the others."""

    class More(component):
        def elaborate(self, platform: object) -> Module:
            m = super().elaborate(platform)
            m.d[domain] += statement(self)
            return m

    return More


def in_session(patch: MonkeyPatch, name: str, component: type) -> None:
    """What the proofs, and the accelerator, make of the name."""
    from rtl import accelerator
    from rtl.proofs import session

    patch.setattr(session, name, component)
    patch.setattr(accelerator, name, component)


@fault("pacer", "not_early")
def hasty_pacer(patch):
    """A junction cycle is one clock short."""
    in_session(patch, "Pacer", built(pacer.Pacer, _period=lambda p: p - 1))


@fault("pacer", "not_late")
def slow_pacer(patch):
    """A cycle that may begin at once waits for the next but one clock."""
    in_session(patch, "Pacer", shown(pacer.Pacer, "go", lambda m, self, given: given & self._at_end))


@fault("accelerator", "no_bubble")
def sample_promised(patch):
    """A sample is said to be there when none is: a junction cycle that must not begin without one begins."""
    in_session(patch, "SampleLoader", also(samples.SampleLoader, lambda self: self.complete.eq(1)))


@fault("pacer", "not_early", "overlap")
def impatient_pacer(patch):
    """After a standstill a cycle begins before all junctions are at rest."""
    in_session(patch, "Pacer", built(pacer.Pacer, _skew=lambda s: s - 1))


@fault("pacer", "stands", "overlap")
def restless_pacer(patch):
    """It is said that all stands while the last junction still writes."""
    in_session(patch, "Pacer", also(pacer.Pacer, lambda self: self.standing.eq(self._at_end)))


@fault("junction 1", "pass_row")
def skipped_row(patch):
    """A pass begins with its second row."""
    broken = also(sequencer.Sequencer, lambda self: self.row.eq(Mux(self.advance, 1, self.row + 1)), "sync")
    patch.setattr(junction, "Sequencer", broken)


@fault("junction 1", "pass_group", "three_junctions")
def stuck_group(patch):
    """A group of right neurons is named once more when it has ended."""
    patch.setattr(sequencer, "PositionCounter", shown(sequencer.PositionCounter, "step", lambda m, self, given: Const(0)))


fault("junction 1", "left_addresses")(wrong_seed)
fault("junction 2", "backward_lanes")(swapped_lanes)
fault("junction 2", "hazard")(contribution_lost)


@fault("junction 1", "feedforward_lanes", "type_2_dither")
def stuck_dither(patch):
    """The permutation of the first sweep is used in all."""
    patch.setattr(junction, "Dither", shown(Dither, "turn", lambda m, self, given: Const(0)))


@fault("junction 1", "update_lanes", "type_2_dither")
def crossed_dither(patch):
    """Lanes are given words by the inverse permutation."""

    class Inverse(Dither):
        def __init__(self, j, word, to_lanes):
            super().__init__(j, word, not to_lanes)

    patch.setattr(junction, "Dither", Inverse)


@fault("junction 1", "feedforward_row", "clashing")
def forgetful_collection(patch):
    """What a lane was given in an earlier clock of its row is not kept."""
    patch.setattr(junction, "Collection", also(collection.Collection, lambda self: self.taken.eq(self.given)))


@fault("junction 1", "pass_complete", "clashing")
def impatient_sequencer(patch):
    """Every clock of a row is called its last one."""
    patch.setattr(junction, "Sequencer", also(sequencer.Sequencer, lambda self: self.complete.eq(1)))


@fault("junction 1", "biases_back", "straddling_groups")
def late_group(patch):
    """New biases go to the group that follows theirs."""
    later(patch, junction, "written_group")


@fault("accelerator", "result", "straddling_ends")
def hasty_gathering(patch):
    """A group is handed over with every row."""
    patch.setattr(accelerator, "Gathering", also(gathering.Gathering, lambda self: self.full.eq(self.valid)))


@fault("junction 1", "weights_back")
def late_row(patch):
    """New weights go to the row that follows theirs."""
    later(patch, junction, "written_row")


@fault("junction 1", "results_of_group")
def late_phase(patch):
    """The place of a group is in part that of the group before."""
    later(patch, junction, "phase")


@fault("junction 2", "first_visit")
def every_visit_is_first(patch):
    """Every visit to a partial delta is taken for its first one."""
    patch.setattr(junction, "Sequencer", also(sequencer.Sequencer, lambda self: self.first.eq(1)))


@fault("junction 1", "left_memory_addresses", "beats_wrap")
def wrong_base(patch):
    """Neurons of a group all go to the address of the first."""
    broken = shown(InterleavedMemory, "write_base", lambda m, self, given: Mux(self.write_phase == 0, given, 0))
    patch.setattr(junction, "InterleavedMemory", broken)


@fault("samples", "words_in_order")
def forgetful_queue(patch):
    """The lowest bit of a beat is lost on its way through the queue."""
    patch.setattr(samples, "Queue", shown(samples.Queue, "w_data", lambda m, self, given: given & ~1))


@fault("samples", "whole_samples")
def deaf_loader(patch):
    """The first beat of a sample is taken for its second."""
    broken = also(samples.PositionCounter, lambda self: self.group.eq(Mux(self.restart, 1, self.group + 1)), "sync")
    patch.setattr(samples, "PositionCounter", broken)


@fault("samples", "tags_in_order")
def confused_tags(patch):
    """A tag's second bit, whether to train, is cleared as it is put into the queue."""
    patch.setattr(samples, "Queue", shown(samples.Queue, "w_data", lambda m, self, given: given & ~2))


@fault("results", "no_overflow")
def generous_queue(patch):
    """The queue promises room for one sample more than it has."""
    in_session(patch, "ResultQueue", also(results.ResultQueue, lambda self: self.room.eq(1)))


@fault("results", "valid_stays")
def withdrawn_result(patch):
    """A result is withdrawn while another one comes in."""
    broken = also(results.ResultQueue, lambda self: self.results.valid.eq(self.words.r_rdy & ~self.valid))
    in_session(patch, "ResultQueue", broken)


@fault("results", "payload_stays")
def early_facts(patch):
    """A result shows whatever facts are at hand."""

    def at_hand(self):
        return self.results.payload.label.eq(self.tag.label)

    in_session(patch, "ResultQueue", also(results.ResultQueue, at_hand))


@fault("registers", "answered")
def slow_registers(patch):
    """A written word takes a few clocks more."""
    in_session(patch, "Registers", built(registers.Registers, _longest=lambda mine: lambda: mine() + 3))


@fault("registers", "memories_at_rest")
def rash_registers(patch):
    """The memories are accessed whether the accelerator stands or not."""
    in_session(patch, "Registers", shown(registers.Registers, "standing", lambda m, self, given: Const(1)))


@fault("registers", "done_once")
def lasting_done(patch):
    """The end of a request lasts."""

    in_session(patch, "Registers", also(registers.Registers, lambda self: self.bus.done.eq(1), "sync"))


@fault("accelerator", "bank_2_update")
def wrong_bank(patch):
    """UP of junction 2 reads the activations of the next sample's bank."""
    off_by_one_bank(patch)


@fault("accelerator", "junction_1_pass_advance")
def short_cycle(patch):
    """The pacer thinks of a shorter junction cycle, and says that it keeps the longer one."""

    class Short(pacer.Pacer):
        def __init__(self, of):
            super().__init__(of)
            self._period = of.junctions[0].rows - 1

    in_session(patch, "Pacer", Short)
