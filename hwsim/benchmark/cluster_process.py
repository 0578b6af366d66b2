"""``python -m hwsim.benchmark.cluster_process N FOLDER FD``: a Dask cluster of N worker processes on this machine.

It writes its address to a file descriptor; then, for every line that it reads, the processor time in seconds that its
processes have taken. It ends with what it reads from. Workers are started as docs/how-to/dask.md says.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import IO

_QUIET = {
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "10s",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}
"""Every worker watches itself, 50 and 100 times a second otherwise: a fortieth of a core each."""
_OPTIONS = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory")


def main(count: str, folder: str, asked: Iterable[str], answers: IO[str]) -> None:
    """Serve until nothing more is asked."""
    os.environ |= _QUIET  # read when Dask is imported
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as cluster, Client(cluster) as client:
        command = [sys.executable, "-P", "-m", "distributed.cli.dask_worker", cluster.scheduler_address, *_OPTIONS, folder]
        workers = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(int(count))]
        try:
            client.wait_for_workers(len(workers))
            _answer(answers, cluster.scheduler_address)
            for _ in asked:
                _answer(answers, time.process_time() + sum(client.run(time.process_time).values()))
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()


def _answer(answers: IO[str], what: object) -> None:
    answers.write(f"{what}\n")
    answers.flush()


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[3]), "w") as answers:
        main(sys.argv[1], sys.argv[2], sys.stdin, answers)
