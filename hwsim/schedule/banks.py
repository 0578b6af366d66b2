"""How many samples each memory holds at once, and which bank a sample has."""

from dataclasses import dataclass

from models.network.order import Hops


@dataclass(frozen=True)
class Banks:
    """Bank counts; sample n has bank n mod count.

    Attributes
    ----------
    activation
        Of layers 0..L-1.
    derivative
        Of layers 1..L-1.
    partial
        Partial deltas of layers 1..L-1.
    delta
        Deltas of layer L.
    """

    activation: tuple[int, ...]
    derivative: tuple[int, ...]
    partial: tuple[int, ...]
    delta: int

    @classmethod
    def of(cls, hops: Hops, n_junctions: int) -> "Banks":
        """As many as there are samples alive at once.

        A derivative is read when junction i consumes its partial delta, one hop later than the activation is last read,
        and always before the feedforward of the same junction writes a new one: it lives as many cycles as lie between
        the two. Under ``overlap`` that is one more than an activation lives.
        """
        return cls(
            tuple(hops.activation_banks(i, n_junctions) for i in range(n_junctions)),
            tuple(hops.staleness(i, n_junctions) for i in range(1, n_junctions)),
            tuple(hops.delta_banks(i, n_junctions) for i in range(1, n_junctions)),
            hops.delta_banks(n_junctions, n_junctions),
        )

    @classmethod
    def of_inference(cls, n_junctions: int) -> "Banks":
        """Of an accelerator that only infers: activations are written in one junction cycle and read in the next."""
        return cls((2,) * n_junctions, (1,) * (n_junctions - 1), (1,) * (n_junctions - 1), 1)
