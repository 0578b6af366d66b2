"""All scenarios on designs without a data set: as other parts of the hardware's checks call them."""

from typing import Any

import pytest

from rtl.cosim import scenarios
from rtl.cosim.capture import Options, SimulationError
from rtl.cosim.cosimulation import Exercise, exercise, saturated
from tests.rtl.cosim.driving import generate, verilog
from tests.rtl.cosim.faults import FAULTS
from tests.rtl.cosim.test_grid import OVERLAP_SMALL, TIGHT, sizes
from tests.rtl.designs import SHORT, design, planned

DESIGNS: dict[str, dict[str, Any]] = {
    "one beat": sizes([4, 4, 2], [1, 1], [4, 4], numbers=SHORT),
    "overlap": sizes([16, 8, 4], [4, 4], [4, 2], numbers=SHORT, classes=3, **OVERLAP_SMALL),
    "every format overflows": sizes([12, 6, 4], [3, 4], [6, 6], numbers=TIGHT, rate_shift=((0, 0), (1, 1))),
    "inference build": sizes([16, 8, 4], [4, 4], [8, 8], numbers=SHORT, build="inference"),
    "no counters": sizes([12, 6], [3], [6], numbers=SHORT, counters=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_every_scenario_agrees(name, tmp_path):
    emitted = generate(planned(**DESIGNS[name]))
    run = exercise(emitted, "icarus", tmp_path)
    assert run.outcome.mismatch is None, str(run.outcome.mismatch)
    verdicts = {p.name: p.verdict for p in run.parts}
    assert set(verdicts) == set(scenarios.SCENARIOS)
    impossible = {"illegal"} if name in ("inference build", "every format overflows") else set()
    assert {n for n, v in verdicts.items() if v != "agrees"} == impossible
    assert run.outcome.clocks == run.expected.protocol.clocks and run.outcome.answers > 500
    if name == "every format overflows":
        assert min(saturated(run).values()) > 0


def test_one_expectation_serves_the_design_and_a_faulty_text(tmp_path, monkeypatch):
    made = Exercise.of(verilog("one_junction"), ("rates", "reset"))
    assert made.on("icarus", tmp_path / "whole").outcome.mismatch is None
    FAULTS["wrong_rounding"].apply(monkeypatch)
    text = generate(design("one_junction")).text
    run = made.on("icarus", tmp_path / "faulty", Options(text=text))
    assert str(run.outcome.mismatch).startswith("scenario rates, clock ")
    assert [(p.name, p.verdict) for p in run.parts] == [("rates", "differs"), ("reset", "not reached")]


def test_signals_that_wait_for_each_other_end_the_simulation(tmp_path):
    """A loop without a register: no simulator comes to the end of the clock."""
    emitted = verilog("one_junction")
    loop = "  reg spin = 0;\n  always @(posedge clk) forever begin #0 spin = !spin; end\nendmodule\n"
    head, _, tail = emitted.text.partition("endmodule\n")
    assert "input clk" in head
    made = Exercise.of(emitted, ("rates",))
    with pytest.raises(SimulationError, match=r"icarus hangs \(no clock after clock 0 in 3 s"):
        made.on("icarus", tmp_path, Options(text=head + loop + tail, silence=3.0))
