"""What commands print of a configuration: tables that a person can read."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hwsim.commands.console import Console
from hwsim.figure import NETWORK
from hwsim.tables import NOTHING, Column, Told, bits, columns, number, percent, table

if TYPE_CHECKING:  # a table of contents is no reason to load all engines
    from hwsim.configuration.configuration import Configuration
    from hwsim.design import Design
    from hwsim.schedule.inventory import Inventory


def describe(console: Console, config: "Configuration", design: "Design") -> None:
    """The junctions of a configuration and, if it has one, its accelerator; ``design`` if its patterns are drawn already."""
    title = f"{config.name}: {'-'.join(map(str, config.network.layers))}, {sum(config.edges):,} edges"
    if config.hardware is None or config.out_degrees is None:
        _describe_network(console, config, title)
    else:
        _describe_accelerator(console, config, design.inventory, title)
    for note in config.notes():
        console.print(f"note: {note}")


def figures(config: "Configuration", design: "Design") -> dict[str, Any]:
    """The figures of a configuration, and of its accelerator, if it has one."""
    from hwsim.schedule.figures import of_inventory

    pairs = sum(a * b for a, b in pairwise(config.network.layers))
    known: dict[str, Any] = {"density": NETWORK.told("density", sum(config.edges) / pairs)}
    return known if config.hardware is None or config.out_degrees is None else known | of_inventory(design.inventory)


def _describe_network(console: Console, config: "Configuration", title: str) -> None:
    from hwsim.schedule.figures import JUNCTION

    rows = table(title, *_junction(), *columns(JUNCTION, d_out="d_out", d_in="d_in", density="density"))
    layers = config.network.layers
    for i, edges in enumerate(config.edges):
        left, right = layers[i], layers[i + 1]
        fixed = config.out_degrees is not None
        means = [edges / left, edges / right]
        degrees = [number(int(d), "") if fixed else Told(f"~{d:.1f}", d) for d in means]
        rows.add_row(number(i + 1), _neurons(left, right), number(edges), *degrees, percent(edges / left / right))
    console.print(rows)


def _describe_accelerator(console: Console, config: "Configuration", a: "Inventory", title: str) -> None:
    from hwsim.schedule.figures import JUNCTION, MEMORY

    caption = (
        f"z: edges per clock; C = edges / z: clocks of one pass; D = left neurons / z: words of each left memory.\n"
        f"{_clocks(a)} clocks per input: {_longest_pass(a)}, flush = {a.flush}{_waiting(a)}.\n{_latency(a)}"
    )
    named = {"d_out": "d_out", "d_in": "d_in", "density": "density", "z": "z", "junction_cycle": "C", "depth": "D"}
    rows = table(title, *_junction(), *columns(JUNCTION, **named, utilisation="busy"), caption=caption)
    for j in a.junctions:
        degrees = number(j.d_out, ""), number(j.d_in, ""), percent(j.density)
        sizes = number(j.z, ""), number(j.rows, ""), number(j.depth, ""), percent(j.utilisation)
        rows.add_row(number(j.number), _neurons(j.n_left, j.n_right), number(j.edges), *degrees, *sizes)
    console.print(rows)
    named = {"banks": "banks", "lanes": "memories each", "depth": "words", "width": "bits a word", "bits": "total"}
    memories = table("storage", "memory", *columns(MEMORY, **named))
    for m in a.memories:
        memories.add_row(m.name, *(number(n, "") for n in (m.banks, m.lanes, m.depth, m.width)), bits(m.bits))
    memories.add_row("all", *[NOTHING] * 4, bits(a.storage_bits), bold=True)
    console.print(memories)
    for line in _external(a) + _softmax(config) + _crossbar(config) + _stalls(a) + _unbalanced(a):
        console.print(line)


def _junction() -> list[Column]:
    """Number, layers and edges of a junction."""
    from hwsim.schedule.figures import JUNCTION

    return columns(JUNCTION, junction="junction", neurons="neurons", edges="edges")


def _neurons(left: int, right: int) -> Told:
    return Told(f"{left} → {right}", [left, right])


def _latency(a: "Inventory") -> str:
    """How long one sample takes."""
    waits = ", not counting waits for weights" if a.external and a.external.stall_clocks else ""
    told = (
        f"From the first beat of a sample, alone and just in time{waits}: {a.latency.prediction:,} clocks to its prediction"
    )
    return told + (f", {a.latency.update:,} to its last weight." if a.latency.update is not None else ".")


def _clocks(a: "Inventory") -> str:
    clocks = a.clocks_per_input
    return f"{clocks:,.1f}" if isinstance(clocks, float) else str(clocks)


def _waiting(a: "Inventory") -> str:
    """How long weights are waited for."""
    waits = a.external.stall_clocks if a.external else 0
    return f", waiting for weights = {float(waits):,.4g}" if waits else ""


def _external(a: "Inventory") -> list[str]:
    """An external memory: what it moves, what that allows, and what is on chip instead of the weights."""
    e = a.external
    if e is None:
        return []
    held = ", ".join(f"{s.held.rows} of {s.rows:,} rows of junction {s.number}" for s in e.streams)
    useful = ", ".join(f"{z:,.1f}" for z in e.useful_z)
    lines = [
        f"weights in external memory: {bits(e.traffic)} an input at {e.bandwidth:,} bits a clock take "
        f"{float(e.transfer):,.1f} clocks: it feeds {float(e.fed):,.1f} edge processors; z beyond {useful} gains nothing",
        f"on chip {bits(e.held_bits)} of {bits(e.bits)} of weights ({held}), the first after {e.first_fill:,} clocks",
    ]
    if not e.hides and e.clocks_per_input > e.bound:
        lost = float(e.clocks_per_input - e.bound)
        lines.append(f"too few rows ahead for the latency of {e.latency} clocks: {lost:,.4g} clocks an input are lost to it")
    if e.held_bits >= e.bits:
        lines.append("that is as much as all weights: on chip they would take no more, and wait for nothing")
    return [*lines, "waiting changes clocks, not numbers: every engine computes the same integers as with weights on chip"]


def _longest_pass(a: "Inventory") -> str:
    slowest = max(a.junctions, key=lambda j: j.pass_clocks)
    return f"C = {slowest.rows}" + (f", stalls = {slowest.stall_clocks}" if slowest.stall_clocks else "")


def _stalls(a: "Inventory") -> list[str]:
    stalls = ", ".join(f"{j.stall_clocks} of junction {j.number}" for j in a.junctions if j.stall_clocks)
    return [f"not clash-free: stall clocks in every pass beyond C: {stalls}"] if stalls else []


def _unbalanced(a: "Inventory") -> list[str]:
    idle = [f"junction {j.number} idles {percent(1 - j.utilisation)}" for j in a.junctions if j.utilisation < 1]
    return [f"unbalanced: {', '.join(idle)} of every pass; the longest C sets the pace"] if idle else []


def _softmax(config: "Configuration") -> list[str]:
    float_only = config.network.activations[-1] == "softmax"
    return ["softmax is for the float engine: this accelerator has no Verilog"] if float_only else []


def _crossbar(config: "Configuration") -> list[str]:
    c = config.connectivity
    if config.hardware is None or c.kind not in ("clash_free", "structured") or (c.kind == "clash_free" and not c.dither):
        return []
    if c.kind == "clash_free" and c.type == 1:
        return ["memory dither of type 1 is one permutation for all sweeps: wires only"]
    sizes = ", ".join(f"{z} to {z}" for z in config.hardware.z)
    what = "structured patterns need" if c.kind == "structured" else f"memory dither of type {c.type} needs"
    return [f"{what} a crossbar in every junction: {sizes} words"]


def sequences(config: "Configuration") -> list[str]:
    """How many access sequences each junction's clash-free type has, as decimal magnitudes."""
    from models.connectivity.clash_free import access_sequences, log10_access_sequences

    if config.connectivity.kind != "clash_free" or config.hardware is None or config.out_degrees is None:
        return []
    lines, c = [], config.connectivity
    for i, (z, d) in enumerate(zip(config.hardware.z, config.out_degrees, strict=True)):
        left, right = config.network.layers[i], config.network.layers[i + 1]
        # A dither among the edges of one right neuron counts once: no factorials of large z just to cancel them.
        junction = (left, d, right, z, c.type, c.dither and z != left * d // right)
        magnitude = log10_access_sequences(*junction)
        if magnitude is None:
            text = "no closed form known"
        elif magnitude < 9:
            text = f"{access_sequences(*junction):,}"
        else:
            text = f"about 10^{magnitude:,.0f}"
        lines.append(f"junction {i + 1}: {text} access sequences of type {c.type}")
    return lines
