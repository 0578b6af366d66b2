"""The fuzzer at small size; HWSIM_FUZZ_CASES=20000 spreads as many over all readers, HWSIM_FUZZ_SEED draws others."""

import os
import subprocess
import sys

import pytest

from tests.fuzz.readers import FAMILIES, READERS

CASES, SEED = int(os.environ.get("HWSIM_FUZZ_CASES", "160")), os.environ.get("HWSIM_FUZZ_SEED", "0")


@pytest.mark.parametrize("readers", FAMILIES, ids=lambda readers: " ".join(readers))
def test_whatever_a_file_holds_is_read_or_told(readers):
    cases = str(-(-CASES // len(READERS)))
    shard = [sys.executable, "-m", "tests.fuzz", "--reader", *readers, "--cases", cases, "--seed", SEED]
    ended = subprocess.run(shard, capture_output=True, text=True, check=False)
    lines = ended.stdout.splitlines()
    faults = [line for line in lines if line.startswith("fault: ")]
    assert not faults, "\n".join(faults)
    died = f"exit code {ended.returncode} after {lines[-1] if lines else 'nothing'}\n{ended.stderr[-3000:]}"
    assert ended.returncode == 0 and sum(line.startswith("done: ") for line in lines) == len(readers), died


def test_every_reader_has_a_family():
    assert sorted(READERS) == sorted(name for family in FAMILIES for name in family)
