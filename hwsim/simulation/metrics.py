"""Figures of a simulation: clocks, utilisation, bandwidth, use of the memories."""

from typing import Any

from hwsim.configuration.provenance import provenance
from hwsim.schedule.figures import of_inventory
from hwsim.simulation.figures import SIMULATION
from hwsim.simulation.simulate import OPERATIONS, Simulation
from hwsim.vocabulary import FF, UP, MemoryKey, MemoryKind


def clocks_per_input(run: Simulation) -> float:
    """Clocks between the entries of two samples as simulated: where weights were waited for, their mean.

    That is in the second half of the junction cycles in which all operations work; of all if there are no more.
    """
    m, n = run.machine, len(run.design.patterns)
    if m.external is None:
        return m.timing.period
    lag = run.design.config.hops.drain(n)
    steady = m.external.stalls[lag : len(m.external.stalls) - lag]
    waited = steady[steady.size // 2 :]
    if waited.size < 2:
        waited = m.external.stalls
    return m.timing.period + float(waited[-1] - waited[0]) / max(waited.size - 1, 1)


def bandwidth(run: Simulation) -> dict[MemoryKind, float]:
    """Bits moved per clock on average, by kind of memory, reads and writes together."""
    numbers, machine = run.design.config.numbers.system, run.machine
    bits = dict.fromkeys((MemoryKind.WEIGHTS, MemoryKind.ACTIVATIONS, MemoryKind.PARTIAL_DELTAS), 0.0)
    width = {m.key: m.width for m in run.design.inventory.memories}
    for j, (ff, bp, up) in enumerate(machine.counts[:, :, 1].tolist()):
        left = numbers.left_activation(j).width
        bits[MemoryKind.WEIGHTS] += numbers.weight.width * (max(ff, up) + up)
        bits[MemoryKind.ACTIVATIONS] += left * (ff + up)
        if j:
            bits[MemoryKind.PARTIAL_DELTAS] += 2 * width[MemoryKey(MemoryKind.PARTIAL_DELTAS, j)] * bp
    return {kind: b / max(machine.elapsed, 1) for kind, b in bits.items()}


def memory_use(run: Simulation) -> dict[MemoryKey, tuple[float, float]]:
    """Reads and writes of each memory per clock on average, all banks together; 1 is one port in use all the time."""
    m = run.machine
    use = {}
    for j, (ff, bp, up) in enumerate(m.counts[:, :, 1].tolist()):
        s, clocks = m.schedule.junctions[j], max(m.elapsed, 1)
        rows = float(max(m.counts[j, FF, 0], m.counts[j, UP, 0])) / clocks
        use[MemoryKey(MemoryKind.WEIGHTS, s.number)] = (rows, float(m.counts[j, UP, 0]) / clocks)
        # Every pass writes each neuron of the layer once, and walks all edges.
        written = ff / (s.edge.size / s.n_left)
        use[MemoryKey(MemoryKind.ACTIVATIONS, j)] = ((ff + up) / s.z / clocks, written / s.z / clocks)
        if j:
            # The first of d_out contributions overwrites without reading, and UP reads each sum once.
            use[MemoryKey(MemoryKind.PARTIAL_DELTAS, j)] = (bp / s.z / clocks, bp / s.z / clocks)
    return use


def figures(run: Simulation) -> dict[str, Any]:
    """``metrics.json`` of a simulation."""
    config, m, figure = run.design.config, run.machine, SIMULATION.told
    n = len(run.design.patterns)
    result = provenance(config) | of_inventory(run.design.inventory)
    result["status"] = "finished"
    result["clocks"] = figure("clocks", m.elapsed)
    result["clocks_per_input"] = figure("clocks_per_input", clocks_per_input(run))
    if m.external is not None:
        result["waiting"] = figure("waiting", m.external.stall_clocks)
    for i, name in enumerate(OPERATIONS):
        share = [float(m.counts[j, i, 0]) / max(m.elapsed, 1) for j in range(n)]
        result[f"busy_{name}"] = figure(f"busy_{name}", share)
    result["staleness"] = figure("staleness", [config.hops.staleness(i, n) for i in range(1, n + 1)])
    result["train_accuracy"] = figure("train_accuracy", run.correct / max(run.predicted, 1))
    result["saturation"] = figure("saturation", m.saturation.tolist())
    result["memory_use"] = figure("memory_use", {str(key): shares for key, shares in memory_use(run).items()})
    result["memories"] = figure("memories", [memory.as_dict() for memory in run.design.inventory.memories])
    result["bubbles"] = figure("bubbles", run.bubbles)
    result["inference_samples"] = figure("inference_samples", run.inference)
    result["stalled_clocks"] = figure("stalled_clocks", m.standing_clocks)
    result["checked_cycles"] = figure("checked_cycles", m.checked_cycles)
    result["repeated_cycles"] = figure("repeated_cycles", m.repeated_cycles)
    for kind, bits in bandwidth(run).items():
        key = f"bandwidth_{kind.identifier}"
        result[key] = figure(key, bits)
    result["equals_reference"] = figure("equals_reference", not run.differences)
    return result
