"""Stands in for synthesis in studies: resources that are exact sums of a design's features."""

from hwsim.costs import area, operations
from hwsim.measurements.measurement import Measurement
from rtl.synthesis.measurement import FIGURES

WEIGHTS = {
    "xc7_luts": {"adder_bits": 1.5, "one": 40},
    "xc7_dsps": {"multipliers": 1},
    "ecp5_ffs": {"register_bits": 0.5, "one": 9},
}


def depends(settings):
    return ["fake 1"]


def measure(subject):
    design, settings = subject.design, subject.settings
    known = area.features(operations.costs(design.config, design.inventory))
    found = {name: sum(w * known[f] for f, w in weights.items()) for name, weights in WEIGHTS.items()}
    return found | {"xc7_block_rams": 0, "seed": design.config.seed} if settings["place"] else found | {"xc7_block_rams": 0}


SYNTH = Measurement("synth", FIGURES, measure, once=True, depends=depends)
