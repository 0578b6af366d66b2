"""The arrays of the machine's clock loop: the design as tables of integers; memories, ports and delay lines."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hwsim.configuration.configuration import Configuration
from hwsim.machine import columns
from hwsim.machine.kernel.groups import Control, Design, Lanes, Lines, Memories, Neurons, Registers, State
from hwsim.schedule.banks import Banks
from hwsim.schedule.passes import JunctionSchedule, Schedule
from hwsim.schedule.timing import Timing
from models.fixed.ranges import Ranges
from models.network.activations import ACTIVATIONS
from models.network.network import Network
from models.numbers.format import Rounding

_MODE = {
    Rounding.FLOOR: columns.ROUND_FLOOR,
    Rounding.HALF_UP: columns.ROUND_HALF_UP,
    Rounding.HALF_EVEN: columns.ROUND_HALF_EVEN,
    Rounding.STOCHASTIC: columns.ROUND_STOCHASTIC,
}


def _starts(sizes: Any) -> npt.NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(list(sizes)))).astype(np.int64)


class _Places:
    """Hands out consecutive places in a shared array."""

    def __init__(self) -> None:
        self.total = 0

    def take(self, size: int) -> int:
        """The first of ``size`` new places."""
        self.total += size
        return self.total - size


def _junction_rows(
    config: Configuration, network: Network, schedule: Schedule, times: Timing, banks: Banks
) -> tuple[np.ndarray, int, int, int]:
    """The junctions' parameters, and how many words, partial deltas and ports there are in all."""
    js, hops, n = schedule.junctions, config.hops, len(schedule.junctions)
    ranges = Ranges.of(network, config.numbers.system)
    words, partials, ports = _Places(), _Places(), _Places()
    # A power of two, so that a clock's slot in the delay lines is a mask away.
    line = 1 << max(t.longest for t in times.junctions).bit_length()
    rows: list[dict[str, int]] = []
    edges, weight_rows, right, clock = (_Places() for _ in range(4))
    for i, (j, t) in enumerate(zip(js, times.junctions, strict=True)):
        behind = js[i + 1] if i + 1 < n else None
        rows.append(
            _numeric_columns(config, network, ranges, i)
            | {
                "NUMBER": j.number,
                "IS_LAST": int(behind is None),
                "Z": j.z,
                "Z_NEXT": j.z_next,
                "RESULTS_PER_CLOCK": j.results_per_clock,
                "N_LEFT": j.n_left,
                "N_RIGHT": j.n_right,
                "NEXT_D_OUT": behind.edge.size // behind.n_left if behind else 0,
                "CLOCKS": j.clocks,
                "OFFSET": t.offset,
                "LINE": line,
                "WIDEST": max(other.z for other in js),
                "FORWARD_LAG": hops.feedforward_lag(j.number),
                "BACKWARD_LAG": hops.backward_lag(j.number, n),
                "FORWARD_LATENCY": t.feedforward,
                "BACKWARD_LATENCY": t.backward,
                "UPDATE_LATENCY": t.update,
                "ACCUMULATE": t.accumulate,
                "EDGES": edges.take(j.edge.size),
                "ROWS": weight_rows.take(j.rows),
                "RIGHT": right.take(j.n_right),
                "FIRST_CLOCK": clock.take(j.clocks),
                "WEIGHT_PORT": ports.take(1),
                "BIAS_PORTS": ports.take(j.results_per_clock),
                "LEFT_BANKS": banks.activation[i],
                "LEFT_WORDS": words.take(banks.activation[i] * j.n_left),
                "LEFT_PORTS": ports.take(banks.activation[i] * j.z),
                "PARTIAL_BANKS": banks.partial[i - 1] if i else 1,
                "PARTIAL_WORDS": partials.take(banks.partial[i - 1] * j.n_left) if i else 0,
                "PARTIAL_PORTS": ports.take(banks.partial[i - 1] * j.z) if i else 0,
            }
        )
    for i, row in enumerate(rows[:-1]):
        nxt = rows[i + 1]
        row |= {f"NEXT_{k}": nxt[f"LEFT_{k}"] for k in ("BANKS", "WORDS", "PORTS")}
        row |= {f"DELTA_{k}": nxt[f"PARTIAL_{k}"] for k in ("BANKS", "WORDS", "PORTS")}
        row["DERIVATIVE_BANKS"] = banks.derivative[i]
        row["DERIVATIVE_WORDS"] = words.take(banks.derivative[i] * row["N_RIGHT"])
        row["DERIVATIVE_PORTS"] = ports.take(banks.derivative[i] * row["RESULTS_PER_CLOCK"])
    rows[-1] |= {
        "NEXT_BANKS": 1,
        "DELTA_BANKS": banks.delta,
        "DELTA_WORDS": words.take(banks.delta * js[-1].n_right),
        "DELTA_PORTS": ports.take(banks.delta * js[-1].z_next),
    }
    table = np.array([[row.get(c, 0) for c in columns.JUNCTION_COLUMNS] for row in rows], np.int64)
    return table, words.total, partials.total, ports.total


def _numeric_columns(config: Configuration, network: Network, ranges: Ranges, i: int) -> dict[str, int]:
    """Shifts, rounding modes and ranges of one junction."""
    numbers = config.numbers.system
    f_p, f_w, f_delta = numbers.product_fraction, numbers.weight.fraction, numbers.delta.fraction
    left, quadratic = numbers.left_activation(i).fraction, network.cost == "quadratic"
    mode = {step: _MODE[r] for step, r in numbers.rounding.items()}
    return {
        "PRODUCT_DROP": f_w + left - f_p,
        "PRODUCT_MODE": mode["product"],
        "BIAS_DROP": numbers.bias.fraction - f_p,
        "PRE_DROP": f_p - numbers.preactivation.fraction,
        "PRE_MODE": mode["preactivation"],
        "PRE_LOW": numbers.preactivation.lowest,
        "PRE_HIGH": numbers.preactivation.highest,
        "BACK_DROP": f_w + f_delta - f_p,
        "DELTA_DROP": f_p + numbers.derivative.fraction - f_delta,
        "OUTPUT_DROP": numbers.activation.fraction + (numbers.derivative.fraction if quadratic else 0) - f_delta,
        "DELTA_MODE": mode["delta"],
        "DELTA_LOW": numbers.delta.lowest,
        "DELTA_HIGH": numbers.delta.highest,
        "WEIGHT_DROP": left + f_delta - f_w,
        "WEIGHT_MODE": mode["weight_step"],
        "WEIGHT_LOW": numbers.weight.lowest,
        "WEIGHT_HIGH": numbers.weight.highest,
        "BIAS_STEP_DROP": f_delta - numbers.bias.fraction,
        "BIAS_MODE": mode["bias_step"],
        "BIAS_LOW": numbers.bias.lowest,
        "BIAS_HIGH": numbers.bias.highest,
        "ONE": numbers.activation.one,
        "QUADRATIC": int(quadratic),
        "NARROW": int(ranges.narrow),
        "NARROW_KAPPA": ranges.narrow_kappa[i],
        "SHORT": int(ranges.short),
        "SHORT_STEPS": int(ranges.short_steps),
        "PART": ranges.part[i],
    }


def _clock_rows(j: JunctionSchedule, access: int, segment: int, right: int) -> np.ndarray:
    """What happens in every clock of a pass; offsets into the lists that all junctions share."""
    result = np.zeros((j.clocks, 11), np.int64)
    result[:, columns.ROW] = j.row
    result[:, columns.ROW_BEGINS] = np.diff(j.row, prepend=-1) > 0
    result[:, columns.ROW_ENDS] = np.diff(j.row, append=j.rows) > 0
    result[:, columns.ACCESS] = access + j.start[:-1]
    result[:, columns.COUNT] = np.diff(j.start)
    runs = (columns.SEGMENT, j.segments.start, segment), (columns.BEGIN, j.begins[0], right), (columns.END, j.ends[0], right)
    for column, start, offset in runs:
        result[:, column] = offset + start[:-1]
        result[:, column + 1] = offset + start[1:]
    return result


def build(config: Configuration, network: Network, schedule: Schedule, times: Timing, banks: Banks) -> tuple[Design, State]:
    """The arrays of a machine, empty."""
    junctions, n_words, n_partials, n_ports = _junction_rows(config, network, schedule, times, banks)
    design = _design(config, network, schedule, times, junctions)
    js, line = schedule.junctions, int(junctions[0, columns.LINE])
    n, z, results = len(js), max(j.z for j in js), max(j.results_per_clock for j in js)
    edges, rows, right = (sum(sizes) for sizes in ([j.edge.size for j in js], [j.rows for j in js], [j.n_right for j in js]))
    state = State(
        Memories(
            weight=np.zeros(edges, np.int32),
            bias=_zeros(right),
            words=_never(n_words),
            partial=_zeros(n_partials),
            tags=_never(n_partials) << columns.COUNT_BITS,
            weight_lands=_never(rows),
            bias_lands=_never(right),
            partial_lands=_never(n_partials),
            read=_never(n_ports),
            written=_never(n_ports),
        ),
        Registers(
            row=np.zeros((n, z), np.int32),
            new_row=np.zeros((n, z), np.int32),
            served=np.zeros(z, np.int32),
            new_served=np.zeros(z, np.int32),
            left=np.zeros(z, np.int32),
            sums=_zeros(right),
            deltas=_zeros(right),
            random=np.zeros(n, np.uint32),
            landing=_never(z),
            output=_zeros(network.layers[-1] + 1, 2),
        ),
        Lines(
            arrivals=_zeros(n, line, 12),
            queue=_zeros(n, line, results, 4),
            updates=np.zeros((n, line, z), np.int32),
            product=_zeros(n, line, z),
            sums=_zeros(n, line, z),
            tags=_zeros(n, line, z),
        ),
        Control(samples=_zeros(config.hops.drain(n) + 3, 3), now=_zeros(n, columns.NOW_COLUMNS), illegal=_zeros(2)),
    )
    return design, state


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.int64)


def _never(size: int) -> np.ndarray:
    return np.full(size, -1, np.int64)


def _design(config: Configuration, network: Network, schedule: Schedule, times: Timing, junctions: np.ndarray) -> Design:
    """The schedule's lists, those of all junctions one after the other."""
    js, numbers = schedule.junctions, config.numbers.system
    edges, rights = _starts(j.edge.size for j in js), _starts(j.n_right for j in js)
    segments = _starts(j.segments.neuron.size for j in js)
    tables = [
        ACTIVATIONS[a].tables(numbers.preactivation, numbers.activation, numbers.derivative) for a in network.activations
    ]
    # The lists that every lane reads in every clock are as small as they can be: they share the first-level cache with
    # the memories.
    index = np.uint16 if max(network.layers) <= 1 << 16 else np.uint32

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(j, name) for j in js])

    return Design(
        junctions=junctions,
        clocks=np.concatenate(
            [_clock_rows(j, int(e), int(s), int(r)) for j, e, s, r in zip(js, edges, segments, rights, strict=False)]
        ),
        lanes=Lanes(
            memory=joined("memory").astype(index),
            word=np.concatenate([j.address * j.z + j.memory for j in js]).astype(index),
            lane=joined("lane").astype(index),
            first_visit=joined("first_visit"),
        ),
        neurons=Neurons(
            segment=np.concatenate(
                [
                    np.stack([r + j.segments.neuron, j.segments.first, j.segments.last], 1)
                    for j, r in zip(js, rights, strict=False)
                ]
            ),
            begin=np.concatenate([r + j.begins[1] for j, r in zip(js, rights, strict=False)]),
            end=np.concatenate([r + j.ends[1] for j, r in zip(js, rights, strict=False)]),
        ),
        output_neurons=network.output_neurons,
        tables=np.array([np.stack(pair, 1) for pair in tables], np.int32),
        period=times.period,
        beat=-(-network.layers[0] // times.pass_clocks),
        least_kappa=config.kappa_range[0],
        greatest_kappa=config.kappa_range[1],
    )
