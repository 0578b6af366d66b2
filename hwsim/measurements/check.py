"""``check``: what is known of a design before anything is trained or simulated."""

from hwsim.figure import NETWORK, Figure, Figures
from hwsim.measurements.measurement import Measurement, Subject
from hwsim.schedule.external import ExternalWeights
from hwsim.schedule.figures import ACCELERATOR, BETWEEN_INPUTS, EXTERNAL, PREDICTION_LATENCY, UPDATE_LATENCY

FIGURES = Figures(
    "check",
    {
        "edges": Figure("edges", "edges of all junctions, ΣW", "less", "edges"),
        "density": NETWORK["density"],
        "clocks_per_input": BETWEEN_INPUTS,
        "flush": ACCELERATOR["flush"],
        "stall_clocks": Figure("clocks", "of the longest pass beyond its C: the price of not being clash-free", "less"),
        "utilisation": Figure("1", "share of the edge processors' clocks in which they work, flush included", "more"),
        "multipliers": ACCELERATOR["multipliers"],
        "storage_bits": ACCELERATOR["storage"],
        "prediction_latency": PREDICTION_LATENCY,
        "update_latency": UPDATE_LATENCY,
        "banks": Figure("memories", "with an address of their own, all banks", "less", "banks"),
        **{name: EXTERNAL[name] for name in ("external_traffic", "transfer_clocks", "waiting_clocks", "held_bits")},
        "staleness": Figure(
            "updates", "that the feedforward of the first junction misses in training", "less", "staleness (updates)"
        ),
    },
)


def measure(subject: Subject) -> dict[str, int | float]:
    """What ``hwsim check`` finds: the design's figures, after everything has been proved that its patterns must fulfil."""
    design = subject.design
    c = design.config
    pairs = sum(a * b for a, b in zip(c.network.layers, c.network.layers[1:], strict=False))
    result: dict[str, int | float] = {"edges": sum(c.edges), "density": sum(c.edges) / pairs}
    design.check()
    if c.hardware is None or c.out_degrees is None:
        return result
    a = design.inventory
    z = sum(j.z for j in a.junctions)
    return result | {
        "clocks_per_input": a.clocks_per_input,
        "flush": a.flush,
        "stall_clocks": max(j.pass_clocks for j in a.junctions) - max(j.rows for j in a.junctions),
        "utilisation": sum(c.edges) / (a.clocks_per_input * z),
        "multipliers": a.multipliers,
        "storage_bits": a.storage_bits,
        "prediction_latency": a.latency.prediction,
        **({} if a.latency.update is None else {"update_latency": a.latency.update}),
        "banks": sum(m.banks * m.lanes for m in a.memories),
        **({} if a.external is None else _external(a.external)),
        "staleness": c.hops.staleness(1, len(a.junctions)),
    }


def _external(e: ExternalWeights) -> dict[str, int | float]:
    clocks = {"transfer_clocks": float(e.transfer), "waiting_clocks": float(e.stall_clocks)}
    return {"external_traffic": e.traffic, **clocks, "held_bits": e.held_bits}


CHECK = Measurement("check", FIGURES, measure)
