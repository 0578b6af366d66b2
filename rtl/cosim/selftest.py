"""Verilog and machine on one case of the self test; the only place that tells a co-simulation of it."""

import tempfile
from pathlib import Path

import numpy as np

from hwsim.selftest.case import Case, Different, Unbuildable
from hwsim.simulation.disturbances import STREAMS, Disturbances
from models.data.dataset import Split
from models.errors import InputError
from rtl.cosim import cosimulation, scenarios
from rtl.cosim.capture import SimulationError
from rtl.plan.plan import Plan

_DRAWN = 3
"""Scenarios that a design goes through besides its own samples: many designs together go through all."""

_EPOCHS = 3
"""Passes over few samples, so that learning rates follow their schedule."""


def compare(case: Case, simulator: str) -> int:
    """Co-simulate; the writes compared.

    Raises
    ------
    Different
        At the first difference, or if the simulation breaks off.
    Unbuildable
        If there is no hardware for such a design.
    """
    design, meets = case.design, case.meets
    try:
        trains = Plan.of(design).trains
    except InputError as e:
        raise Unbuildable(str(e)) from None
    possible = trains and bool(case.illegal_labels.size or case.illegal_kappas.size)
    disturbances = Disturbances(
        idle=meets.late,
        blocked=meets.blocked,
        inference=meets.inference,
        illegal=meets.illegal if possible else 0.0,
        place=STREAMS,
    )
    few = slice(0, -(-meets.samples // _EPOCHS))
    # Real numbers that are the integers once more when they are quantised.
    inputs = case.config.numbers.system.input.real(case.inputs()[few])
    data = Split(inputs, case.labels()[few].astype(np.int64))
    with tempfile.TemporaryDirectory(prefix="hwsim-selftest-") as folder:
        try:
            run = cosimulation.cosimulate(design, data, simulator, meets.samples, Path(folder), disturbances, _asked(case))
        except SimulationError as e:
            raise Different(f"the simulation broke off: {e}") from None
    if run.outcome.mismatch is not None:
        raise Different(str(run.outcome.mismatch))
    return run.outcome.writes


def _asked(case: Case) -> cosimulation.Asked:
    drawn = case.generator(5).permutation(sorted(scenarios.SCENARIOS))[:_DRAWN]
    return cosimulation.Asked((scenarios.DATA, *(name for name in scenarios.SCENARIOS if name in drawn)))
