"""Room for whole junction cycles of 16-bit integers (:mod:`hwsim.machine.kernel.short`), where these do."""

import numpy as np
import numpy.typing as npt

from hwsim.machine import columns as c
from hwsim.machine.kernel.groups import Design, Short
from hwsim.machine.kernel.vectors import DEPTHS
from models import vector_code
from models.vector_code import LANES


def firsts(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where each of some parts that follow each other begins."""
    return np.cumsum(sizes) - sizes


def short_of(design: Design, words: list[npt.NDArray[np.int64]], banks: npt.NDArray[np.int64]) -> Short:
    """``words`` int64 [edges] of every junction: the place of the left neuron in a bank; ``banks`` to keep spread out."""
    js = design.junctions
    exact = (js[:, [c.PRODUCT_DROP, c.BACK_DROP]] <= 0).all()
    if not (vector_code.is_compiled() and exact and js[:, c.SHORT].all()):
        return Short(False, *(np.zeros(shape, kind) for shape, kind in _SHAPES))
    lefts, edges = js[:, c.N_LEFT], np.array([w.size for w in words])
    turning, masks = np.zeros((len(js), 3), np.int64), [np.zeros(0, np.int16)]
    for j, (p, own) in enumerate(zip(js, words, strict=True)):
        found = _turns(own, int(p[c.Z]), int(p[c.N_LEFT]))
        if found is not None:
            turning[j] = p[c.N_LEFT] // p[c.Z], p[c.Z], sum(m.size for m in masks)
            masks.append(found)
    room = int(js[:, [c.N_LEFT, c.N_RIGHT]].max()) + LANES
    return Short(
        works=True,
        weight=np.zeros(int(edges.sum()) + LANES, np.int16),
        read=np.zeros((3, int(lefts.sum()) + LANES), np.int16),
        stale=np.zeros(len(js), np.int64),
        kept=np.stack([banks, firsts(banks * lefts), firsts(banks * (edges + LANES))], 1),
        words=np.zeros(int(banks @ lefts), np.int16),
        left=np.zeros(int(banks @ (edges + LANES)), np.int16),
        turning=turning,
        masks=np.concatenate(masks),
        some=np.zeros(room, np.int32),
        products=np.zeros(int(edges.max()) + LANES, np.int32),
        small=np.zeros(room, np.int16),
    )


_SHAPES = (
    *((0, np.int16), ((3, 0), np.int16), (0, np.int64), ((0, 3), np.int64), (0, np.int16), (0, np.int16)),
    *(((0, 3), np.int64), (0, np.int16), (0, np.int32), (0, np.int32), (0, np.int16)),
)


def _turns(word: npt.NDArray[np.int64], z: int, n_left: int) -> npt.NDArray[np.int16] | None:
    """Masks of the turns that make sweeps of a bank, or ``None`` where it takes more than that."""
    depth = n_left // z
    if depth not in DEPTHS or n_left % z or word.size % n_left:
        return None
    sweeps = word.reshape(-1, depth, z)
    first = sweeps[:, :1] // z
    if not np.array_equal(sweeps, (first + np.arange(depth)[:, None]) % depth * z + np.arange(z)):
        return None
    stages = depth.bit_length() - 1
    masks = np.zeros((len(sweeps), stages, -(-z // LANES) * LANES), np.int16)
    masks[:, :, :z] = -(first >> np.arange(stages)[:, None] & 1)
    return masks.ravel()
