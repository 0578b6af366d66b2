"""The fuzzer at small size; HWSIM_FUZZ_CASES=20000 spreads as many over all readers, HWSIM_FUZZ_SEED draws others."""

import os

import pytest

from tests import warm
from tests.fuzz.readers import FAMILIES, READERS

CASES, SEED = int(os.environ.get("HWSIM_FUZZ_CASES", "160")), os.environ.get("HWSIM_FUZZ_SEED", "0")


PROGRAM = "import sys\nfrom tests.fuzz.__main__ import main\nsys.exit(main())\n"


@pytest.mark.parametrize("readers", FAMILIES, ids=lambda readers: " ".join(readers))
def test_whatever_a_file_holds_is_read_or_told(readers):
    cases = str(-(-CASES // len(READERS)))
    shard = warm.begun(PROGRAM, "--reader", *readers, "--cases", cases, "--seed", SEED)
    out, complaint = shard.communicate()
    lines = out.splitlines()
    faults = [line for line in lines if line.startswith("fault: ")]
    assert not faults, "\n".join(faults)
    died = f"exit code {shard.returncode} after {lines[-1] if lines else 'nothing'}\n{complaint[-3000:]}"
    assert shard.returncode == 0 and sum(line.startswith("done: ") for line in lines) == len(readers), died


def test_every_reader_has_a_family():
    assert sorted(READERS) == sorted(name for family in FAMILIES for name in family)
