"""Every file that a command reads, replaced by all that a file must not be: one line, exit code 2, and no waiting."""

import shutil
import sys

import pytest

from hwsim.commands import app as cli
from tests.hwsim import runs
from tests.hwsim.studies import small_studies
from tests.hwsim.untrusted import KINDS, put

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no pipes and devices with names")


def refused(capsys, *arguments):
    """What a command complains about."""
    code = cli.run([str(a) for a in arguments])
    told = capsys.readouterr()
    assert code == 2 and told.err.count("\n") == 1, (code, told.err, told.out)
    assert len(told.err) < 700 and told.err.startswith("hwsim: ")
    return told.err


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run that has been interrupted, a finished study and a log, to be copied before anything in them is damaged."""
    folder = tmp_path_factory.mktemp("begun")
    config = runs.write_config(folder, "fixed pipelined", epochs=1)
    path = small_studies.write(folder, seeds=[0], axes={"width": {"key": "numbers.width", "grid": [8, 12]}})
    assert small_studies.explore(path, folder / "study") == 0
    assert cli.run(["simulate", str(config), "--out", str(folder / "sim"), "--trace", "0:20", "--samples", "5", "-q"]) == 0
    return folder


def _study(folder, **changes):
    """A study of other content beside that of :func:`begun`."""
    (folder / "other").mkdir()
    shutil.copy(folder / "samples.npz", folder / "other")
    return small_studies.write(folder / "other", seeds=[0], measure=["costs"], axes={}, set=None, **changes)


# By name: the file in the place of which others are put, and the command, given that folder and file.
READERS = {
    "CONFIG": ("x.yaml", lambda f, x: ["check", x]),
    "CONFIG of a simulation": ("x.yaml", lambda f, x: ["simulate", x, "--out", f / "o"]),
    "CONFIG to be solved": ("x.yaml", lambda f, x: ["solve", x]),
    "STUDY": ("x.yaml", lambda f, x: ["explore", x, "--out", f / "o"]),
    "base of a study": ("x.yaml", lambda f, x: ["explore", _study(f, base=str(x)), "--out", f / "o"]),
    "connectivity.file": ("x.npz", lambda f, x: ["check", f / "fixed-pipelined.yaml", "--set", f"connectivity.file={x}"]),
    "training.init_file": ("x.npz", lambda f, x: ["check", f / "fixed-pipelined.yaml", "--set", f"training.init_file={x}"]),
    "data.name": ("x.npz", lambda f, x: ["train", f / "fixed-pipelined.yaml", "--set", f"data.name={x}", "--out", f / "o"]),
    "data.name of CSV": ("x.csv", lambda f, x: ["train", f / "fixed-pipelined.yaml", "--set", f"data.name={x}"]),
    "--data-dir": ("x", lambda f, x: ["data", "info", "mnist", "--data-dir", x]),
    "first LOG": ("x.jsonl", lambda f, x: ["diff", x, f / "sim/trace.jsonl"]),
    "second LOG": ("sim/trace.jsonl", lambda f, x: ["diff", f / "trace.jsonl", x]),
    "RUN": ("x", lambda f, x: ["export-frontend", x, "--out", f / "o"]),
    "FILE of tensors": ("x.pt", lambda f, x: ["import-torch", x, "--out", f / "o"]),
    "FILE of a model": ("x.onnx", lambda f, x: ["import-model", x, "--out", f / "o"]),
    "RUN to be exported": ("x", lambda f, x: ["export-model", x, "--out", f / "o/net.onnx"]),
    "STUDY of fit-area": ("study/study.yaml", lambda f, x: ["fit-area", f / "study", "--out", f / "o.yaml"]),
    "results of fit-area": ("study/results.csv", lambda f, x: ["fit-area", f / "study", "--out", f / "o.yaml"]),
    "stored study": ("study/study.yaml", lambda f, x: ["explore", f / "study.yaml", "--out", f / "study", "--resume"]),
    "store": ("study/study.sqlite", lambda f, x: ["explore", f / "study.yaml", "--out", f / "study", "--resume"]),
    "stored configuration": ("sim/config.yaml", lambda f, x: ["simulate", f / "fixed-pipelined.yaml", "--out", f / "sim"]),
}
LEGAL = {
    ("store", "an empty file"),  # begins again
    ("store", "a link to nothing"),  # which is where the link leads
    *(("--data-dir", kind) for kind in KINDS),  # where the files are missing, which is said of each
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_every_file_that_is_read_can_be_anything(reader, kind, begun, tmp_path, capsys, no_pictures):
    name, command = READERS[reader]
    folder = tmp_path / "f"
    shutil.copytree(begun, folder)
    shutil.copy(folder / "sim/trace.jsonl", folder)
    path = put(kind, folder / name)
    if (reader, kind) in LEGAL:
        assert cli.run([*map(str, command(folder, path))]) in (0, 1)
        return
    line = refused(capsys, *command(folder, path))
    assert "Traceback" not in line and not (folder / "o").exists()
