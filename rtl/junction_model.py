"""What a junction computes in a pass, in exact integers: the composition of its components' models."""

from typing import NamedTuple

import numpy as np

from models.numbers.stochastic import stepped
from rtl.control.address import AddressGenerator
from rtl.control.dither import Dither
from rtl.plan.plan import JunctionPlan
from rtl.processors.backward import Backward
from rtl.processors.collection import Collection
from rtl.processors.delta import DeltaSource
from rtl.processors.feedforward import FeedForward
from rtl.processors.output_error import OutputError
from rtl.processors.prediction import Prediction
from rtl.processors.update import Update


class Processors(NamedTuple):
    """The components of a junction that compute; those of UP and BP only where there is UP and BP."""

    addresses: AddressGenerator
    to_lanes: Dither
    collection: Collection | None
    feedforward: FeedForward
    predicted: Prediction | None
    output: OutputError | None
    source: DeltaSource | None
    update: Update | None
    backward: Backward | None
    to_memories: Dither | None


class Fed(NamedTuple):
    """What FF makes of a sample: int64 [N_i] each, ``saturated`` bool."""

    preactivation: np.ndarray
    activation: np.ndarray
    derivative: np.ndarray
    saturated: np.ndarray


class JunctionModel:
    """The weights and biases of a junction, and what its passes make of samples.

    A junction cycle is :meth:`feedforward`, then :meth:`learn`: both read the weights as they stood at its start.

    Attributes
    ----------
    weights, biases
        int64 [C, z] and [N_i], integers of their formats; weights row by row, which is the order of the edges.
    random
        State of the generator of stochastic rounding; 0 without it.

    Examples
    --------
    The component in Amaranth's simulator: its left activations are written in one junction cycle, and fed in the next.

    >>> from amaranth.sim import Simulator
    >>> from hwsim import Design, load
    >>> from rtl.junction import Junction
    >>> from rtl.plan.plan import Plan
    >>> sizes = {"network.layers": [16, 8, 4], "network.out_degree": [2, 2], "network.classes": 4, "hardware.z": [8, 4]}
    >>> plan = Plan.of(Design(load("sim_configs/demo.yaml", sizes)))
    >>> junction, left, activations = Junction(plan, 1), np.arange(16), []
    >>> async def host(ctx):
    ...     ctx.set(junction.advance, 1)
    ...     await ctx.tick()
    ...     ctx.set(junction.advance, 0)
    ...     for group, inputs in enumerate(left.reshape(-1, plan.beat).tolist()):
    ...         ctx.set(junction.inputs.base, group * plan.beat // plan.inputs.memories)
    ...         first = group * plan.beat % plan.inputs.memories
    ...         ctx.set(junction.inputs.enable, ((1 << plan.beat) - 1) << first)
    ...         ctx.set(junction.inputs.phase, group % plan.inputs.phases)
    ...         ctx.set(junction.inputs.data, inputs)
    ...         await ctx.tick()
    ...     ctx.set(junction.inputs.enable, 0)
    ...     await ctx.tick().repeat(plan.period)
    ...     ctx.set(junction.forward_in, {"valid": 1})
    ...     ctx.set(junction.advance, 1)
    ...     await ctx.tick()
    ...     ctx.set(junction.advance, 0)
    ...     while len(activations) < 8:
    ...         (results,) = await ctx.tick().sample(junction.results.data).until(junction.results.valid)
    ...         activations.extend(results)
    >>> simulator = Simulator(junction)
    >>> simulator.add_clock(1e-6)
    >>> simulator.add_testbench(host)
    >>> simulator.run()
    >>> activations == junction.model().feedforward(left).activation.tolist()
    True
    """

    def __init__(
        self, j: JunctionPlan, processors: Processors, weights: np.ndarray, biases: np.ndarray, random: int = 0
    ) -> None:
        self._j, self._use = j, processors
        self.weights = np.asarray(weights, np.int64).reshape(j.rows, j.z)
        self.biases = np.asarray(biases, np.int64).copy()
        self.random = random
        # The word that every memory gives in every clock: left neuron q lies in memory q mod z at address q div z.
        self._word = processors.addresses.model(), np.arange(j.z)
        self._turn = np.arange(j.clocks) // (j.depth if j.sweeps else 1)

    def feedforward(self, left: np.ndarray) -> Fed:
        """FF of a sample, given its left activations [N_{i-1}]."""
        return Fed(*self._use.feedforward.model(self.weights, self._lanes(left), self.biases))

    def output_deltas(self, fed: Fed, label: int) -> np.ndarray:
        """Deltas [N_L] of the last layer."""
        assert self._use.output is not None
        return self._use.output.model(fed.activation, fed.derivative, label)[0]

    def prediction(self, fed: Fed) -> int:
        """The class that the last layer takes a sample for."""
        assert self._use.predicted is not None
        return self._use.predicted.model(fed.preactivation)

    def deltas(self, partial: np.ndarray, derivative: np.ndarray) -> np.ndarray:
        """Deltas [N_i] of a hidden layer, of its partial deltas and derivatives."""
        assert self._use.source is not None
        return self._use.source.model(partial, derivative)[0]

    def learn(self, left: np.ndarray, delta: np.ndarray, kappa: int) -> np.ndarray | None:
        """BP and UP of a sample.

        Parameters
        ----------
        left, delta
            Left activations [N_{i-1}], deltas [N_i].
        kappa
            Learning-rate shift.

        Returns
        -------
        int64 [N_{i-1}] or None
            Partial deltas of the left layer, by the weights from before; ``None`` in the first junction.
        """
        assert self._use.update is not None
        partial = self._partial(delta)
        self.weights, self.biases = self._use.update.model(
            self.weights, self._lanes(left), delta, self.biases, kappa, self._states()
        )
        return partial

    def _states(self) -> np.ndarray | None:
        """Of the generator, for every row of a sample; it is left as it stands behind the last."""
        if not self.random:
            return None
        states = []
        for _ in range(self._j.rows):
            states.append(self.random)
            self.random = stepped(self.random)
        return np.array(states, np.uint32)

    def _lanes(self, left: np.ndarray) -> np.ndarray:
        """[C, z]: the left activation of every lane."""
        by_memory = np.asarray(left).reshape(-1, self._j.z)[self._word]
        lanes = self._use.to_lanes.model(self._turn, by_memory)
        return lanes if self._use.collection is None else self._use.collection.model(lanes)

    def _partial(self, delta: np.ndarray) -> np.ndarray | None:
        if self._use.backward is None or self._use.to_memories is None:
            return None
        by_clock = self._use.backward.model(self.weights, delta)[self._j.schedule.row]
        products = self._use.to_memories.model(self._turn, by_clock)
        sums = np.zeros((self._j.depth, self._j.z), np.int64)
        np.add.at(sums, self._word, np.where(self._j.lane_of_memory >= 0, products, 0))
        return sums.ravel()
