"""``hwsim cosim`` of a small Morse network with single faults in streams, pace and port: exit code 1, and which it is."""

import json
import re

import pytest

from hwsim.commands import app as cli
from rtl.cosim import scenarios
from tests.rtl.cosim.protocol_faults import PROTOCOL_FAULTS

pytestmark = pytest.mark.slow

MORSE = """
name: morse
network: {layers: [64, 8, 64], out_degree: [1, 8], activation: sigmoid}
hardware: {z: [8, 8]}
numbers: {width: 7, fraction: 4, product_fraction: 8, input: {width: 6, fraction: 4, signed: true}}
training: {rate_shift: [[0, 1], [1, 3]]}
data: {name: morse, morse: {per_class: [3, 1, 1]}}
"""


@pytest.fixture
def cosim(tmp_path, monkeypatch, capsys):
    """The command on the network with the options of the issue: exit code, and what it says."""
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "morse.yaml"
    config.write_text(MORSE)

    def run(*options):
        streams = ("--samples", "40", "--idle", "0.2", "--blocked", "0.2", "--inference", "0.2")
        code = cli.run(["cosim", str(config), *streams, "--out", str(tmp_path / "out"), *options])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def test_whole_it_agrees_in_every_scenario(cosim, tmp_path):
    code, told = cosim()
    assert code == 0, told
    for name in scenarios.names():
        assert re.search(rf"^ *{name} +agrees ", told, re.MULTILINE), (name, told)
    found = json.loads((tmp_path / "out/metrics.json").read_text())
    assert list(found["scenarios"]["value"]) == list(scenarios.names())
    assert found["clocks_compared"]["value"] > 10_000 and found["words_compared"]["value"] > 1000


@pytest.mark.parametrize("interface", ["axi", "wishbone"])
def test_what_is_inside_a_standard_interface_agrees(interface, cosim):
    code, told = cosim("--set", f"hardware.interface={interface}", "--scenarios", "data")
    assert code == 0, told


SHOWN_BY = {
    "drops_bus_writes_to_weights": "data,checkpoint",
    "counts_no_cycles": "data,rates",
    "payload_changes_while_it_waits": "data,late,blocked,late_and_blocked",
    "reset_forgets_the_banks": "data,rates,flowing",
}
"""Of faults that any of several scenarios may show, those that are enough; whole, the design agrees in all."""


@pytest.mark.parametrize("name", PROTOCOL_FAULTS)
def test_the_command_names_the_fault(name, cosim, monkeypatch):
    fault = PROTOCOL_FAULTS[name]
    fault.apply(monkeypatch)
    named = re.match(r"scenario (\w+),", fault.caught)  # one that shows only there is not looked for elsewhere
    code, told = cosim("--scenarios", named[1] if named else SHOWN_BY[name])
    assert code == 1, f"not noticed: {fault.breaks}"
    line = next(line for line in told.splitlines() if "Verilog and machine differ" in line)
    assert re.search(fault.caught, line), line


def test_a_deadlock_is_told_after_the_clocks_that_are_asked_for(cosim, monkeypatch):
    PROTOCOL_FAULTS["keeps_the_room_of_results"].apply(monkeypatch)
    code, told = cosim("--timeout", "77", "--scenarios", "data")
    assert code == 1 and "deadlock: advance does not come in 77 clocks" in told, told
