"""A shard of the fuzzer: says each case before it begins, so that even what kills the process is known.

``python -m tests.fuzz --reader NAME --cases N --seed S``; ``--first K`` with ``--cases 1`` repeats one.
"""

import argparse
import collections
import faulthandler
import os
import resource
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from random import Random

from tests.fuzz import quick
from tests.fuzz.case import fault
from tests.fuzz.readers import READERS

_HANGS = 300  # seconds: only ends a process that would never end
_MEMORY = 8 << 30


def main() -> int:
    """Run a shard; the exit code is 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--reader", choices=READERS, required=True, nargs="+", metavar="NAME", help=" ".join(READERS))
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="keep the files of the cases")
    given = parser.parse_args()
    quick.leave_out()
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    home = Path(tempfile.mkdtemp(prefix="hwsim-fuzz-"))
    try:
        numbers = range(given.first, given.first + given.cases)
        faults = sum(shard(reader, numbers, given.seed, home / reader, given.keep) for reader in given.reader)
    finally:
        if given.keep:
            say(f"files: {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    return 1 if faults else 0


def shard(name: str, numbers: range, seed: int, home: Path, keep: bool) -> int:
    """Run cases of one reader; returns how many faults there were."""
    reader = READERS[name](home / "sound")
    codes: collections.Counter[int | None] = collections.Counter()
    faults = 0
    (home / "unchanged").mkdir(parents=True)
    unchanged = reader.case(Random(0), home / "unchanged", change=False)
    answer = unchanged.run()
    assert answer.code == 0 and not unchanged.wrong(answer), answer  # else nothing below would mean anything
    for number in numbers:
        again = f"python -m tests.fuzz --reader {name} --seed {seed} --first {number} --cases 1"
        say(f"begun: {again}")
        folder = home / str(number)
        folder.mkdir()
        faulthandler.dump_traceback_later(_HANGS, exit=True)
        case = reader.case(Random(f"{name} {seed} {number}"), folder)
        try:
            code, wrong = fault(case)
        except BaseException:
            code, wrong = None, f"raised {' / '.join(traceback.format_exc().splitlines()[-5:])}"
        faulthandler.cancel_dump_traceback_later()
        codes[code] += 1
        if wrong:
            faults += 1
            say(f"fault: {again}: {case.what}: {wrong}")
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    counts = ", ".join(f"{n} with {code}" for code, n in sorted(codes.items(), key=str))
    say(f"done: {name}, {len(numbers)} cases: {counts}; {faults} faults")
    return faults


def say(line: str) -> None:
    """A line that is out before the next case begins."""
    os.write(1, f"{line}\n".encode(errors="replace"))


if __name__ == "__main__":
    sys.exit(main())
