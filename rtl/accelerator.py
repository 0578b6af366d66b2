"""The accelerator: junctions in a row, streams at both ends, and a port for everything else."""

from functools import cached_property
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hwsim.design import Design
from rtl.accelerator_model import AcceleratorModel
from rtl.accelerator_properties import AcceleratorProperties
from rtl.blocks.arithmetic import shape_of
from rtl.blocks.delay import delayed
from rtl.blocks.properties import Monitor
from rtl.control.pacer import Pacer
from rtl.junction import Junction
from rtl.plan.plan import Plan
from rtl.plan.signatures import access_signature
from rtl.ports.register_map import bus_signature
from rtl.ports.registers import Registers
from rtl.ports.results import ResultQueue, result_layout
from rtl.ports.samples import SampleLoader, sample_layout
from rtl.processors.gathering import Gathering


class Accelerator(wiring.Component):
    """Trains, or only infers, a pre-defined sparse network.

    Throughput one sample per ``period`` clocks, ``latency`` clocks from the junction cycle that loads one to its first
    result.

    Parameters
    ----------
    lends
        Whether somebody else may have the memories while it stands.

    Ports
    -----
    samples : in, stream of sample_layout
        Samples, beat by beat (:func:`rtl.ports.samples.sample_layout`).
    results : out, stream of result_layout
        Results, beat by beat (:func:`rtl.ports.results.result_layout`).
    bus : in, interface bus_signature
        Memory-mapped port (:func:`rtl.ports.register_map.bus_signature`).
    lent : in, 1, if lends
        Weights and biases are those of ``access_<i>``; it stands, and is asked for nothing else meanwhile.
    access_<i> : in, interface access_signature, if lends
        Weights and biases of junction i, in every clock.

    Examples
    --------
    Amaranth's simulator takes it clock by clock, a testbench for each port; the model says what must come out:

    >>> from amaranth.sim import Simulator
    >>> from hwsim import Design, load
    >>> from rtl.accelerator_model import Sample
    >>> from rtl.ports.registers import CONTROL
    >>> sizes = {"network.layers": [16, 8, 4], "network.out_degree": [2, 2], "network.classes": 4, "hardware.z": [8, 4]}
    >>> accelerator = Accelerator.of(Design(load("sim_configs/demo.yaml", sizes)))
    >>> samples = [Sample([16 * n] * 16, label=n % 4, kappa=3, train=1) for n in range(9)]
    >>> async def feed(ctx):
    ...     beat = accelerator.plan.beat
    ...     for s in samples:
    ...         for k in range(0, 16, beat):
    ...             facts = {"label": s.label, "kappa": s.kappa, "train": s.train}
    ...             ctx.set(accelerator.samples.payload, {"inputs": s.inputs[k : k + beat]} | facts)
    ...             ctx.set(accelerator.samples.valid, 1)
    ...             await ctx.tick().until(accelerator.samples.ready)
    ...     ctx.set(accelerator.samples.valid, 0)
    >>> async def start(ctx):
    ...     bus = accelerator.bus
    ...     for port, value in ((bus.address, CONTROL), (bus.write, 1), (bus.write_data, 1), (bus.request, 1)):
    ...         ctx.set(port, value)
    ...     await ctx.tick().until(bus.done)
    ...     ctx.set(bus.request, 0)
    >>> predictions = []
    >>> async def take(ctx):
    ...     ctx.set(accelerator.results.ready, 1)
    ...     while len(predictions) < len(samples):
    ...         (payload,) = await ctx.tick().sample(accelerator.results.payload).until(accelerator.results.valid)
    ...         predictions.extend([payload.prediction] if payload.last else [])
    >>> simulator = Simulator(accelerator)
    >>> simulator.add_clock(1e-6)
    >>> for testbench in (feed, start, take):
    ...     simulator.add_testbench(testbench)
    >>> simulator.run()
    >>> predictions == [result.prediction for result in accelerator.model().run(samples)]
    True
    """

    def __init__(self, of: Plan, lends: bool = False) -> None:
        self.plan, self.lends = of, lends
        self.junctions = [Junction(of, j.number) for j in of.junctions]
        self.pacer, self.loader = Pacer(of), SampleLoader(of)
        self.queue, self.registers = ResultQueue(of), Registers(of)
        last = of.junctions[-1]
        gathers = last.straddles and last.results_per_clock > 1
        self.gathering = Gathering(last, shape_of(of.numbers.activation)) if gathers else None
        lent = {"lent": In(1)} | {f"access_{j.number}": In(access_signature(of, j.number)) for j in of.junctions}
        super().__init__(
            {
                "samples": In(stream.Signature(sample_layout(of))),
                "results": Out(stream.Signature(result_layout(of))),
                "bus": In(bus_signature(of)),
                **(lent if lends else {}),
            }
        )

    @classmethod
    def of(cls, design: Design) -> "Accelerator":
        """The accelerator of a design.

        Raises
        ------
        InputError
            If the design has no hardware of this kind.
        """
        return cls(Plan.of(design))

    @property
    def latency(self) -> int:
        """Clocks from the beginning of the junction cycle that loads a sample to its first result, if nothing waits."""
        last = self.plan.junctions[-1]
        begins = (1 + last.forward_lag) * self.plan.period + last.timing.offset
        return begins + int(last.group_clocks[0]) + last.timing.feedforward + self.queue.latency

    @property
    def wait(self) -> int:
        """Clocks from the last beat of a sample to the first clock of the earliest junction cycle that can load it."""
        return self.loader.arrival + 1

    def model(self) -> AcceleratorModel:
        """What it computes, from the design's initial weights and biases on."""
        return AcceleratorModel(self.plan, [junction.model() for junction in self.junctions])

    @cached_property
    def named(self) -> dict[str, Any]:
        """Signals that a user may want to find in the Verilog, by their names in the design: all write ports, and pace."""
        result: dict[str, Any] = {"advance": self.pacer.advance, "standing": self.pacer.standing, "clock": self.pacer.clock}
        for i, unit in enumerate(self.junctions, 1):
            result |= {f"junction {i} {name}": s for name, s in unit.write_ports.items()}
        return {name: s for name, s in result.items() if len(Value.cast(s))}

    def properties(self, p: Monitor) -> None:
        """What the parts assume of each other is kept, and no word is read while it is written."""
        AcceleratorProperties(self.plan, self).state(p)

    def elaborate(self, platform: object) -> Module:
        m, of = Module(), self.plan
        pacer, loader, queue, registers = self.pacer, self.loader, self.queue, self.registers
        m.submodules.pacer, m.submodules.loader = pacer, loader
        m.submodules.queue, m.submodules.registers = queue, registers
        connect(m, flipped(self.samples), loader.samples)
        connect(m, queue.results, flipped(self.results))
        connect(m, flipped(self.bus), registers.bus)
        for j, unit in enumerate(self.junctions, 1):
            m.submodules[f"junction_{j}"] = unit
        first, last = self.junctions[0], self.junctions[-1]

        advance = pacer.advance
        for i, (plan, unit) in enumerate(zip(of.junctions, self.junctions, strict=True)):
            before = of.junctions[i - 1].timing.offset if i else 0
            advance = delayed(m, advance, plan.timing.offset - before, f"advance_{i + 1}", valid=True)
            m.d.comb += [
                unit.advance.eq(advance),
                getattr(registers, f"saturation_{i + 1}").eq(unit.saturation),
            ]
            self._access(m, i + 1, unit.access)
        m.d.comb += first.forward_in.eq(loader.entering)
        connect(m, loader.writes, first.inputs)
        for unit, behind in zip(self.junctions[:-1], self.junctions[1:], strict=True):
            connect(m, unit.results, behind.inputs)
            m.d.comb += behind.forward_in.eq(unit.forward_out)
            if of.trains:
                connect(m, unit.partial_in, behind.partial_out)
                m.d.comb += unit.backward_in.eq(behind.backward_out)
        m.d.comb += [
            loader.advance.eq(~pacer.waits),
            loader.rate.eq(registers.rate),
            loader.rate_fixed.eq(registers.rate_fixed),
            queue.reserve.eq(~pacer.waits),
            registers.standing.eq(pacer.standing),
            registers.cycle.eq(pacer.advance),
            registers.sample.eq(pacer.advance & loader.entering.valid),
            registers.result.eq(queue.taken),
            registers.illegal_kappa.eq(pacer.advance & loader.illegal_kappa),
            registers.illegal_label.eq(pacer.advance & loader.illegal_label),
        ]
        # Between two cycles there can only be more room and more samples: what was permitted still is when the cycle begins.
        filled = loader.complete | ~registers.no_bubbles
        m.d.comb += pacer.go.eq(registers.run & filled & (queue.room | ~queue.due))
        self._results(m, last)
        self._occupancy(m)
        return m

    def _access(self, m: Module, number: int, access: Any) -> None:
        """Weights and biases of a junction are the bus', unless they are lent."""
        own = getattr(self.registers, f"access_{number}")
        if not self.lends:
            connect(m, own, access)
            return
        other = getattr(self, f"access_{number}")
        m.d.comb += [access.strobe.eq(own.strobe | other.strobe), own.read_word.eq(access.read_word)]
        m.d.comb += other.read_word.eq(access.read_word)
        for name in ("write", "bias", "row", "lane", "word"):
            m.d.comb += getattr(access, name).eq(Mux(self.lent, getattr(other, name), getattr(own, name)))

    def _results(self, m: Module, last: Junction) -> None:
        """From the last junction to the queue, in whole groups."""
        queue, gathering = self.queue, self.gathering
        valid, ends, words, late = last.results.valid, last.last, last.results.data, 0
        if gathering is not None:
            m.submodules.gathering = gathering
            m.d.comb += [
                gathering.valid.eq(valid),
                gathering.ends.eq(ends),
                gathering.phase.eq(last.results.phase),
                gathering.given.eq(words),
            ]
            valid, ends, words, late = gathering.full, gathering.last, gathering.taken, gathering.late
        m.d.comb += [
            queue.valid.eq(valid),
            queue.last.eq(ends),
            queue.outputs.eq(words),
            queue.prediction.eq(delayed(m, last.prediction, late, "prediction")),
            queue.tag.eq(delayed(m, last.tag, late, "tag")),
        ]

    def _occupancy(self, m: Module) -> None:
        """Which junction cycles hold a sample: for the results to come, and to know when the pipe is empty."""
        of, entering = self.plan, self.loader.entering
        lag = of.junctions[-1].forward_lag
        cycles = 1 + (of.hops.drain(len(of.junctions)) if of.trains else lag)
        self.entered = entered = Signal(max(cycles, lag, 1))
        with m.If(self.pacer.advance):
            m.d.sync += entered.eq((entered << 1) | entering.valid)
        # A clock late: a sample that has come in is known of before a host that gave it can ask.
        empty = Signal(init=1)
        m.d.sync += empty.eq(~entered.any() & ~entering.valid & ~self.loader.waiting)
        m.d.comb += [
            self.queue.due.eq(entered[lag - 1] if lag else entering.valid),
            self.registers.empty.eq(empty),
        ]
