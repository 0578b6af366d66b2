"""Stochastic rounding of weight steps: the generator of a junction, and the bits that every lane takes of it.

A junction has one xorshift32 generator (Marsaglia, Xorshift RNGs, 2003), whose state serves a whole weight row: lane m takes
the lowest bits of the state rotated by 7 m. So random bits cost a register and wires, and nothing per lane; lanes whose
numbers differ by a multiple of 32 share theirs. The generator steps once after every weight row that is learned from.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BITS = 32
"""Of a generator."""
MOST_DROP = BITS - 1
"""Bits that can be dropped: more are not drawn."""
LANE_STEP = 7
"""By how much further the next lane rotates the state: odd, so that 32 lanes have 32 rotations."""
_ALL = (1 << BITS) - 1


def stepped(state: int) -> int:
    """The state after one step."""
    state ^= state << 13 & _ALL
    state ^= state >> 17
    return state ^ (state << 5 & _ALL)


def rotations(lanes: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    """By how many bits to the left the state is rotated for lanes of these numbers."""
    return (np.asarray(lanes, np.uint32) * np.uint32(LANE_STEP)) % np.uint32(BITS)


def random_bits(states: npt.ArrayLike, lanes: npt.ArrayLike, drop: int) -> npt.NDArray[np.int64]:
    """What is added before ``drop`` bits are dropped: 0 .. 2**drop - 1 for every pair of state and lane (broadcast).

    Parameters
    ----------
    states
        uint32: of the generator.
    lanes
        Numbers of the lanes, from 0.
    drop
        At most :data:`MOST_DROP`; nothing is random where no bit is dropped.
    """
    assert drop <= MOST_DROP, drop
    state, by = np.asarray(states, np.uint64), rotations(lanes).astype(np.uint64)
    turned = state << by | state >> (np.uint64(BITS) - by)
    return (turned & np.uint64((1 << max(drop, 0)) - 1)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Generators:
    """The generators of all junctions, as they stand.

    Attributes
    ----------
    z
        Lanes of each junction: edge e lies in row e div z, lane e mod z.
    states
        uint32 [L], none of them 0.
    """

    z: tuple[int, ...]
    states: npt.NDArray[np.uint32]

    def __post_init__(self) -> None:
        assert self.states.dtype == np.uint32 and self.states.shape == (len(self.z),) and self.states.all()

    @classmethod
    def drawn(cls, z: tuple[int, ...], rng: np.random.Generator) -> "Generators":
        """Generators with random states."""
        return cls(tuple(z), rng.integers(1, 1 << BITS, len(z), np.uint32))

    def arrays(self) -> dict[str, np.ndarray]:
        """``random_<i>`` (uint32, no dimension), i = 1..L, as ``initial.npz``, ``final.npz`` and checkpoints hold them."""
        return named(self.states)


def named(states: npt.NDArray[np.uint32]) -> dict[str, np.ndarray]:
    """``random_<i>`` of states [L]."""
    return {f"random_{i}": np.array(state, np.uint32) for i, state in enumerate(states, 1)}


def states_of(arrays: dict[str, np.ndarray], junctions: int) -> npt.NDArray[np.uint32]:
    """uint32 [L] of :func:`named`."""
    return np.array([arrays[f"random_{i}"] for i in range(1, junctions + 1)], np.uint32)
