"""The description that goes with the Verilog: ports, timing, streams, registers, how to start."""

from rtl.accelerator import Accelerator
from rtl.plan.plan import Plan
from rtl.ports.results import result_layout
from rtl.ports.samples import sample_layout
from rtl.verilog.description_parts import judgement, legal_values
from rtl.verilog.emission import BENCH, BUS_CLOCK, CORE, NAMES, SOURCE, WAIVERS, Verilog
from rtl.verilog.fusesoc import core_name
from rtl.verilog.interface_description import interface_sections
from rtl.verilog.markdown import table
from rtl.verilog.port_description import memory_pages, numbers, register_pages, start
from rtl.verilog.vendor import QUARTUS, QUARTUS_CLOCK, VIVADO, VIVADO_CLOCK


def _wave(made: Accelerator) -> str:
    """Clock by clock: a sample's beats, the junction cycles it is in, its result."""
    of = made.plan
    beats, period, last = of.inputs.groups, of.period, of.junctions[-1]
    return (
        f"clock            0 … {beats - 1}{'':<14}{period} … {2 * period - 1:<12}{2 * period} …\n"
        f"samples          {beats} beats\n"
        f"layer 0                         written\n"
        f"junction 1                                      FF of the sample\n"
        f"results                                         first beat in clock {period + made.latency} at the earliest, then "
        f"{last.groups} beats\n"
    )


def _from_sample_to_result(made: Accelerator) -> str:
    """How long a single sample takes, by where in a junction cycle it is complete."""
    of, least = made.plan, made.wait + made.latency
    return (
        "From the clock in which the last beat of a sample is taken to the one in which the first beat of its result is "
        f"offered pass {least} to {least + of.period - 1} clocks, if nothing waits. It depends on the phase: junction "
        f"cycles of {of.period} clocks follow each other, whether samples come or not; {least} clocks pass if the last "
        f"beat comes {made.wait} clocks before one begins, one more for each clock that it comes earlier, and a beat "
        "that comes later waits for the next one.\n"
    )


def _reset(emitted: Verilog) -> tuple[str, str]:
    """The port that resets, and when it does."""
    return ("aresetn", "low") if "aresetn" in emitted.ports else ("rst", "high")


def _to(emitted: Verilog) -> str:
    """Where there is another clock."""
    return ", and so is `bus_aresetn`, each to its own clock" if BUS_CLOCK in emitted.ports else ""


def _native(emitted: Verilog) -> list[str]:
    """The accelerator's own ports."""
    of = emitted.accelerator.plan
    last = of.junctions[-1]
    return [
        "### samples\n",
        f"A stream with valid, ready and payload. A sample is {of.inputs.groups} beats of {of.beat} inputs each "
        f"({of.numbers.input}, neuron 0 first, the lowest bits first); `label`, `kappa` (learning rate 2^-kappa, "
        f"{of.kappas[0]}..{of.kappas[1]}) and `train` count in the last beat. A sample that is not complete when a junction "
        "cycle begins waits for the next; the cycle is a bubble and changes nothing.\n",
        judgement(of),
        table(("field", "lowest bit", "bits"), [(f"`{n}`", f.offset, f.width) for n, f in sample_layout(of)]),
        "### results\n",
        f"{last.groups} beats of {last.results_per_clock} output activations ({of.numbers.activation}); "
        "`prediction`, `label` and `train` count in the last beat, which `last` marks. If results are not taken, the "
        "accelerator stands at the end of a junction cycle until there is room again; nothing is lost or changed.\n",
        table(("field", "lowest bit", "bits"), [(f"`{n}`", f.offset, f.width) for n, f in result_layout(of)]),
        "```text\n" + _wave(emitted.accelerator) + "```\n",
        _from_sample_to_result(emitted.accelerator),
        "### bus\n",
        "Hold `request`, `write`, `address` and `write_data` until `done`, which lasts one clock; `read_data` and `error` "
        "come with it. Weights and biases are accessible while the accelerator stands (CONTROL bit 0 clear, STATUS bit 0 "
        "set).\n",
        legal_values(of, "`error` comes with `done`, "),
    ]


def _tried(of: Plan) -> str:
    """What the test bench does."""
    assert of.config.hardware is not None
    if of.config.hardware.interface == "serial":
        return (
            "sends samples one by one through the line, then reads weights and biases (a line has no hurry: of a large "
            "network some samples and some words), and compares every byte of every reply with what the model says"
        )
    return (
        "feeds samples back to back, compares every beat of the results, and then all weights and biases, with what the "
        "model says"
    )


def description(emitted: Verilog) -> str:
    """The README beside the Verilog."""
    of = emitted.accelerator.plan
    config, (reset, level) = of.config, _reset(emitted)
    figures = of.design.inventory
    schedule = "overlap" if of.overlap else "flush"
    parts = [
        f"# {config.name}: {'an accelerator that trains' if of.trains else 'an inference accelerator'}\n",
        f"A pre-defined sparse network {'-'.join(map(str, config.network.layers))} with "
        f"{sum(config.edges):,} edges, {sum(j.z for j in of.junctions)} of them at work in every clock. "
        f"One sample enters every **{of.period} clocks** (schedule `{schedule}`). Generated by hwsim from "
        f"`config.yaml`, which reproduces every byte; `{SOURCE}` holds all modules. The top one is `{emitted.top}` "
        "(`hardware.module`), with which the names of all others begin. A signal of a submodule is `instance__signal` "
        "outside it; the comment behind a line is the line of the generator that it comes from.\n",
        "## Start\n",
        start(of, reset),
        "## Numbers\n",
        numbers(of),
        "## Ports\n",
        table(("port", "direction", "bits"), [(f"`{n}`", d, b) for n, (d, b) in emitted.ports.items()]),
        f"`{reset}` is synchronous and active {level}{_to(emitted)}. "
        "It stops everything at once: samples under way are lost, "
        "and weights keep what has been written to them, so load them again (or the bitstream).\n",
        *(_native(emitted) if emitted.component is emitted.accelerator else interface_sections(of)),
        register_pages(of),
        memory_pages(of),
        "## Latencies\n",
        "Clocks from the read of a weight row to the write of what follows from it.\n",
        table(
            ("junction", "rows", "FF to activation", "BP to partial delta", "UP to weight", "behind junction 1"),
            [
                (j.number, j.rows, j.timing.feedforward, j.timing.backward, j.timing.update, j.timing.offset)
                for j in of.junctions
            ],
        ),
        "## Resources\n",
        f"Multipliers: {of.multipliers['edges']} for edges, {of.multipliers['derivatives']} for derivatives. "
        "State of the network:\n",
        table(
            ("memory", "banks", "memories", "words", "bits"),
            [(m.name, m.banks, m.lanes, m.depth, m.width) for m in figures.memories],
        ),
        "RAMs ask for LUT RAM or block RAM: `ram_style` (Xilinx, Yosys), `syn_ramstyle` (Lattice, Synplify), `ramstyle` "
        "(Intel: MLAB or M20K).\n",
        f"`{NAMES}` says where to find every write port in the hierarchy. `weights_<i>.mem` and `biases_<i>.mem` are the "
        f"initial contents for $readmemh, already part of the Verilog. `{WAIVERS}` is for "
        f"`verilator --lint-only -Wall {WAIVERS} {SOURCE}`.\n",
        f"`{CORE}` is a core of FuseSoC, with targets `lint` (Verilator), `sim` (Icarus) and `synth` (Yosys, for an ECP5; "
        f"one that has Tcl, which YoWASP's lacks): `fusesoc --cores-root . run --target lint {core_name(of)}`.\n",
        f"`{BENCH}` checks the design in any simulator, with neither Python nor cocotb: it {_tried(of)}, and prints one "
        f"line that begins with PASS or FAIL (`iverilog -g2005 -o bench {BENCH} {SOURCE} && vvp bench`, or FuseSoC's "
        "`sim`).\n",
        f"`vivado -mode batch -source {VIVADO} -tclargs PART` and `quartus_sh -t {QUARTUS} FAMILY DEVICE` (both have "
        f"defaults) take the design alone through synthesis, placement and routing, with the clock of `{VIVADO_CLOCK}` and "
        f"`{QUARTUS_CLOCK}`. They have not been run by us with the vendors' tools.\n",
    ]
    return "\n".join(parts)
