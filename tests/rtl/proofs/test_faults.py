"""Whatever breaks a property is refuted, and the real component shows it."""

import pytest

from rtl.proofs import session
from rtl.proofs.bench import Bench
from rtl.proofs.prover import Status, reachability
from rtl.proofs.replay import replay
from tests.rtl.designs import design
from tests.rtl.proofs.faults import FAULTS

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
    seen = replay(Bench(make()), verdict.inputs, tmp_path / "fault.vcd")
    assert seen[broken.name] < len(verdict.inputs)
    assert not any(p.name in seen for p in (*bench.monitor.assumed, *bench.monitor.chosen)), "shown by what may not be"
    assert (tmp_path / "fault.vcd").read_text().startswith(("$comment", "$date", "$timescale", "$version"))
