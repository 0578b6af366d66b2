"""The accelerator: junctions in a row, streams at both ends, and a port for everything else."""

from functools import cached_property
from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hwsim.design import Design
from rtl.accelerator_model import AcceleratorModel
from rtl.delay import delayed
from rtl.junction import Junction
from rtl.pacer import Pacer
from rtl.plan import Plan
from rtl.registers import Registers, bus_signature
from rtl.streams import ResultQueue, SampleLoader, result_layout, sample_layout


class Accelerator(wiring.Component):
    """Trains, or only infers, a pre-defined sparse network.

    Throughput one sample per ``period`` clocks. Latency from the clock in which a sample begins to be loaded to its last
    result: see :class:`rtl.plan.Plan`.

    Attributes
    ----------
    samples, results
        Streams (:func:`rtl.streams.sample_layout`, :func:`rtl.streams.result_layout`).
    bus
        Memory-mapped port (:func:`rtl.registers.bus_signature`).
    """

    def __init__(self, of: Plan) -> None:
        self.plan = of
        self.junctions = [Junction(of, j.number) for j in of.junctions]
        self.pacer, self.loader = Pacer(of), SampleLoader(of)
        self.queue, self.registers = ResultQueue(of), Registers(of)
        super().__init__(
            {
                "samples": In(stream.Signature(sample_layout(of))),
                "results": Out(stream.Signature(result_layout(of))),
                "bus": In(bus_signature(of)),
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
        return begins + self.junctions[-1].latency + self.queue.latency

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
            connect(m, getattr(registers, f"access_{i + 1}"), unit.access)
        m.d.comb += first.forward_in.eq(loader.entering)
        connect(m, loader.writes, first.inputs)
        for unit, behind in zip(self.junctions[:-1], self.junctions[1:], strict=True):
            connect(m, unit.results, behind.inputs)
            m.d.comb += behind.forward_in.eq(unit.forward_out)
            if of.trains:
                connect(m, unit.partial_in, behind.partial_out)
                m.d.comb += unit.backward_in.eq(behind.backward_out)
        m.d.comb += [
            loader.advance.eq(pacer.advance),
            loader.rate.eq(registers.rate),
            loader.rate_fixed.eq(registers.rate_fixed),
            queue.valid.eq(last.results.valid),
            queue.last.eq(last.last),
            queue.outputs.eq(last.results.data),
            queue.prediction.eq(last.prediction),
            queue.tag.eq(last.tag),
            queue.reserve.eq(pacer.advance),
            registers.standing.eq(pacer.standing),
            registers.cycle.eq(pacer.advance),
            registers.sample.eq(pacer.advance & loader.entering.valid),
            registers.result.eq(queue.taken),
            registers.illegal_kappa.eq(pacer.advance & loader.illegal_kappa),
            registers.illegal_label.eq(pacer.advance & loader.illegal_label),
            pacer.go.eq(registers.run & (queue.room | ~queue.due)),
        ]
        self._occupancy(m)
        return m

    def _occupancy(self, m: Module) -> None:
        """Which junction cycles hold a sample: for the results to come, and to know when the pipe is empty."""
        of, entering = self.plan, self.loader.entering
        lag = of.junctions[-1].forward_lag
        cycles = 1 + (of.hops.drain(len(of.junctions)) if of.trains else lag)
        entered = Signal(max(cycles, lag, 1))
        with m.If(self.pacer.advance):
            m.d.sync += entered.eq((entered << 1) | entering.valid)
        m.d.comb += [
            self.queue.due.eq(entered[lag - 1] if lag else entering.valid),
            self.registers.empty.eq(~entered.any() & ~entering.valid & ~self.loader.waiting),
        ]
