"""The figures of a simulation, as its ``metrics.json`` has them beside those of the accelerator."""

from hwsim.figure import Figure, Figures

SIMULATION = Figures(
    "simulation",
    {
        "clocks": Figure("clocks", "from the first load to the last write, drain included"),
        "clocks_per_input": Figure("clocks", "between the entries of two samples, as simulated", "less"),
        **{
            f"busy_{operation}": Figure("1", f"share of all clocks in which {operation} works, by junction")
            for operation in ("FF", "BP", "UP")
        },
        "staleness": Figure("updates", "that a feedforward misses, by junction", "less"),
        "train_accuracy": Figure("1", "share of training samples predicted right as they were fed", "more"),
        "saturation": Figure("events", "by junction and signal: preactivation, delta, weight, bias", "less"),
        "memory_use": Figure("accesses/clock", "reads and writes of one memory, all banks, average"),
        "memories": Figure("banks, memories a bank, words, bits a word, bits", "every memory of the accelerator"),
        "bubbles": Figure("junction cycles", "in which no input was ready, drain not included"),
        "inference_samples": Figure("samples", "fed for inference only"),
        "stalled_clocks": Figure("clocks", "in which a blocked output held the machine"),
        "waiting": Figure("clocks", "in which the machine waited for weights from external memory, all of the run", "less"),
        **{
            f"bandwidth_{kind.replace(' ', '_')}": Figure("bits/clock", f"{kind} read and written, average")
            for kind in ("weights", "activations", "partial deltas")
        },
        "checked_cycles": Figure("junction cycles", "of the machine that were checked in full, clock by clock", "more"),
        "repeated_cycles": Figure("junction cycles", "like one that was checked before, whose accesses were repeated"),
        "equals_reference": Figure("bool", "whether every integer of the state equals the reference's"),
    },
)

ENTERED = Figures(
    "entered",
    {"training_samples": Figure("samples", "fed for training")}
    | {name: SIMULATION[name] for name in ("inference_samples", "bubbles", "stalled_clocks")},
)
"""What entered the machine, as a table has it."""

JUNCTIONS = Figures(
    "simulated junction",
    {
        "staleness": Figure("updates", "that a feedforward of the junction misses", "less"),
        "shortest_revisit": Figure(
            "clocks", "fewest between two accesses to one left neuron in a pass; all of the pass if there is one"
        ),
    },
)
"""Of one junction, as a table has them beside those of its schedule."""

USE = Figures(
    "memory use",
    {
        "reads": Figure("reads/clock", "of one memory, all banks together, average"),
        "writes": Figure("writes/clock", "of one memory, all banks together, average"),
    },
)
"""Of one memory, as a table has them."""
