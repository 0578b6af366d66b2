"""From a configuration to the objects that compute: patterns, network, parameters, samples, engines."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwsim import data_fit, given_files
from hwsim.accelerator import Accelerator, accelerator
from hwsim.config import Configuration
from hwsim.schedule import schedule
from models import connectivity
from models.data import catalogue
from models.data.dataset import Dataset, Split, pad, padded_positions
from models.errors import InputError
from models.fixed_engine import FixedEngine
from models.float_engine import FloatEngine
from models.network import IntegerParameters, Network, Parameters, RealParameters, initialise
from models.optimisers import Optimiser
from models.pattern import Pattern

# Purposes of random draws: each has a stream of its own, so that changing how much one draws leaves the others alone.
_CONNECTIVITY, _INITIAL, _SHUFFLE, DISTURBANCES = 0, 1, 2, 3


@dataclass(frozen=True)
class Design:
    """A validated configuration and everything that follows from it alone; drawn once and kept."""

    config: Configuration

    def generator(self, *purpose: int) -> np.random.Generator:
        """The random stream of one purpose."""
        return np.random.default_rng(np.random.SeedSequence(self.config.seed, spawn_key=purpose))

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        """One pattern per junction."""
        c, layers = self.config, self.config.network.layers
        if c.connectivity.file is not None:
            return given_files.patterns(c)
        return tuple(
            connectivity.draw(
                c.connectivity.kind,
                layers[i],
                layers[i + 1],
                self.generator(_CONNECTIVITY, i),
                d_out=c.out_degrees[i] if c.out_degrees else None,
                n_edges=c.edges[i],
                clash_free=self._clash_free(i),
            )
            for i in range(len(layers) - 1)
        )

    def _clash_free(self, i: int) -> connectivity.ClashFree | None:
        """How junction ``i`` is drawn where there are edge processors."""
        c, h = self.config.connectivity, self.config.hardware
        return None if h is None else connectivity.ClashFree(h.z[i], c.type, c.dither, c.seeds == "zero")

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
        return initialise(self.network, t.init, t.init_fan, t.init_bias, self.generator(_INITIAL))

    @cached_property
    def initial_real(self) -> RealParameters:
        """Initial parameters of everything that computes in floating point (float64), whatever engine trains."""
        return self._begins_with.real(self.config.numbers.system)

    @cached_property
    def initial_integers(self) -> IntegerParameters:
        """Initial parameters of everything that computes in fixed point (int32), whatever engine trains."""
        return self._begins_with.quantise(self.config.numbers.system)

    @property
    def initial(self) -> Parameters:
        """Initial parameters of the engine that trains, as a run's directory keeps them."""
        return self.initial_real if self.config.training.engine == "float" else self.initial_integers

    @cached_property
    def accelerator(self) -> Accelerator:
        """Figures of the hardware; those of a structured pattern depend on what was drawn.

        Raises
        ------
        InputError
            If there is no hardware.
        """
        stalls = self.config.connectivity.kind == "structured"
        return accelerator(self.config, schedule(self.config, self.patterns) if stalls else None)

    def epoch_order(self, epoch: int, n: int) -> npt.NDArray[np.int64]:
        """In which order the ``n`` training samples enter in an epoch."""
        if not self.config.training.shuffle:
            return np.arange(n, dtype=np.int64)
        return self.generator(_SHUFFLE, epoch).permutation(n)

    def fixed_engine(self) -> FixedEngine:
        """The fixed-point reference with its initial parameters."""
        return FixedEngine(self.network, self.config.numbers.system, self.initial_integers, self.config.hops)

    def float_engine(self) -> FloatEngine:
        """The floating-point reference with its initial parameters."""
        t = self.config.training
        rate = t.learning_rate if t.learning_rate is not None else 1e-3 if t.optimiser == "adam" else 1.0
        optimiser = Optimiser(t.optimiser, rate=rate, decay=t.decay, momentum=t.momentum)
        return FloatEngine(self.network, self.initial_real, optimiser, t.l2, np.dtype(t.precision))

    def dataset(self, data_dir: Path | None) -> Dataset:
        """The data set of :meth:`unpadded`, inputs padded to layer 0."""
        data, c = self.unpadded(data_dir), self.config

        def padded(split: Split) -> Split:
            return Split(pad(split.inputs, c.network.layers[0], c.data.pad), split.labels)

        return replace(data, train=padded(data.train), test=padded(data.test), validation=padded(data.validation))

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
        data_fit.check_outline(c, catalogue.outline_of(data))
        if c.data.validation:
            data = data.hold_out(c.data.validation)
        return replace(data, train=data.train[: c.training.samples])
