"""A design is translated once; what was kept of it is what would be made again."""

import pytest
from amaranth._toolchain.yosys import _BuiltinYosys

from rtl.accelerator import Accelerator
from rtl.verilog.emission import Verilog
from tests.rtl.designs import SHORT, design


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """How often Yosys runs, with nothing kept before."""
    monkeypatch.setenv("HWSIM_CACHE", str(tmp_path))
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")
    run, calls = _BuiltinYosys.run, []

    def counted(*args, **kwargs):
        calls.append(args)
        return run(*args, **kwargs)

    monkeypatch.setattr(_BuiltinYosys, "run", counted)
    return calls


def text(name):
    return Verilog.of(Accelerator(design(name, numbers=SHORT))).text


def test_the_same_netlist_is_translated_once(calls, tmp_path):
    first = text("one_junction")
    assert text("one_junction") == first and len(calls) == 1
    assert text("one_row") != first and len(calls) == 2
    assert sum(f.stat().st_size for f in tmp_path.rglob("*") if f.is_file()) < len(first)


def test_what_is_damaged_is_made_again(calls, tmp_path):
    first = text("one_row")
    (file,) = (f for f in tmp_path.rglob("*") if f.is_file())
    file.write_bytes(file.read_bytes()[:-1])
    assert text("one_row") == first and len(calls) == 2
    assert text("one_row") == first and len(calls) == 2


def test_where_nothing_can_be_kept_all_goes_on(calls, tmp_path):
    tmp_path.joinpath("made").write_text("a file")
    assert text("one_row") == text("one_row") and len(calls) == 2
