"""What no engine wrote is refused before anything has changed; whatever is taken can be trained on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from hwsim.configuration import config_file
from hwsim.design import Design
from hwsim.results.directory import RunDirectory
from hwsim.training.run import TrainingRun
from models.errors import InputError
from models.files.npz import read_npz, write_npz
from tests.hwsim import runs
from tests.hwsim.machine import forgeries

ROOT = Path(__file__).parents[3]
ROUNDS = int(os.environ.get("HWSIM_FORGERIES", "1"))
"""Seeds of random forgeries for each kind of run, about 1,000 checkpoints a seed."""


def program(*arguments):
    """A process of its own, which a crash ends in place of this one."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


SHAPES = {
    "64-bit sums": {
        "numbers": {
            "width": 18,
            "fraction": 10,
            "activation": {"width": 16, "fraction": 12},
            "preactivation": {"width": 16, "fraction": 10},
        }
    },
    "one junction": {"network": {"layers": [16, 4], "out_degree": "full"}, "hardware": {"z": [4]}},
    "three junctions": {"network": {"layers": [16, 8, 8, 4], "out_degree": [2, 2, 2]}, "hardware": {"z": [8, 4, 4]}},
}


@pytest.mark.parametrize("engine", ["fixed", "cycle"])
@pytest.mark.parametrize("shape", SHAPES)
def test_forged_checkpoints_of_other_shapes_are_refused_or_trained_on(shape, engine, tmp_path):
    path = runs.write_config(tmp_path, "fixed pipelined", engine=engine)
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | SHAPES[shape]))
    wide = forgeries.begun(path)[0].arrays()["flight_partial"].dtype == np.int64
    assert wide == (shape == "64-bit sums")
    found = program("-m", "tests.hwsim.machine.forgeries", path, 0)
    assert found.returncode == 0, f"{found.stdout[-80:]}{found.stderr}"


@pytest.mark.parametrize("kind", runs.KINDS)
def test_forged_checkpoints_are_refused_or_trained_on(kind, tmp_path):
    path = runs.write_config(tmp_path, kind)
    for seed in range(ROUNDS):
        found = program("-m", "tests.hwsim.machine.forgeries", path, seed)
        *_, last = found.stdout.splitlines()
        assert found.returncode == 0, f"exit {found.returncode} at: {last}\n{found.stderr}"
        assert last.startswith("refused and taken: ")


def stopped(path, out):
    """Files of a run that was stopped after its first epoch, with samples in flight; the name of its checkpoint."""
    design = Design(config_file.load(path))
    run = TrainingRun(design, design.dataset(None), RunDirectory(out, design.config))
    assert not run.run(lambda _progress: signal.raise_signal(signal.SIGINT)).finished
    return out / "checkpoint.npz"


@pytest.mark.parametrize(
    ("engine", "name", "value"),
    [
        ("cycle", "flight_label", 2**31 - 1),
        ("cycle", "flight_label", -(2**31)),
        ("cycle", "flight_kind", 3),
        ("fixed", "flight_label", 2**31 - 1),
        ("fixed", "weight_1", 5000),
    ],
)
def test_a_forged_checkpoint_ends_resuming_in_one_line(engine, name, value, tmp_path):
    path = runs.write_config(tmp_path, "fixed pipelined", engine=engine)
    checkpoint = stopped(path, tmp_path / "run")
    arrays = read_npz(checkpoint)
    arrays[name][:] = value
    write_npz(checkpoint, arrays)
    before = checkpoint.read_bytes()
    found = program("-m", "hwsim", "train", path, "--out", tmp_path / "run", "--quiet", "--resume")
    assert (found.returncode, found.stderr.count("\n")) == (2, 1), found.stderr
    assert "checkpoint" in found.stderr and checkpoint.read_bytes() == before


LINES = [
    ("weight_1", (3,), 2048, "checkpoint:weight_1[3] = 2048: must lie in -2048..2047"),
    ("bias_2", (1,), -2049, "checkpoint:bias_2[1] = -2049: must lie in -2048..2047"),
    ("saturation", (1, 2), -1, "checkpoint:saturation[1, 2] = -1: must lie in 0.."),
    ("cycle", (), -1, "checkpoint:cycle = -1: must lie in 0.."),
    ("flight_kind", (0,), 3, "checkpoint:flight_kind[0] = 3: must lie in 0..2"),
    ("flight_label", (2,), 4, "checkpoint:flight_label[2] = 4: must lie in 0..3"),
    ("flight_label", (0,), 1, "checkpoint:flight_label[0] = 1: must be 0, since no later step reads it"),
    ("flight_kappa", (1,), 2, "checkpoint:flight_kappa[1] = 2: must lie in 3..4"),
    ("flight_kappa", (1,), 5, "checkpoint:flight_kappa[1] = 5: must lie in 3..4"),
    ("flight_activation", (2, 0), 256, "checkpoint:flight_activation[2, 0] = 256: must lie in 0..255"),
    ("flight_activation", (1, 17), 2048, "checkpoint:flight_activation[1, 17] = 2048: must lie in -2048..2047"),
    ("flight_derivative", (1, 7), -2049, "checkpoint:flight_derivative[1, 7] = -2049: must lie in -2048..2047"),
    ("flight_partial", (0, 0), 2**23 + 100, "checkpoint:flight_partial[0, 0] = 8388708: must lie in -"),
    ("flight_output_delta", (1, 3), 2048, "checkpoint:flight_output_delta[1, 3] = 2048: must lie in -2048..2047"),
]


@pytest.mark.parametrize("kind", ["fixed pipelined", "cycle"])
@pytest.mark.parametrize(("name", "place", "value", "line"), LINES, ids=[f"{n}-{v}" for n, _, v, _ in LINES])
def test_the_first_forged_value_is_named_with_its_place_and_rule(kind, name, place, value, line, tmp_path):
    started, _ = forgeries.begun(runs.write_config(tmp_path, kind))
    arrays = started.arrays()
    before = {k: a.copy() for k, a in arrays.items()}
    arrays[name][place] = value
    with pytest.raises(InputError) as error:
        started.restore(arrays)
    assert str(error.value).startswith(line)
    assert forgeries.same(started.arrays(), before)


def test_a_machine_ends_where_its_samples_can_no_longer_be_told_apart(tmp_path):
    design = Design(config_file.load(runs.write_config(tmp_path, "cycle")))
    machine = design.machine()
    idle = machine.samples(np.zeros((1, 16), np.int32), [0], 3)
    for cycle, line in ((2**31, "checkpoint:cycle = 2147483648: must lie in 0..2147483647"), (2**31 - 2, "")):
        arrays = machine.arrays() | {"cycle": np.array(cycle)}
        if line:
            with pytest.raises(InputError, match=line):
                machine.restore(arrays)
        else:
            machine.restore(arrays)
    machine.feed(idle)
    machine.settle()
    assert machine.cycle == 2**31 - 1
    with pytest.raises(InputError, match="cycle = 2147483647: ends here: the machine can tell 2147483648 samples apart"):
        machine.drain()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_training_that_diverged_resumes(value, tmp_path):
    path = runs.write_config(tmp_path, "float adam batches")
    started, data = forgeries.begun(path)
    arrays = started.arrays()
    arrays["weight_1"][:] = arrays["optimiser_first"][:] = value
    arrays["optimiser_second"][:] = abs(value)
    ends = []
    for trainer in (started, forgeries.begun(path)[0]):
        trainer.restore(arrays)
        with np.errstate(all="ignore"):
            trainer.advance(np.arange(20), 0)
            trainer.judge(data.test)
        ends.append(trainer.arrays())
    assert forgeries.same(*ends)


FLOAT_LINES = [
    ("optimiser_iterations", np.array(-1), "optimiser.iterations = -1: must be an integer in 0.."),
    ("optimiser_iterations", np.array(2**62 + 1), "optimiser.iterations = 4611686018427387905: must be an integer"),
    ("optimiser_iterations", np.array(3.0), "optimiser.iterations = 3.0: must be an integer"),
    ("optimiser_iterations", np.array(True), "optimiser.iterations = bool: must hold real numbers"),
    ("optimiser_third", np.zeros(3), "optimiser.third: is nothing that belongs here"),
    ("weight_3", np.zeros(3), "weight_3: is nothing that belongs here"),
    ("weight_1", np.zeros(64, complex), "weight_1 = complex128: must hold real numbers"),
    ("bias_1", np.full(8, 0.1), "bias_1 = float64: cannot be held by float32 without loss"),
]


@pytest.mark.parametrize(("name", "forged", "line"), FLOAT_LINES)
def test_forged_arrays_of_the_float_engine_are_named(name, forged, line, tmp_path):
    started, _ = forgeries.begun(runs.write_config(tmp_path, "float adam batches"))
    before = started.arrays()
    with pytest.raises(InputError) as error:
        started.restore(before | {name: forged})
    assert str(error.value).startswith(line)
    assert forgeries.same(started.arrays(), before)


def test_a_second_moment_is_not_negative(tmp_path):
    started, _ = forgeries.begun(runs.write_config(tmp_path, "float adam batches"))
    arrays = started.arrays()
    arrays["optimiser_second"][5] = -1e-9
    with pytest.raises(InputError, match=r"optimiser\.second = -.*: is a mean of squares: must not be negative"):
        started.restore(arrays)
