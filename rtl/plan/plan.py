"""The plan of the hardware: every width, depth, latency and table that the components are built from."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import lcm
from typing import Any

import numpy as np
import numpy.typing as npt

from hwsim.configuration.configuration import Configuration
from hwsim.configuration.rules import check_circuit, check_fixed
from hwsim.design import Design
from hwsim.edge_processors import lanes_per_neuron, operations, results_per_clock
from hwsim.schedule.banks import Banks
from hwsim.schedule.passes import JunctionSchedule
from hwsim.schedule.timing import JunctionTiming, Timing
from models.connectivity.pattern import Pattern
from models.network.activations import ACTIVATIONS
from models.network.order import Hops
from models.numbers.format import Format
from models.numbers.system import NumberSystem
from rtl.plan.interleaving import Interleaving, Step
from rtl.plan.routing import Routing, phases


@dataclass(frozen=True, eq=False)
class JunctionPlan:
    """One junction: geometry, latencies and numbers.

    Attributes
    ----------
    number
        i, from 1.
    memory, address
        int32 [C, z] per row and *lane*: where the left neuron lives.
    schedule
        Its pass, clock by clock.
    forward_lag, backward_lag
        Junction cycles from a sample's entry to its FF, and to its BP and UP.
    left_banks, next_banks, derivative_banks, partial_banks, delta_banks
        Banks of the left activations, the right activations, the right derivatives, the left and the right partial deltas
        (or, last junction, the deltas).
    """

    number: int
    is_last: bool
    pattern: Pattern
    z: int
    d_in: int
    d_out: int
    next_memories: int
    memory: npt.NDArray[np.int32]
    address: npt.NDArray[np.int32]
    schedule: JunctionSchedule
    timing: JunctionTiming
    forward_lag: int
    backward_lag: int
    left_banks: int
    next_banks: int
    derivative_banks: int
    partial_banks: int
    delta_banks: int
    left: Format
    activation: str

    @property
    def n_left(self) -> int:
        """N_{i-1}."""
        return self.pattern.n_left

    @property
    def n_right(self) -> int:
        """N_i."""
        return self.pattern.n_right

    @property
    def rows(self) -> int:
        """C, weight rows."""
        return self.pattern.n_edges // self.z

    @property
    def depth(self) -> int:
        """D, words of each left memory."""
        return self.n_left // self.z

    @property
    def results_per_clock(self) -> int:
        """Right neurons that can end in one clock, q."""
        return results_per_clock(self.z, self.d_in)

    @property
    def straddles(self) -> bool:
        """Whether rows begin or end in the middle of neurons at changing places."""
        return self.z % self.d_in != 0 and self.d_in % self.z != 0

    @property
    def rows_per_neuron(self) -> int:
        """Rows that every right neuron takes, if it has them to itself; else 1."""
        return self.d_in // self.z if self.d_in % self.z == 0 else 1

    @property
    def groups(self) -> int:
        """Groups of q right neurons; the last may be short where rows hold different numbers of them."""
        return -(-self.n_right // self.results_per_clock)

    def end_clock(self, neurons: Any) -> Any:
        """Clock of the pass in which right neurons, one or an array, end: the last one of their last row."""
        return np.flatnonzero(self.completes)[((neurons + 1) * self.d_in - 1) // self.z]

    @cached_property
    def group_clocks(self) -> npt.NDArray[np.int64]:
        """int64 [groups]: the clock of the pass in which the last neuron of each group ends."""
        past = np.minimum((np.arange(self.groups) + 1) * self.results_per_clock, self.n_right)
        return self.end_clock(past - 1)

    @property
    def ending(self) -> tuple[int, int]:
        """Group of the first right neuron of the last row, and phase of that row: no other row has both."""
        of, end = self.routing, self.rows - 1
        return of.first(end) // self.results_per_clock, end % of.phases

    @property
    def late(self) -> int:
        """Clocks that the last group, if it is short, leaves behind the one before, which is complete in the same row."""
        return int(self.n_right % self.results_per_clock > 0)

    def by_group(self, of: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """int64 [groups, q]: values of right neurons [N_i], zeros in places where there is none."""
        result = np.zeros(self.groups * self.results_per_clock, np.int64)
        result[: self.n_right] = of
        return result.reshape(self.groups, -1)

    @property
    def lanes_per_neuron(self) -> int:
        """Lanes that one right neuron can have in a row."""
        return lanes_per_neuron(self.z, self.d_in)

    @cached_property
    def routing(self) -> Routing:
        """How lanes belong to right neurons, row by row."""
        q = self.results_per_clock
        return Routing(self.z, self.d_in, q, phases(self.z, self.d_in, self.rows, lcm(q, self.next_memories)))

    @cached_property
    def right(self) -> Interleaving:
        """How results fall into the next layer's memories."""
        return self._right(self.routing.ended)

    @cached_property
    def fresh(self) -> Interleaving:
        """How the right neurons that begin in a row lie there; the walk is the same."""
        return self._right(self.routing.begun)

    def _right(self, neurons: Callable[[int], range]) -> Interleaving:
        of = self.routing
        steps = [Step(of.first(p), neurons(p), of.first(p + 1)) for p in range(of.phases)] if self.straddles else []
        return Interleaving(self.n_right, self.results_per_clock, self.next_memories, tuple(steps))

    @property
    def clocks(self) -> int:
        """Clocks of a pass, K: C, or more where the pattern clashes."""
        return self.schedule.clocks

    @property
    def stalls(self) -> bool:
        """Whether some rows take several clocks."""
        return self.clocks > self.rows

    @cached_property
    def completes(self) -> npt.NDArray[np.bool_]:
        """bool [K]: whether it is a row's last clock."""
        return np.append(np.diff(self.schedule.row) > 0, True)

    @property
    def sweeps(self) -> bool:
        """Whether a pass is sweeps, each with one permutation of the memories; if not, control goes by clocks."""
        return self.schedule.sweeps

    @cached_property
    def address_of_memory(self) -> npt.NDArray[np.int32]:
        """int32 [K, z]: the address that each *memory* is given in each clock, 0 if it is not asked."""
        return self._by_clock(0, self.schedule.memory, self.schedule.address)

    @property
    def has_seeds(self) -> bool:
        """Whether every sweep counts up from a seed (types 1 and 2, and full patterns)."""
        return self.schedule.has_seeds

    @cached_property
    def lane_of_memory(self) -> npt.NDArray[np.int32]:
        """int32 [K, z]: the lane that each memory serves in each clock, -1 for none."""
        return self._by_clock(-1, self.schedule.memory, self.schedule.lane)

    @cached_property
    def memory_of_lane(self) -> npt.NDArray[np.int32]:
        """int32 [K, z]: the memory that serves each lane in each clock, -1 for none."""
        return self._by_clock(-1, self.schedule.lane, self.schedule.memory)

    @cached_property
    def first_of_memory(self) -> npt.NDArray[np.bool_]:
        """bool [K, z]: whether the word that each memory is asked for in each clock is met for the first time."""
        return self._by_clock(0, self.schedule.memory, self.schedule.first_visit).astype(np.bool_)

    def _by_clock(self, other: int, where: npt.NDArray[np.int64], what: npt.NDArray[np.generic]) -> npt.NDArray[np.int32]:
        result = np.full((self.clocks, self.z), other, np.int32)
        result[self.schedule.clock, where] = what
        return result


@dataclass(frozen=True, eq=False)
class Plan:
    """The whole accelerator."""

    design: Design
    junctions: tuple[JunctionPlan, ...]
    timing: Timing
    hops: Hops

    @classmethod
    def of(cls, design: Design) -> "Plan":
        """What the hardware of a design consists of.

        Raises
        ------
        InputError
            If the design has no hardware of this kind.
        """
        return _plan(design)

    @property
    def config(self) -> Configuration:
        """The configuration."""
        return self.design.config

    @property
    def numbers(self) -> NumberSystem:
        """Formats and roundings."""
        return self.config.numbers.system

    @property
    def trains(self) -> bool:
        """Whether BP, UP and their memories are built."""
        assert self.config.hardware is not None
        return self.config.hardware.trains

    @property
    def overlap(self) -> bool:
        """Whether junctions run behind each other."""
        return self.timing.flush == 0

    @property
    def period(self) -> int:
        """Clocks of a junction cycle."""
        return self.timing.period

    @property
    def beat(self) -> int:
        """Inputs that the host writes per clock."""
        return -(-self.junctions[0].n_left // self.timing.pass_clocks)

    @property
    def lanes(self) -> int:
        """Lanes of the widest row of weights."""
        return max(j.z for j in self.junctions)

    @property
    def inputs(self) -> Interleaving:
        """How inputs fall into the memories of layer 0."""
        first = self.junctions[0]
        return Interleaving(first.n_left, self.beat, first.z)

    @property
    def skew(self) -> int:
        """Clocks from the end of the first junction's cycle until the last junction has finished and all has landed."""
        return self.timing.skew

    @property
    def permission(self) -> int:
        """Clocks from the permission of a junction cycle to its beginning."""
        return min(self.period - 1, 2)

    @property
    def kappas(self) -> tuple[int, int]:
        """Least and greatest learning-rate shift."""
        return self.config.kappa_range

    @property
    def class_of_output(self) -> npt.NDArray[np.int64]:
        """int64 [N_L]: the class that an output neuron stands for, -1 for padding."""
        result = np.full(self.junctions[-1].n_right, -1, np.int64)
        result[self.design.network.output_neurons] = np.arange(self.design.network.classes)
        return result

    @property
    def multipliers(self) -> dict[str, int]:
        """Multipliers by what they are for: edges (FF, BP, UP) and derivatives (one per neuron that starts in a clock)."""
        js = self.junctions
        edges = sum(j.z * operations(j.number, self.trains) for j in js)
        derivative = sum(j.results_per_clock for j in js if self.trains and not j.is_last)
        output = js[-1].results_per_clock if self.trains and self.config.network.cost == "quadratic" else 0
        return {"edges": edges, "derivatives": derivative + output}


def _plan(design: Design) -> Plan:
    config = design.config
    check_circuit(config)
    made = design.schedule
    hardware = config.hardware
    assert hardware is not None
    check_fixed(config)
    times = design.timing
    hops = config.hardware_hops
    n = len(design.patterns)
    trains = hardware.trains
    banks = Banks.of(hops, n) if trains else Banks.of_inference(n)
    junctions = []
    for j, t, p in zip(made.junctions, times.junctions, design.patterns, strict=True):
        last = j.number == n
        junctions.append(
            JunctionPlan(
                number=j.number,
                is_last=last,
                pattern=p,
                z=j.z,
                d_in=j.d_in,
                d_out=p.n_edges // p.n_left,
                next_memories=j.z_next,
                memory=(p.left % j.z).reshape(-1, j.z).astype(np.int32),
                address=(p.left // j.z).reshape(-1, j.z).astype(np.int32),
                schedule=j,
                timing=t,
                forward_lag=hops.feedforward_lag(j.number),
                backward_lag=hops.backward_lag(j.number, n),
                left_banks=banks.activation[j.number - 1],
                next_banks=1 if last else banks.activation[j.number],
                derivative_banks=1 if last or not trains else banks.derivative[j.number - 1],
                partial_banks=banks.partial[j.number - 2] if j.number > 1 and trains else 1,
                delta_banks=1 if not trains else banks.delta if last else banks.partial[j.number - 1],
                left=config.numbers.system.left_activation(j.number - 1),
                activation=config.network.activations[j.number - 1],
            )
        )
    return Plan(design, tuple(junctions), times, hops)


def tables(design_plan: Plan, j: JunctionPlan) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Activation and derivative of every representable pre-activation, the least first."""
    numbers = design_plan.numbers
    return ACTIVATIONS[j.activation].tables(numbers.preactivation, numbers.activation, numbers.derivative)
