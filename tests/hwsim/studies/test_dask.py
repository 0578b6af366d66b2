"""The same study on a real Dask cluster: a scheduler and two workers on loopback, one of which is killed."""

import re
import subprocess
import sys

import pytest

from tests.hwsim.studies import small_studies

pytest.importorskip("distributed")


def start(*arguments):
    command = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture
def cluster(tmp_path):
    """A scheduler's address and its workers."""
    scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    processes = [scheduler]
    try:
        address = next(m[1] for line in scheduler.stdout if (m := re.search(r"Scheduler at:\s*(tcp://\S+)", line)))
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path / "scratch")]
        workers = [start("dask_worker", address, *options) for _ in range(2)]
        processes += workers
        yield address, workers
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_study_on_a_cluster_that_loses_a_worker(cluster, tmp_path):
    address, workers = cluster
    path = small_studies.write(tmp_path, set={"numbers.fraction": 6, "training.epochs": 20})
    assert small_studies.explore(path, tmp_path / "local", "--workers", "1") == 0
    arguments = ["explore", str(path), "--out", str(tmp_path / "out"), "--scheduler", address]
    process = subprocess.Popen([sys.executable, "-m", "hwsim", *arguments], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if re.match(r"\d+ of \d+ measurements", line):
            break
    workers[0].kill()
    _, complaint = process.communicate(timeout=600)
    assert process.returncode == 0, complaint
    assert small_studies.tables(tmp_path / "out") == small_studies.tables(tmp_path / "local")


def test_nobody_at_the_address_is_one_line(tmp_path, capsys, monkeypatch):
    from hwsim.studies.measuring import dask_workers

    monkeypatch.setattr(dask_workers, "_SECONDS", 0.5)
    path = small_studies.write(tmp_path)
    assert small_studies.explore(path, tmp_path / "out", "--scheduler", "tcp://127.0.0.1:9") == 2
    assert "cannot be reached" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
