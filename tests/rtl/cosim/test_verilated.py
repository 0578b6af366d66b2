"""Verilator's model of the bench: built once for each content, followed while it runs, as strict as any other simulator."""

from unittest.mock import patch

import pytest

from rtl.cosim import comparison
from rtl.cosim.capture import Options
from rtl.cosim.cosimulation import Exercise
from rtl.cosim.simulators import BUILD_LOG
from tests.rtl.cosim.driving import generate, verilog
from tests.rtl.cosim.faults import FAULTS
from tests.rtl.designs import design


@pytest.mark.slow
def test_built_once_followed_and_no_fault_missed(tmp_path, monkeypatch):
    monkeypatch.setenv("HWSIM_CACHE", str(tmp_path / "cache"))
    made = Exercise.of(verilog("one_junction"), ("rates", "reset"))
    first = made.on("verilator", tmp_path / "first")
    assert first.outcome.mismatch is None and "make" in (tmp_path / "first" / BUILD_LOG).read_text()
    assert first.capture.followed == first.outcome.by_memory

    with patch.object(comparison, "_writes", side_effect=AssertionError("compared already")):
        again = made.on("verilator", tmp_path / "again")
    assert (tmp_path / "again" / BUILD_LOG).read_text().startswith("built before")
    assert again.outcome == first.outcome

    monkeypatch.setattr("rtl.cosim.simulators.Verilator.follows", False)
    assert made.on("verilator", tmp_path / "alone").outcome == first.outcome
    monkeypatch.undo()

    monkeypatch.setenv("HWSIM_CACHE", str(tmp_path / "cache"))
    FAULTS["wrong_rounding"].apply(monkeypatch)
    text = generate(design("one_junction")).text
    found = [made.on(name, tmp_path / name, Options(text=text)).outcome for name in ("verilator", "icarus")]
    assert str(found[0].mismatch) == str(found[1].mismatch) and str(found[0].mismatch).startswith("scenario rates, clock ")
    assert found[0].events is not None and found[1].events is not None
    assert all((a == b).all() for a, b in zip(found[0].events, found[1].events, strict=True))
