"""Pictures of the pages that explain: each is drawn from what the code says, when the site is built."""

import numpy as np

import hwsim
from hwsim.schedule.passes import junction_schedule
from hwsim.schedule.timeline import timeline
from hwsim.solver.solver import Solver
from hwsim.vocabulary import BP, FF, TRAINING, UP
from models.connectivity.clash_free import draw_clash_free, from_seeds
from models.network.order import FLUSH, OVERLAP, SEQUENTIAL
from models.numbers.format import NEAREST, narrow
from tools.site.svg import BLUE, GREEN, RED, YELLOW, Box, drawing, label

COLOURS = (BLUE, RED, GREEN, YELLOW)
CELL = 26


def sweep() -> str:
    """The example of docs/architecture.md, §2: what each lane reads in the three clocks of a sweep."""
    z, depth = 4, 3
    left = from_seeds(z * depth, 1, 12, 1, np.array([1, 0, 2, 2])).left.reshape(depth, z)
    boxes = []
    for clock, read in enumerate(left):
        x0 = 70 + clock * (z + 1) * CELL
        boxes.append(label(x0, 0, f"clock {clock}"))
        for memory in range(z):
            boxes.append(label(x0 + memory * CELL, 22, str(memory), CELL, "middle"))
            for address in range(depth):
                j = address * z + memory
                fill = COLOURS[memory] if j in read else ""
                boxes.append(Box(x0 + memory * CELL, 44 + address * CELL, CELL, CELL, str(j), fill))
    boxes.append(label(0, 22, "memory"))
    boxes += [label(0, 44 + a * CELL + 3, f"address {a}") for a in range(depth)]
    told = "; ".join(f"clock {c} reads neurons {', '.join(map(str, row))}" for c, row in enumerate(left))
    return drawing(boxes, f"Four memories of three words: {told}. One word of every memory.", 70 + 3 * 5 * CELL, 124)


def clash() -> str:
    """The memories that the lanes of each row ask for, of a structured and of a clash-free pattern of the same size."""
    boxes, told = [], []
    z, rows = 4, 6
    for side, kind in enumerate(("structured", "clash_free")):
        config = hwsim.parse(
            {
                "network": {"layers": [12, 12], "out_degree": [2]},
                "connectivity": {"kind": kind},
                "hardware": {"z": [z]},
            }
        )
        (pattern,) = hwsim.Design(config).patterns
        made = junction_schedule(1, pattern, z, z)
        x0 = side * 290
        boxes += [label(x0, 0, f"{kind}: {made.rows} rows in {made.clocks} clocks"), label(x0, 22, "lane")]
        boxes += [label(x0 + 50 + m * CELL, 22, str(m), CELL, "middle") for m in range(z)]
        for row in range(rows):
            memories = pattern.left[row * z : (row + 1) * z] % z
            y = 44 + row * CELL
            boxes.append(label(x0, y + 3, f"row {row}"))
            for lane, memory in enumerate(memories):
                bold = int((memories == memory).sum()) > 1
                boxes.append(Box(x0 + 50 + lane * CELL, y, CELL, CELL, str(memory), COLOURS[memory], bold=bold))
            took = int((made.row == row).sum())
            boxes.append(label(x0 + 60 + z * CELL, y + 3, f"{took} clock{'s' if took > 1 else ''}"))
        told.append(f"{kind}: {made.rows} rows take {made.clocks} clocks")
    return drawing(boxes, "Memory that each lane of each row asks for. " + "; ".join(told), 560, 44 + rows * CELL + 8)


def types() -> str:
    """The addresses that the memories are read at in two sweeps, by clash-free type."""
    z, depth, degree = 3, 4, 2
    boxes, told = [], []
    for kind in (1, 2, 3):
        left = draw_clash_free(z * depth, degree, z * depth, z, kind, False, np.random.default_rng(4)).left
        address = left.reshape(degree * depth, z) // z
        x0 = 64 + (kind - 1) * 6 * CELL
        boxes.append(label(x0, 0, f"type {kind}"))
        boxes += [label(x0 + m * CELL, 22, str(m), CELL, "middle") for m in range(z)]
        for clock, row in enumerate(address):
            y = 44 + clock * CELL + (clock // depth) * 10
            boxes += [Box(x0 + m * CELL, y, CELL, CELL, str(a), COLOURS[a]) for m, a in enumerate(row)]
        told.append(f"type {kind}: memory 0 at {', '.join(map(str, address[:, 0]))}")
    boxes.append(label(0, 22, "memory"))
    boxes += [label(0, 47 + c * CELL + (c // depth) * 10, f"clock {c}") for c in range(degree * depth)]
    return drawing(boxes, "Addresses read in two sweeps. " + "; ".join(told), 64 + 17 * CELL, 64 + degree * depth * CELL)


def pipeline() -> str:
    """Which sample each operation of three junctions works on, while six samples pass."""
    junctions = 3
    found = timeline(FLUSH, junctions, [TRAINING] * 6)
    rows = [(f"FF {i + 1}", found.sample[i, FF]) for i in range(junctions)]
    for i in reversed(range(junctions)):
        rows += [(f"BP {i + 1}", found.sample[i, BP])] if i else []
        rows.append((f"UP {i + 1}", found.sample[i, UP]))
    boxes = [label(0, 0, "junction cycle")]
    boxes += [label(90 + k * CELL, 0, str(t), CELL, "middle") for k, t in enumerate(found.cycles) if t >= 0]
    fills = {"FF": BLUE, "BP": RED, "UP": GREEN}
    for r, (name, samples) in enumerate(rows):
        boxes.append(label(40, 25 + r * CELL, name))
        for k, sample in enumerate(samples):
            if sample >= 0:
                boxes.append(Box(90 + k * CELL, 22 + r * CELL, CELL, CELL, str(sample), fills[name[:2]]))
    title = f"Samples in {len(rows)} operations over {len(found.cycles)} junction cycles; sample 0 updates junction 1 in "
    title += f"cycle {FLUSH.backward_lag(1, junctions)}"
    return drawing(boxes, title, 100 + len(found.cycles) * CELL, 30 + len(rows) * CELL)


def staleness() -> str:
    """Updates that each junction's feedforward misses, by depth and schedule."""
    boxes, told, y = [], [], 0
    for name, hops in (("sequential", SEQUENTIAL), ("flush", FLUSH), ("overlap", OVERLAP)):
        boxes.append(label(0, y, name))
        for depth in (1, 2, 3, 4):
            x0 = 90 + (depth * (depth - 1) // 2) * CELL + (depth - 1) * 22
            missed = [hops.staleness(i, depth) for i in range(1, depth + 1)]
            for i, n in enumerate(missed):
                boxes.append(Box(x0 + i * CELL, y, CELL, CELL, str(n), BLUE if n else ""))
            told.append(f"{name}, {depth} junctions: {', '.join(map(str, missed))}")
        y += CELL + 8
    for depth in (1, 2, 3, 4):
        x0 = 90 + (depth * (depth - 1) // 2) * CELL + (depth - 1) * 22
        boxes.append(label(x0, y, f"L = {depth}", depth * CELL, "middle"))
    return drawing(boxes, "Updates missed. " + "; ".join(told), 90 + 10 * CELL + 80, y + 24)


def rounding() -> str:
    """What x / 4 becomes by each rounding, for x from -8 to 8."""
    x = np.arange(-8, 9)
    boxes = [label(0, 0, "x")]
    boxes += [label(80 + k * CELL, 0, str(v).replace("-", "−"), CELL, "middle") for k, v in enumerate(x)]
    for r, mode in enumerate(NEAREST):
        boxes.append(label(0, 25 + r * CELL, str(mode)))
        for k, v in enumerate(narrow(x, 2, mode)):
            boxes.append(
                Box(80 + k * CELL, 22 + r * CELL, CELL, CELL, str(v).replace("-", "−"), COLOURS[int(v) % len(COLOURS)])
            )
    names = ", ".join(map(str, NEAREST))
    return drawing(boxes, f"x / 4 rounded by {names}, for x from -8 to 8", 90 + len(x) * CELL, 30 + len(NEAREST) * CELL)


_MEMORIES = {"DDR4-2400, 64 bits": 614, "HBM2, a channel": 1024, "HBM2, eight channels": 8192}
"""Bits per clock at 200 MHz, four-fifths of the peak."""


def external_weights() -> str:
    """AlexNet's classification layers with weights in external memory: clocks of an input, worked and waited."""
    boxes, told, y, wide = [], [], 0, 4.4e6 / 480
    for name, bandwidth in _MEMORIES.items():
        config = hwsim.parse(
            {
                "network": {"layers": [9216, 4096, 4096, 1024], "density": "full"},
                "connectivity": {"kind": "full"},
                "numbers": {"width": 16, "fraction": 11},
                "hardware": {"z": [1, 1, 1], "weights": {"bandwidth": bandwidth, "latency": 40}},
            }
        )
        solver = Solver(config)
        boxes.append(label(0, y, f"{name}: {bandwidth:,} bits per clock"))
        found = solver.figures(solver.balanced())
        for k in np.argsort(found.z.sum(axis=1))[:6]:
            y += 24
            z, clocks, work = int(found.z[k].sum()), int(found.clocks[k]), int(found.rows[k].max() + found.flush[k])
            waits = f"{(clocks - work) / 1e6:.2f}" if clocks > work else ""
            boxes.append(label(0, y, f"{z} edge processors", 140, "end"))
            boxes.append(Box(150, y, work / wide, 20, f"{work / 1e6:.2f}" if work > 4e5 else "", BLUE))
            boxes.append(Box(150 + work / wide, y, (clocks - work) / wide, 20, waits if clocks - work > 4e5 else "", RED))
            told.append(f"{name}, {z} edge processors: {clocks:,} clocks, {clocks - work:,} of them waiting")
        y += 34
    boxes.append(label(150, y, "millions of clocks per input"))
    return drawing(boxes, "; ".join(told), 640, y + 24)


DRAWN = {
    "picture of a sweep": sweep,
    "picture of a clash": clash,
    "picture of the types": types,
    "picture of the pipeline": pipeline,
    "picture of staleness": staleness,
    "picture of rounding": rounding,
    "picture of external memories": external_weights,
}
"""By the name that pages call them."""
