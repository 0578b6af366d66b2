"""From a configuration to the objects that compute: patterns, network, parameters, samples, engines."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwsim import random_streams
from hwsim.configuration import data_fit, given_files
from hwsim.configuration.configuration import Configuration
from hwsim.machine.log import Log
from hwsim.machine.machine import Machine, check_machine
from hwsim.random_streams import Stream
from hwsim.schedule.banks import Banks
from hwsim.schedule.inventory import Inventory, inventory
from hwsim.schedule.outline import Outline, outline
from hwsim.schedule.passes import Schedule, schedule
from hwsim.schedule.timing import Timing, timing
from models.connectivity.draw import ClashFree, draw_later
from models.connectivity.pattern import Pattern
from models.data import catalogue, selection
from models.data.dataset import Dataset, Split, padded, padded_positions
from models.data.pooling import pool
from models.data.selection import Inputs
from models.errors import InputError
from models.fixed.engine import FixedEngine
from models.fixed.ranges import Ranges
from models.floating.engine import FloatEngine
from models.floating.optimisers import Optimiser, rate_scales
from models.network.network import Network
from models.network.parameters import IntegerParameters, Parameters, RealParameters, initialise
from models.numbers.stochastic import Generators

_log = logging.getLogger("hwsim")


@dataclass(frozen=True)
class Design:
    """A validated configuration and everything that follows from it alone; drawn once and kept.

    Attributes
    ----------
    config
        The configuration.

    Raises
    ------
    InputError
        By every attribute and method, for what can only be told from drawn patterns; :meth:`check` looks for all of that.

    Examples
    --------
    >>> from hwsim import load
    >>> design = Design(load("sim_configs/demo.yaml"))
    >>> [pattern.n_edges for pattern in design.patterns], design.timing.period
    ([4096, 1024], 34)
    >>> design.initial_integers.weights[0].dtype, design.machine().clock
    (dtype('int32'), 0)
    """

    config: Configuration

    @classmethod
    def of(cls, config: Configuration, patterns: Sequence[Pattern] | None = None, inputs: Inputs | None = None) -> "Design":
        """A design of which more is known than its configuration, as from an earlier run.

        Parameters
        ----------
        patterns
            In place of drawn ones.
        inputs
            int64 [n]: what ``data.select`` keeps, in place of what it would keep of the samples as they are.
        """
        design = cls(config)
        if patterns is not None:
            vars(design)["patterns"] = tuple(patterns)  # the property is computed at its first use unless it has a value
        if inputs is not None:
            vars(design)["kept_inputs"] = inputs
        return design

    @cached_property
    def kept_inputs(self) -> Inputs | None:
        """int64 [n]: what an earlier run has kept by ``data.select``; None for what the samples tell."""
        return None

    def generator(self, stream: Stream, *index: int) -> np.random.Generator:
        """The random numbers of one purpose; see :class:`hwsim.random_streams.Stream`."""
        return random_streams.generator(self.config.seed, stream, *index)

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        """One pattern per junction."""
        c, layers = self.config, self.config.network.layers
        if c.connectivity.file is not None:
            return given_files.patterns(c)
        return tuple(
            draw_later(
                c.connectivity.kind,
                layers[i],
                layers[i + 1],
                self.generator(Stream.CONNECTIVITY, i),
                d_out=c.out_degrees[i] if c.out_degrees else None,
                n_edges=c.edges[i],
                clash_free=self._clash_free(i),
            )
            for i in range(len(layers) - 1)
        )

    def _clash_free(self, i: int) -> ClashFree | None:
        """How junction ``i`` is drawn where there are edge processors."""
        c, h = self.config.connectivity, self.config.hardware
        return None if h is None else ClashFree(h.z[i], c.type, c.dither, c.seeds == "zero")

    @cached_property
    def network(self) -> Network:
        """Patterns, activations, cost and output neurons."""
        c = self.config
        outputs = padded_positions(c.classes, c.network.layers[-1], c.data.pad_outputs)
        return Network(self.patterns, c.network.activations, c.network.cost, outputs)

    @cached_property
    def _begins_with(self) -> Parameters:
        """Initial parameters as they are drawn, or as a file holds them."""
        t = self.config.training
        if t.init == "file":
            return given_files.parameters(self.config, self.network)
        return initialise(self.network, t.init, t.init_fan, t.init_bias, self.generator(Stream.INITIAL))

    @cached_property
    def initial_real(self) -> RealParameters:
        """Initial parameters of everything that computes in floating point (float64), whatever engine trains."""
        return self._begins_with.real(self.config.numbers.system)

    @cached_property
    def initial_integers(self) -> IntegerParameters:
        """Initial parameters of everything that computes in fixed point (int32), whatever engine trains."""
        return self._begins_with.quantise(self.config.numbers.system)

    @cached_property
    def generators(self) -> Generators | None:
        """Those of stochastic rounding, as they begin; None without it."""
        if not self.config.numbers.system.stochastic or self.config.hardware is None:
            return None
        return Generators.drawn(self.config.hardware.z, self.generator(Stream.ROUNDING))

    @property
    def initial(self) -> Parameters:
        """Initial parameters of the engine that trains, as a run's directory keeps them."""
        return self.initial_real if self.config.training.engine == "float" else self.initial_integers

    @property
    def integer_arrays(self) -> dict[str, np.ndarray]:
        """What everything that computes in fixed point begins with: parameters, and the generators if there are any."""
        return self.initial_integers.arrays() | (self.generators.arrays() if self.generators else {})

    @property
    def initial_arrays(self) -> dict[str, np.ndarray]:
        """What the engine that trains begins with, as ``initial.npz`` holds it."""
        return self.initial_real.arrays() if self.config.training.engine == "float" else self.integer_arrays

    @cached_property
    def schedule(self) -> Schedule:
        """Where every lane of the accelerator goes in every clock of a pass, verified.

        Raises
        ------
        InputError
            If there is no hardware.
        """
        return schedule(self.config, self.patterns)

    @cached_property
    def timing(self) -> Timing:
        """When the accelerator's results land, and the clocks of a junction cycle.

        Raises
        ------
        InputError
            If there is no hardware, or a result would be lost.
        """
        return timing(self.config, self._outline)

    @cached_property
    def _outline(self) -> Schedule | Outline:
        """As much of the schedule as timing and inventory need, which only structured patterns must be drawn to tell."""
        return vars(self).get("schedule") or outline(self.config, self.patterns)

    @cached_property
    def inventory(self) -> Inventory:
        """Figures of the hardware; those of a structured pattern depend on what was drawn.

        Raises
        ------
        InputError
            If there is no hardware.
        """
        stalls = self.config.connectivity.kind == "structured"
        return inventory(self.config, self._outline if stalls else None)

    def epoch_order(self, epoch: int, n: int) -> npt.NDArray[np.int64]:
        """In which order the ``n`` training samples enter in an epoch."""
        if not self.config.training.shuffle:
            return np.arange(n, dtype=np.int64)
        return self.generator(Stream.SHUFFLE, epoch).permutation(n)

    def check(self) -> None:
        """Prove that patterns can be drawn, that exact sums fit, that given parameters do, and that no latency is too long.

        Edges are drawn only where that cannot be told from degrees and seeds.

        Raises
        ------
        InputError
            If one of them is not so.
        """
        if self.config.training.engine != "float":
            Ranges.of(self.network, self.config.numbers.system)
            if self.config.training.init == "file":
                assert self.initial_integers
        if self.config.hardware is not None and self.config.out_degrees is not None:
            assert self.timing.period

    def machine(
        self,
        parameters: IntegerParameters | None = None,
        *,
        schedule: Schedule | None = None,
        timing: Timing | None = None,
        banks: Banks | None = None,
        enforce: bool = True,
        log: Log | None = None,
    ) -> Machine:
        """The cycle-level machine.

        Parameters
        ----------
        parameters
            Its initial integers, if not the design's.
        schedule, timing, banks
            In place of those that follow from the configuration; for experiments with broken ones.
        enforce
            See :class:`hwsim.machine.machine.Machine`.
        log
            Where accesses are recorded.

        Raises
        ------
        InputError
            If the design has no machine, or the parameters do not fit.
        """
        initial = self.initial_integers if parameters is None else parameters
        check_machine(self.config)
        made = Machine(
            self.config,
            self.network,
            initial,
            schedule or self.schedule,
            timing or self.timing,
            banks or Banks.of(self.config.hops, self.config.network.junctions),
            generators=self.generators,
            enforce=enforce,
        )
        made.log = log
        return made

    def reference(self) -> FixedEngine | FloatEngine:
        """The reference that trains, with its initial parameters; in fixed point if the machine trains."""
        return self.float_engine() if self.config.training.engine == "float" else self.fixed_engine()

    def fixed_engine(self) -> FixedEngine:
        """The fixed-point reference with its initial parameters."""
        return FixedEngine(
            self.network, self.config.numbers.system, self.initial_integers, self.config.hops, self.generators
        )

    def float_engine(self) -> FloatEngine:
        """The floating-point reference with its initial parameters."""
        t = self.config.training
        rate = t.learning_rate if t.learning_rate is not None else 1e-3 if t.optimiser == "adam" else 1.0
        optimiser = Optimiser(t.optimiser, rate=rate, decay=t.decay, momentum=t.momentum)
        scales = rate_scales(t.rate_scale, [p.density for p in self.patterns])
        return FloatEngine(self.network, self.initial_real, optimiser, t.l2, np.dtype(t.precision), scales=scales)

    def dataset(self, data_dir: Path | None = None) -> Dataset:
        """The data set of :meth:`unpadded`, inputs padded to layer 0; where they are too many, when they are asked for."""
        data, c = self.unpadded(data_dir), self.config

        def wide(split: Split) -> Split:
            return padded(split, c.network.layers[0], c.data.pad)

        return replace(data, train=wide(data.train), test=wide(data.test), validation=wide(data.validation))

    def unpadded(self, data_dir: Path | None) -> Dataset:
        """The data set, cut to the samples of an epoch.

        Raises
        ------
        InputError
            If it cannot be loaded or does not fit the network.
        """
        c = self.config
        if c.frontend is not None:
            rule = "makes the inputs: `hwsim frontend` trains both, `hwsim export-frontend` leaves a design without it"
            raise InputError("frontend.network", c.frontend.network, rule)
        known = data_fit.outline(c, data_dir) if c.data.name in catalogue.CATALOGUE else None
        if known is not None:
            data_fit.check_outline(c, known)  # before anything long
        data = catalogue.load(c.data.name, data_dir, c.seed, morse_options=data_fit.morse_options(c))
        data = pool(data, c.data.pool)
        data_fit.check_outline(c, data_fit.selected(c, catalogue.outline_of(data)))
        if c.data.validation:
            data = data.hold_out(c.data.validation)
        data = self._selected(data)
        return replace(data, train=data.train[: c.training.samples])

    def _selected(self, data: Dataset) -> Dataset:
        """With the inputs that are kept, which the first ``training.samples`` do not tell, but all there are to train on."""
        wanted = self.config.data.select
        if wanted is None:
            return data
        told = np.array(wanted.inputs) if wanted.inputs else selection.greatest(data.train, wanted.kept, wanted.by)
        if wanted.order == "blocks" and not wanted.inputs:
            assert data.image is not None
            told = selection.in_blocks(told, data.image)
        kept = told if self.kept_inputs is None else self.kept_inputs
        if not np.array_equal(told, kept):
            _log.warning(f"data.select: {data.name} no longer tells the {kept.size} inputs stored with this run, which stay")
        return selection.select(data, kept)
