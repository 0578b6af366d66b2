"""The configuration of one design: what a YAML file says, validated and frozen.

Reading and writing files is in :mod:`hwsim.configuration.config_file`.
"""

from typing import Any, Self

from pydantic import ValidationError, model_validator

from hwsim.configuration import rules, scatter_windows
from hwsim.configuration.messages import told
from hwsim.configuration.sections import DefaultData, Settings
from models.errors import InputError
from models.network.order import FLUSH, OVERLAP, SEQUENTIAL, Hops


class Configuration(Settings):
    """A whole design; from it come the reference, the machine and the hardware.

    :func:`hwsim.configuration.config_file.load` reads one, :func:`hwsim.configuration.config_file.parse` makes one of plain
    data, :func:`hwsim.configuration.config_file.changed` one of another. All are immutable, and equal designs are equal
    objects. What every key means and which values it may have: ``hwsim schema``.

    Parameters
    ----------
    sections
        By name; plain dictionaries, as a file has them. All but ``network`` may be left out.

    Attributes
    ----------
    schema_version, name, seed
        1; of the design; of all random numbers, 0 .. 2**63 - 1.
    network
        Layers, degrees or densities, activations, cost.
    connectivity
        Which edges exist.
    numbers
        Fixed-point formats and roundings.
    hardware
        Edge processors per junction, latencies in clocks, schedule; None if there is none.
    training
        Engine, order, epochs, samples, learning rate, initial parameters.
    data
        Which data set, how it is padded, how many samples are held out.
    frontend
        Convolutions in front of the network; None if there are none.
    scatter
        Windows by which patterns are judged.

    Raises
    ------
    InputError
        For every violated rule.

    Examples
    --------
    >>> config = Configuration(network={"layers": [16, 8, 4], "density": [0.25, 0.5]}, hardware={"z": [8, 4]}, seed=5)
    >>> config.network.out_degree, config.edges, config.training.epochs
    ((2, 2), (32, 16), 15)
    """

    def __init__(self, /, **sections: Any) -> None:
        try:
            super().__init__(**sections)
        except ValidationError as e:
            raise told(e, Settings) from None
        except (RecursionError, OverflowError) as e:
            raise InputError("configuration", None, f"cannot be understood: {e}") from None

    @model_validator(mode="after")
    def _check(self) -> Self:
        rules.check_design(self)
        scatter_windows.check(self)
        return self._normalised()

    def _normalised(self) -> Self:
        """Equal designs are equal objects, however their degrees and classes were given."""
        resolved: dict[str, Any] = {"classes": self.classes}
        if self.out_degrees is not None:
            resolved |= {"out_degree": self.out_degrees, "density": None}
        data = self.data if self.data.model_fields_set else DefaultData()
        # The validator of a frozen model must return the model itself.
        vars(self).update(network=self.network.model_copy(update=resolved), data=data)
        return self

    @property
    def states_data(self) -> bool:
        """Whether a data set was given, or is only the default."""
        return not isinstance(self.data, DefaultData)

    @property
    def kappa_bits(self) -> int:
        """Bits of a learning-rate shift on the stream of samples: some of what they can say may be illegal."""
        return max(1, self.kappa_range[1].bit_length())

    @property
    def label_bits(self) -> int:
        """Bits of a label on the streams of samples and results."""
        return max(1, (self.classes - 1).bit_length())

    @property
    def hops(self) -> Hops:
        """The order of training as hops."""
        return SEQUENTIAL if self.training.order == "sequential" else self.hardware_hops

    @property
    def hardware_hops(self) -> Hops:
        """The order in which the accelerator works, whichever the engines are told to follow."""
        return OVERLAP if self.hardware and self.hardware.schedule == "overlap" else FLUSH

    def notes(self) -> list[str]:
        """What the configuration says that has no effect here; nothing is ignored silently."""
        return rules.ineffective(self)
