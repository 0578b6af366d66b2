"""A junction: weights, the memories on its left, and the FF, BP and UP processors that work on one weight row a clock."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.design import Design
from rtl.blocks.arithmetic import shape_of
from rtl.blocks.choose import lookup
from rtl.blocks.count import count
from rtl.blocks.delay import delayed
from rtl.blocks.properties import Monitor
from rtl.blocks.ram import RamOptions
from rtl.control.address import AddressGenerator
from rtl.control.dither import Dither
from rtl.control.position import BankCounter, ended, slot_groups
from rtl.control.samples import samples_at_work
from rtl.control.sequencer import Sequencer
from rtl.junction_model import JunctionModel, Processors
from rtl.junction_properties import JunctionProperties
from rtl.memories.interleaved import InterleavedMemory
from rtl.memories.partial_deltas import Loop, PartialDeltaMemory
from rtl.memories.row import RowMemory, row_words
from rtl.plan.plan import Plan
from rtl.plan.signatures import (
    access_signature,
    enables,
    inputs_signature,
    partial_signature,
    results_signature,
    saturation_layout,
    tag_layout,
)
from rtl.plan.widths import back_drop, back_product_shape, partial_shape
from rtl.ports import row_access
from rtl.processors.backward import Backward
from rtl.processors.collection import Collection
from rtl.processors.delta import DeltaSource
from rtl.processors.feedforward import FeedForward
from rtl.processors.output_error import OutputError
from rtl.processors.prediction import Prediction
from rtl.processors.update import Update


class Junction(wiring.Component):
    """One junction of the accelerator.

    Latency (:class:`hwsim.schedule.timing.JunctionTiming`): ``feedforward`` clocks from a row to its results,
    ``backward`` to the accumulation of its partial deltas, ``update`` to its new weights. Throughput one row per clock.

    Ports
    -----
    advance : in, 1
        Begins a junction cycle: the pass starts in the next clock.
    forward_in : in, tag
        The sample for FF in the cycle that begins.
    forward_out : out, tag
        The same, for the next junction a junction cycle later.
    inputs : in, interface inputs_signature, if first
        Writes into the left activation memories, from the host.
    inputs : in, interface results_signature, if not first
        Writes into the left activation memories, from the junction before.
    results : out, interface results_signature
        Writes for the next layer.
    tag : out, tag
        Their sample.
    group : out, bits(G)
        Group of the first of their right neurons.
    last : out, 1
        They are the sample's last ones.
    access : in, interface access_signature
        Weights and biases for the bus.
    saturation : out, 4 * bits(max(z, q) + 1)
        Numbers clipped in this clock: pre-activations, deltas, weights, biases.
    backward_in : in, tag, if trains and not last
        The sample for BP and UP in the cycle that begins.
    backward_out : out, tag, if trains
        The same, for the junction before.
    partial_in : out, interface partial_signature, if trains and not last
        Reads finished partial deltas of the junction behind.
    partial_out : in, interface partial_signature, if trains and not first
        Gives finished partial deltas to the junction before.
    prediction : out, bits(classes), if last
        The class that the sample is taken for, valid with ``last``.
    """

    def __init__(self, of: Plan, number: int) -> None:
        assert of.config.hardware is not None
        self._of, self._j = of, of.junctions[number - 1]
        j, stages = self._j, of.config.hardware.latency
        self._read, self._wait = stages.memory_read, stages.write_back
        left_of = of.inputs if number == 1 else of.junctions[number - 2].right
        n, tag = of.numbers, tag_layout(of)
        ports: dict[str, Any] = {
            "advance": In(1),
            "forward_in": In(tag),
            "forward_out": Out(tag),
            "inputs": In(inputs_signature(of) if number == 1 else results_signature(of, number - 1)),
            "results": Out(results_signature(of, number)),
            "tag": Out(tag),
            "group": Out(range(j.groups)),
            "last": Out(1),
            "access": In(access_signature(of, number)),
            "saturation": Out(saturation_layout(j)),
        }
        if of.trains:
            ports |= {"backward_out": Out(tag)}
            if not j.is_last:
                ports |= {"backward_in": In(tag), "partial_in": Out(partial_signature(of, number))}
            if number > 1:
                ports |= {"partial_out": In(partial_signature(of, number - 1))}
        if j.is_last:
            ports |= {"prediction": Out(range(of.design.network.classes))}
        super().__init__(ports)

        # By what they are of, once the junction has been elaborated: the bank at work, and how many there are.
        self.banks: dict[str, Signal] = {}
        self.bank_counts: dict[str, int] = {}
        self.sequencer = Sequencer(j)
        self.addresses = AddressGenerator(j, of.config.hardware.address)
        readers = ("feedforward", "update") if of.trains else ("feedforward",)
        initial, hardware = of.design.initial_integers, of.config.hardware
        size = RamOptions(stages=self._read, lut_ram_depth=hardware.lut_ram_depth)
        self.left = InterleavedMemory(left_of, shape_of(j.left), j.left_banks, readers, **size)
        weights = initial.weights[number - 1].reshape(j.rows, j.z)
        self.weights = RowMemory(shape_of(n.weight), j.z, j.rows, init=row_words(weights, n.weight.width), **size)
        biases = row_words(j.by_group(initial.biases[number - 1]), n.bias.width)
        # Where neurons straddle rows, those that end or begin in one may be of two groups.
        rows: dict[str, Any] = {"lanes": j.results_per_clock, "depth": j.groups, "apart": j.straddles}
        self.biases = RowMemory(shape_of(n.bias), init=biases, **rows, **size)
        self.to_lanes = {reader: Dither(j, shape_of(j.left), to_lanes=True) for reader in readers}
        self.collections = {reader: Collection(j, shape_of(j.left)) for reader in readers if j.stalls}
        self.feedforward = FeedForward(of, j)
        self.output = OutputError(of, min(1, self.feedforward.ahead)) if j.is_last and of.trains else None
        # The prediction goes out with the results, and begins as early as it can.
        self.predicted = Prediction(of, self.feedforward.ahead + self._wait) if j.is_last else None
        if not of.trains:
            return
        self.update = Update(of, j)
        self.source = DeltaSource(of, j)
        if j.is_last:
            self.deltas = RowMemory(shape_of(n.delta), banks=j.delta_banks, **rows, **size)
        else:
            self.derivatives = RowMemory(shape_of(n.derivative), banks=j.derivative_banks, **rows, **size)
        if number > 1:
            self.backward = Backward(of, j)
            self.back_addresses = AddressGenerator(j, self.addresses.form)
            self.to_memories = Dither(j, back_product_shape(of), to_lanes=False)
            # The accumulators of the left layer lie where the products arise. A product that waits is known of before.
            clocks = j.timing.accumulate
            # Of two registers in front of a write port, one stands behind the sum.
            ahead, behind = min(self._wait, 1) if clocks == 1 else 0, int(self._wait > 1)
            loop = Loop(clocks, ahead, j.schedule.revisit_distance, behind, max(0, -back_drop(of)))
            self.partials = PartialDeltaMemory(
                of.junctions[number - 2].fresh,
                back_product_shape(of),
                partial_shape(of, j),
                j.partial_banks,
                loop,
                apart=not j.sweeps,
                **size,
            )

    @classmethod
    def of(cls, design: Design, number: int) -> "Junction":
        """The junction of a design that joins layer ``number`` - 1 to layer ``number``.

        Raises
        ------
        InputError
            If the design has no hardware of this kind.
        """
        return cls(Plan.of(design), number)

    @property
    def latency(self) -> int:
        """Clocks from the first row of a pass to the write of its first results."""
        return int(self._j.end_clock(0)) + self._j.timing.feedforward

    def properties(self, p: Monitor) -> None:
        """Every access goes to the word that the pattern says, in depth, and in a clock in which its port is free."""
        JunctionProperties(self._of, self._j, self).state(p)

    def model(self) -> JunctionModel:
        """What its passes compute, from the design's initial weights and biases on."""
        parts = {name: getattr(self, name, None) for name in ("source", "update", "backward", "to_memories")}
        processors = Processors(
            addresses=self.addresses,
            to_lanes=self.to_lanes["feedforward"],
            collection=self.collections.get("feedforward"),
            feedforward=self.feedforward,
            predicted=self.predicted,
            output=self.output,
            **parts,
        )
        initial, drawn, i = self._of.design.initial_integers, self._of.design.generators, self._j.number - 1
        random = 0 if drawn is None else int(drawn.states[i])
        return JunctionModel(self._j, processors, initial.weights[i], initial.biases[i], random)

    @property
    def write_ports(self) -> dict[str, Any]:
        """Enable, address, word (and bank) of every memory's write port, by memory and role."""
        rows = {"weights": self.weights, "biases": self.biases}
        if self._of.trains:
            rows |= {"deltas": self.deltas} if self._j.is_last else {"derivatives": self.derivatives}
        result = {
            f"{name} {role}": getattr(memory, f"write_{role}")
            for name, memory in rows.items()
            for role in ("enable", "bank", "address", "data")
        }
        interleaved: dict[str, Any] = {"left activations": self.left}
        if self._of.trains and self._j.number > 1:
            interleaved["left partial deltas"] = self.partials
        for name, memory in interleaved.items():
            result |= {f"{name} {role}": getattr(memory, role) for role in ("enable", "target", "word")}
        return result

    def elaborate(self, platform: object) -> Module:
        m, j, of = Module(), self._j, self._of
        m.submodules.sequencer = seq = self.sequencer
        m.d.comb += seq.advance.eq(self.advance)
        returning = None if j.is_last or not of.trains else self.backward_in
        at_work = samples_at_work(m, of, j, self.advance, self.forward_in, returning)
        self.forward = at_work.forward
        m.d.comb += self.forward_out.eq(at_work.forward_next)
        # FF and UP work on whole rows, BP on what the memories can take.
        active = seq.active & seq.complete if j.stalls else seq.active
        feeding = Signal()
        learning = Signal()
        m.d.comb += [feeding.eq(active & at_work.feeds), learning.eq(active & at_work.learns)]
        accumulating: Any = learning
        if j.stalls:
            accumulating = Signal(name="accumulating")
            m.d.comb += accumulating.eq(seq.active & at_work.learns)
        # The rows: weights and biases belong to the bus while nothing is active.
        bus = row_access.asked(m, of, self.access)
        m.submodules.weights, m.submodules.biases = self.weights, self.biases
        self._at = row_access.address(m, seq, self.access)
        groups = slot_groups(m, j.right, self._at["group"], self._at["phase"])
        m.d.comb += [self.weights.read_address.eq(self._at["row"]), Value.cast(self.biases.read_address).eq(groups)]
        # Where memories have output registers, what the bus reads comes out of registers behind them: rows are wide, and lie
        # anywhere.
        keeps = self._keeps = int(self._read > 1)
        self._kept = [delayed(m, x.read_data, keeps, f"{n}_1") for n, x in (("weight", self.weights), ("bias", self.biases))]
        row_access.read_back(m, self.access, bus, self._kept, keeps + self._read, row_access.picking(of.lanes))
        bank = {
            "feedforward": self._bank(m, "left_forward", j.left_banks, j.forward_lag),
            "update": self._bank(m, "left_backward", j.left_banks, j.backward_lag),
        }
        m.submodules.left_memory, m.submodules.addresses = self.left, self.addresses
        written = ("enable", "bank", "base", "phase", "data")
        m.d.comb += [getattr(self.left, f"write_{name}").eq(getattr(self.inputs, name)) for name in written]
        m.d.comb += [
            self.addresses.active.eq(seq.active),
            self.addresses.clock.eq(seq.clock),
            self.addresses.sweep.eq(seq.sweep),
            self.addresses.step.eq(seq.step),
            self.left.read_address.eq(self.addresses.address),
        ]
        self.turn = seq.sweep if j.sweeps else seq.clock
        turn = delayed(m, self.turn, self._read, "turn")
        lanes = {}
        for reader, dither in self.to_lanes.items():
            m.submodules[f"{reader}_lanes"] = dither
            m.d.comb += [
                getattr(self.left, f"{reader}_bank").eq(bank[reader]),
                dither.given.eq(getattr(self.left, f"{reader}_data")),
                dither.turn.eq(turn),
            ]
            lanes[reader] = dither.taken
            if j.stalls:
                m.submodules[f"{reader}_row"] = collection = self.collections[reader]
                m.d.comb += [collection.clock.eq(turn), collection.given.eq(dither.taken)]
                lanes[reader] = collection.taken
        self._feed(m, feeding, self.forward[0], lanes["feedforward"])
        if of.trains:
            m.d.comb += self.backward_out.eq(at_work.backward_next)
            self._learn(m, learning, bus, at_work.backward, lanes["update"])
            if j.number > 1:
                self._propagate(m, accumulating)
        else:
            m.d.comb += self.weights.write_address.eq(self._late_rows(m, keeps + self._read))
            row_access.load(m, bus, self.weights, self.biases, self._kept, keeps + self._read)
        return m

    def _bank(self, m: Module, name: str, banks: int, lag: int) -> Signal:
        counter = BankCounter(banks, lag)
        self.banks[name], self.bank_counts[name] = counter.bank, banks
        m.submodules[f"{name}_bank"] = counter
        m.d.comb += counter.advance.eq(self.advance)
        return counter.bank

    def _routed(self, m: Module, clocks: int, name: str) -> Any:
        """The row's phase, so many clocks later, where lanes are routed by it."""
        return delayed(m, self.sequencer.phase, clocks, name) if self._j.straddles else Const(0, 0)

    def _feed(self, m: Module, feeding: Signal, forward: Any, left: Any) -> None:
        """FF: from the row to the writes of its results."""
        of, j, seq, ff = self._of, self._j, self.sequencer, self.feedforward
        m.submodules.feedforward = ff
        m.d.comb += [
            ff.valid.eq(delayed(m, feeding, self._read, "feeding", valid=True)),
            ff.begins.eq(delayed(m, seq.begins, self._read, "begins")),
            ff.ends.eq(delayed(m, seq.ends, self._read, "ends")),
            ff.weight.eq(self.weights.read_data),
            ff.left.eq(left),
            ff.bias.eq(self.biases.read_data),
            ff.phase.eq(self._routed(m, self._read, "phase_forward")),
        ]
        late = self._read + ff.latency
        # What is known of the neurons before their activations are.
        early_tag, early_group, early_phase = (
            delayed(m, x, late - ff.ahead, f"early_{n}")
            for x, n in ((forward, "tag"), (seq.group, "group"), (seq.phase, "phase"))
        )
        tag, group, phase = (
            delayed(m, x, ff.ahead, n) for x, n in ((early_tag, "tag"), (early_group, "group"), (early_phase, "phase"))
        )
        base = delayed(m, seq.base, late, "base")
        next_bank = delayed(m, self._bank(m, "right_forward", j.next_banks, j.forward_lag), late, "next_bank")
        wait, out = self._wait, self.results

        def written(x: Any, name: str, valid: bool = False) -> Any:
            return delayed(m, x, wait, f"written_{name}", valid=valid)

        done = written(ff.done, "done", valid=True)
        # As long as there is a register in between, it has what enables the memories.
        ahead = min(wait, 1)
        known = delayed(m, ff.done, wait - ahead, "done_ahead", valid=True), delayed(m, phase, wait - ahead, "phase_ahead")
        m.d.comb += [
            out.valid.eq(done),
            out.enable.eq(delayed(m, enables(j.right, known[0], Const(0), known[1]), ahead, "written_enable", valid=True)),
            out.bank.eq(written(next_bank, "bank")),
            out.base.eq(written(base, "base")),
            out.phase.eq(written(phase, "phase")),
            out.data.eq(written(ff.activation, "activation")),
            self.group.eq(written(group, "group")),
            self.tag.eq(written(tag, "tag")),
            self.last.eq(self.group == j.ending[0]),
            self.saturation[0].eq(count(m, "preactivations", ff.saturated, ff.done)),
        ]
        if j.straddles:
            m.d.comb += self.last.eq((self.group == j.ending[0]) & (out.phase == j.ending[1]))
        if self.predicted is not None:
            m.submodules.predicted = predicted = self.predicted
            m.d.comb += [
                predicted.valid.eq(ff.early),
                predicted.group.eq(early_group),
                predicted.phase.eq(early_phase),
                predicted.preactivation.eq(ff.preactivation),
                self.prediction.eq(delayed(m, predicted.prediction, ff.ahead + wait - predicted.latency, "prediction")),
            ]
        if self.output is not None:
            m.submodules.output_error = error = self.output
            place = {"group": early_group, "label": early_tag.label} | ({"phase": early_phase} if j.straddles else {})
            for name, x in place.items():
                m.d.comb += getattr(error, name).eq(delayed(m, x, ff.ahead - error.ahead, f"place_{name}"))
            m.d.comb += [error.activation.eq(ff.activation), error.derivative.eq(ff.derivative)]
        if not of.trains:
            return
        if self.output is None:
            store, words = self.derivatives, ff.derivative
            banks, lag, keep = j.derivative_banks, j.forward_lag, done
            m.submodules.derivatives = store
        else:
            store, words = self.deltas, self.output.delta
            banks, lag, keep = j.delta_banks, j.forward_lag, done & self.tag.train
            m.submodules.deltas = store
        store_bank = delayed(m, self._bank(m, "store_forward", banks, lag), late, "store_bank")
        m.d.comb += [
            store.write_enable.eq(ended(j, keep, out.phase)),
            Value.cast(store.write_address).eq(slot_groups(m, j.right, self.group, out.phase)),
            Value.cast(store.read_address).eq(slot_groups(m, j.fresh, seq.group, seq.phase)),
            store.write_bank.eq(written(store_bank, "store_bank")),
            store.write_data.eq(written(words, "stored")),
            store.read_bank.eq(self._bank(m, "store_backward", banks, j.backward_lag)),
        ]
        if self.output is not None:
            m.d.comb += self.saturation[1].eq(count(m, "deltas", self.output.saturated, ff.done & tag.train))

    def _learn(self, m: Module, learning: Signal, bus: row_access.Asked, back: Any, left: Any) -> None:
        """BP and UP: from the row to partial deltas, new weights and new biases."""
        j, seq = self._j, self.sequencer
        source, update, n_read = self.source, self.update, self._read
        m.submodules.source, m.submodules.update = source, update
        valid = delayed(m, learning, n_read, "learning", valid=True)
        phase = self._routed(m, n_read, "phase_back")
        m.d.comb += [
            source.valid.eq(valid),
            source.begins.eq(delayed(m, seq.begins, n_read, "begins_back")),
            source.phase.eq(phase),
        ]
        if j.stalls:
            m.d.comb += source.complete.eq(delayed(m, seq.complete, n_read, "complete"))
        if j.is_last:
            m.d.comb += source.stored.eq(self.deltas.read_data)
        else:
            m.d.comb += [
                self.partial_in.bank.eq(self._bank(m, "right_backward", j.delta_banks, j.backward_lag)),
                self.partial_in.base.eq(seq.base),
                self.partial_in.phase.eq(seq.phase),
                source.partial.eq(self.partial_in.data),
                source.derivative.eq(self.derivatives.read_data),
                self.saturation[1].eq(count(m, "deltas", source.saturated, Const(1))),
            ]
        late = source.latency
        rows = [self.weights.read_data, self.biases.read_data]
        weight, bias = (
            delayed(m, kept, late - self._keeps, name) if late else row
            for row, kept, name in zip(rows, self._kept, ("weight_of_row", "bias_of_row"), strict=True)
        )
        routed = delayed(m, phase, late, "routed") if j.straddles else phase
        m.d.comb += [
            update.phase.eq(routed),
            update.valid.eq(delayed(m, valid, late, "updating", valid=True)),
            update.weight.eq(weight),
            update.left.eq(delayed(m, left, late, "left")),
            update.delta.eq(source.delta),
            update.bias.eq(bias),
            update.shift.eq(delayed(m, back.shift, n_read + late, "shift")),
        ]
        before_write = n_read + late + update.latency
        row_access.replace(m, bus, update, before_write)
        wait = self._wait - update.of_write_back
        to_write = before_write + wait
        # The enables come out of registers: they go to many RAMs.
        known, own = to_write - min(to_write, 1), min(to_write, 1)
        learned = delayed(m, learning, known, "learned", valid=True)
        replaced = delayed(m, bus.strobe & bus.write, known, "replaced", valid=True)
        replaced_bias = delayed(m, bus.bias, known, "replaced_bias")
        ends = delayed(m, seq.ends, known, "ends_back")
        new_biases = ended(j, learned & ends, self._routed(m, known, "phase_learned"))
        replaces_bias = (replaced & replaced_bias).replicate(self.biases.rams)
        new_row = learned | (replaced & ~replaced_bias)
        m.d.comb += [
            self.weights.write_enable.eq(delayed(m, new_row, own, "writes_weights", valid=True)),
            self.weights.write_address.eq(self._late_rows(m, to_write)),
            self.weights.write_data.eq(delayed(m, update.new_weight, wait, "new_weight")),
            self.biases.write_enable.eq(delayed(m, new_biases | replaces_bias, own, "writes_biases", valid=True)),
            self.biases.write_data.eq(delayed(m, update.new_bias, wait, "new_bias")),
        ]
        stepping = delayed(m, learning, before_write, "stepping", valid=True)
        ending = delayed(m, seq.ends, before_write, "ending")
        m.d.comb += [
            self.saturation[2].eq(count(m, "weights", update.weight_saturated, stepping)),
            self.saturation[3].eq(count(m, "biases", update.bias_saturated, stepping & ending)),
        ]
        if j.number > 1:
            m.d.comb += [
                self.backward.weight.eq(weight),
                self.backward.phase.eq(routed),
                self.backward.delta.eq(source.delta),
            ]

    def _late_rows(self, m: Module, clocks: int) -> Any:
        """Rows of weights to be written, so many clocks after they were read; the biases' addresses are set likewise."""
        row, *late = (delayed(m, at, clocks, f"written_{name}") for name, at in self._at.items())
        m.d.comb += Value.cast(self.biases.write_address).eq(slot_groups(m, self._j.right, *late))
        return row

    def _propagate(self, m: Module, accumulating: Signal) -> None:
        """BP: products into the accumulators of the left layer."""
        j, seq = self._j, self.sequencer
        m.submodules.backward, m.submodules.partials = backward, partials = self.backward, self.partials
        late = j.timing.backward - partials.loop.ahead - partials.loop.behind
        products = delayed(m, backward.product, self._wait - partials.loop.behind, "back_product")
        m.submodules.memory_products = dither = self.to_memories
        m.submodules.back_addresses = addresses = self.back_addresses
        bank = self._bank(m, "partial_backward", j.partial_banks, j.backward_lag)
        turn = delayed(m, self.turn, late, "back_turn")
        valid: Value = delayed(m, accumulating, late, "back_valid", valid=True)
        m.d.comb += [addresses.active.eq(valid), addresses.sweep.eq(turn if j.sweeps else 0)]
        if j.sweeps:
            first = delayed(m, seq.first, late, "back_first")
            m.d.comb += addresses.step.eq(delayed(m, seq.step, late, "back_step"))
        else:
            there, first = (
                Cat(lookup(turn, table.astype(int).tolist(), 1) for table in by_memory.T)
                for by_memory in (j.lane_of_memory >= 0, j.first_of_memory)
            )
            valid = there & valid.replicate(j.z)
        m.d.comb += [
            dither.given.eq(products),
            dither.turn.eq(delayed(m, turn, partials.loop.ahead, "product_turn")),
            addresses.clock.eq(delayed(m, seq.clock, late, "back_clock") if j.sweeps else turn),
            partials.valid.eq(valid),
            partials.first.eq(first),
            partials.bank.eq(delayed(m, bank, late, "back_bank")),
            partials.address.eq(addresses.address),
            partials.product.eq(dither.taken),
            partials.read_bank.eq(self.partial_out.bank),
            partials.read_base.eq(self.partial_out.base),
            partials.read_phase.eq(self.partial_out.phase),
            self.partial_out.data.eq(partials.read_data),
        ]
