"""Whatever breaks a property is refuted, and the real component shows it."""

import re

import pytest
from pywellen import Waveform

from hwsim.commands.app import run
from rtl.proofs import session
from rtl.proofs.bench import Bench
from rtl.proofs.prover import Status, reachability
from rtl.proofs.replay import replay
from tests.rtl.designs import design
from tests.rtl.proofs.faults import FAULTS
from tests.rtl.proofs.test_prove import ODD

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_refuted_by_a_waveform(monkeypatch, tmp_path, name):
    fault = FAULTS[name]
    fault.apply(monkeypatch)
    make = session.components(design(fault.design))[fault.component]
    bench = session.stated(make)
    (broken,) = (p for p in bench.monitor.required if p.name == fault.property)
    verdict = reachability(bench, tmp_path / "tools", 60, [broken.name], broken.given)[broken.name]
    assert verdict.status is Status.FAILED, fault.breaks
    seen = replay(Bench(make()), verdict.start, verdict.inputs, tmp_path / "fault.vcd")
    assert seen[broken.name] < len(verdict.inputs)
    assert not any(p.name in seen for p in (*bench.monitor.assumed, *bench.monitor.chosen)), "shown by what may not be"
    assert (tmp_path / "fault.vcd").read_text().startswith(("$comment", "$date", "$timescale", "$version"))


def test_the_command_says_what_does_not_hold_and_where_it_shows(monkeypatch, tmp_path, capsys):
    FAULTS["rash_registers"].apply(monkeypatch)
    options = ["--property", "registers: memories_at_rest", "--out", str(tmp_path / "run")]
    assert run(["prove", str(ODD), *options]) == 1
    told = " ".join("".join(capsys.readouterr()).split())
    assert "registers: memories_at_rest: does not hold in clock " in told and "0 of 1 proved" in told
    (waveform,) = (tmp_path / "run").rglob("memories_at_rest.vcd")
    assert waveform.name in told
    there = {v.full_name: v.bitwidth for v in Waveform(str(waveform)).all_vars()}
    shown = re.findall(r"^([a-z_][\w.\\]*)(?:\[(\d+):0\])?$", waveform.with_suffix(".gtkw").read_text(), re.MULTILINE)
    assert len(shown) > 3 and {(name, int(high or 0) + 1) for name, high in shown} <= set(there.items())
