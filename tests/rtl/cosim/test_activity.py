"""Toggles: counted in waveforms written by hand, by kind of net, and in a simulated design against a naive count."""

import json
from itertools import pairwise

import pytest
from pywellen import Waveform as Reader

from hwsim.commands import app as cli
from hwsim.commands.power import Estimating
from hwsim.configuration import config_file
from hwsim.design import Design
from models.errors import InputError
from rtl.cosim import activity
from rtl.cosim.activity import Nets, count, nets
from rtl.cosim.toggles import Waveform
from tests.hwsim import runs
from tests.hwsim.test_figures import unregistered

# A counter of 2 bits (register), its lower bit inverted (net), a product of it (operand), and the test bench's own signal.
VERILOG = """\
module design (
  input wire clk
);
  reg [1:0] n = 2'h0;  // counter.py:1
  reg [7:0] ram [3:0];
  reg [1:0] held;
  wire low;
  wire [3:0] square;
  wire [3:0] tripled;
  assign low = ~ n[0];
  assign square = $signed(n[1:0]) * $signed({ 1'h0, n[0] });
  assign tripled = low * 2'h3;
  always @(posedge clk)
    if (rst) n <= 2'h0;
    else if (go) n[1:0] <= _0_;
  always @(posedge clk) begin
    if (write) ram[n] <= 8'h00;
    if (n <= held) low_2 <= n <= 2'h1;
  end
endmodule
"""
HEAD = """\
$version by hand $end
$timescale 1ps $end
$scope module bench $end
$var wire 8 ~ own [7:0] $end
$scope module dut $end
$var wire 1 ! clk $end
$var wire 2 " n [1:0] $end
$var wire 1 a# low $end
$var wire 2 " renamed [1:0] $end
$var wire 8 m ram[0] [7:0] $end
$upscope $end
$upscope $end
$enddefinitions $end
"""
CHANGES = """\
#0
b00 "
1a#
b00000000 ~
0!
#10
1!
b01 "
0a#
b11111111 ~
#15
0!
#20
1!
b11111111 m
b10 "
1a#
#30
b11 "
0a#
#40
b0 "
1a#
"""


@pytest.fixture
def waves(tmp_path):
    path = tmp_path / "waves.vcd"
    path.write_text(HEAD + CHANGES)
    return Waveform.read(path)


def test_registers_and_operands_are_found_in_the_text():
    found = nets(VERILOG)
    assert found == {"design": Nets({"n", "low_2"}, {"n"})}


def test_toggles_are_counted_between_two_times(waves):
    by_name = dict(waves.names)
    n, low, own = (by_name[name] for name in [("bench", "dut", "n"), ("bench", "dut", "low"), ("bench", "own")])
    assert by_name["bench", "dut", "renamed"] == n
    assert waves.widths[[n, low, own]].tolist() == [2, 1, 8]
    # 00 -> 01 -> 10 -> 11 -> 00 are 1, 2, 1 and 2 bits.
    assert waves.toggles(1, 100)[[n, low, own]].tolist() == [6, 4, 8]
    assert waves.toggles(15, 40)[[n, low, own]].tolist() == [3, 2, 0]
    assert waves.toggles(41, 100).sum() == 0


def test_rates_are_toggles_per_bit_and_clock_by_kind(waves):
    modules = {("bench", "dut"): nets(VERILOG)["design"]}
    found, signals = count(waves, modules, 10, 41, 4)
    assert found.registers == 6 / (2 * 4)
    assert found.nets == 4 / (1 * 4)  # neither the clock, nor a memory's words, nor what is the bench's
    assert found.operands == 6 / (2 * 4)
    assert found.components == {"top": (6 + 4) / 4}
    assert {kind: len(chosen) for kind, chosen in signals.items()} == {"registers": 1, "nets": 1, "operands": 1}


@pytest.mark.parametrize("text", ["", "$scope module bench $end\n", HEAD.replace('"', '"' * 12)])
def test_what_is_no_waveform_is_refused(text, tmp_path):
    path = tmp_path / "waves.vcd"
    path.write_text(text or "\n")
    with pytest.raises(ValueError, match=r"no end|more than 9 characters"):
        Waveform.read(path)


def test_the_options_default_is_the_librarys():
    assert Estimating().samples == activity.SAMPLES


def test_no_samples_are_refused():
    with pytest.raises(InputError, match="samples = 0: must be at least 1"):
        activity.check(0)


def naive(path, signals, times):
    """Bits that differ between one time and the next, by another reader of waveforms, and bits that it looks at."""
    total, bits = 0, 0
    for variable in {v.full_name: v for v in Reader(str(path)).all_vars() if v.full_name in signals}.values():
        values = [variable.signal.value_at(time) for time in times]
        total += sum((a ^ b).bit_count() for a, b in pairwise(values))
        bits += variable.bitwidth or 1
    return total, bits


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """An activity, the folder that it was measured in, and what was counted on the way."""
    folder, counted = tmp_path_factory.mktemp("activity"), {}
    design = Design(config_file.load(runs.write_config(folder, "fixed pipelined")))

    def recorded(waveform, modules, first, last, clocks):
        found, chosen = count(waveform, modules, first, last, clocks)
        counted.update(waveform=waveform, first=first, clocks=clocks, chosen=chosen)
        return found, chosen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(activity, "count", recorded)
        found = activity.measure(design, design.dataset(None).train, folder, 4)
    assert found.clocks == counted["clocks"] == 4 * design.inventory.clocks_per_input
    return found, folder / "dump.vcd", counted


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["registers", "nets", "operands"])
def test_a_simulated_design_toggles_as_another_reader_says(kind, measured):
    found, path, counted = measured
    waveform, chosen = counted["waveform"], counted["chosen"][kind].tolist()
    names = {signal: ".".join(name) for name, signal in waveform.names}
    # Just ahead of every edge everything has settled.
    times = [counted["first"] + 10_000 * clock - 1 for clock in range(counted["clocks"] + 1)]
    toggles, bits = naive(path, {names[signal] for signal in chosen}, times)
    assert bits == waveform.widths[chosen].sum() > 0
    assert getattr(found, kind) == pytest.approx(toggles / (bits * counted["clocks"]))
    assert 0 < getattr(found, kind) < 1


@pytest.mark.slow
def test_toggles_are_counted_in_whole_clocks_of_the_protocol(measured):
    """The bench's number of clocks moves on at the times in which clocks are told apart."""
    _, path, counted = measured
    (now,) = [v for v in Reader(str(path)).all_vars() if v.full_name == "bench.now"]
    clock = now.signal.value_at(counted["first"] - 1)
    assert counted["first"] == 15_000 + 10_000 * clock
    assert now.signal.value_at(counted["first"]) == clock + 1


@pytest.mark.slow
def test_the_command_counts_the_same_toggles(measured, tmp_path, capsys):
    config, out = runs.write_config(tmp_path, "fixed pipelined"), tmp_path / "out"
    options = ["--target", "ecp5-25k", "--frequency", "20", "--simulate", "--samples", "4", "--out", str(out)]
    assert cli.run(["power", str(config), *options]) == 0
    assert "simulated, 24 clocks" in capsys.readouterr().out
    left = json.loads((out / "power.json").read_text())
    assert left["activity_clocks"]["value"] == 24
    for kind in ("registers", "nets", "operands"):
        assert left[f"{kind}_toggle"]["value"] == getattr(measured[0], kind)
        assert left[f"{kind}_toggle"]["meaning"].endswith("simulated, 24 clocks")
    assert left["component_toggles"]["value"] == measured[0].components
    assert unregistered(out / "power.json") == []
