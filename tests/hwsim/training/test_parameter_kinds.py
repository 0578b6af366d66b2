"""Whatever engine trains: what computes in fixed point starts from quantised parameters, what computes in floating point
from real ones."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import yaml

from hwsim.benchmark.yardsticks import GatherLoop
from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.design import Design
from models.errors import InputError
from models.files.npz import read_npz, write_npz
from models.network.parameters import IntegerParameters, RealParameters
from tests.hwsim import runs

ENGINES = ("fixed", "cycle", "float")


def design(tmp_path, engine, **training):
    return Design(config_file.load(runs.write_config(tmp_path, "fixed pipelined", engine=engine, **training)))


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.weights + one.biases, other.weights + other.biases, strict=True))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_design_has_both_kinds_whatever_engine_trains(tmp_path, engine):
    of, fixed = design(tmp_path, engine), design(tmp_path, "fixed")
    numbers = of.config.numbers.system
    assert type(of.initial_real) is RealParameters and type(of.initial_integers) is IntegerParameters
    assert {a.dtype for a in of.initial_real.arrays().values()} == {np.dtype(np.float64)}
    assert {a.dtype for a in of.initial_integers.arrays().values()} == {np.dtype(np.int32)}
    assert of.initial is (of.initial_real if engine == "float" else of.initial_integers)
    for part, formats in (("weights", numbers.weight), ("biases", numbers.bias)):
        for reals, integers in zip(getattr(of.initial_real, part), getattr(of.initial_integers, part), strict=True):
            nearest = np.clip(np.floor(reals * formats.one + 0.5), formats.lowest, formats.highest)
            assert nearest.tolist() == integers.tolist()
    assert all(w.any() for w in of.initial_integers.weights)
    assert equal(of.initial_integers, fixed.initial_integers) and equal(of.initial_real, fixed.initial_real)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_of_a_design_starts_from_its_own_kind(tmp_path, engine):
    of = design(tmp_path, engine, precision="float64")
    machine = of.machine()
    assert equal(machine.parameters, of.initial_integers)
    assert equal(of.fixed_engine().parameters, of.initial_integers)
    assert equal(of.float_engine().parameters, of.initial_real)
    loop = GatherLoop(of)
    assert all(np.array_equal(w, i) for w, i in zip(loop.weights, of.initial_integers.weights, strict=True))
    with pytest.raises(InputError, match="parameters = RealParameters: must be IntegerParameters"):
        of.machine(of.initial_real)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("weight", "line"),
    [
        (np.full(32, 2048), "weight_1 = 2048..2048: must lie in -2048..2047"),
        (np.full(31, 0), "weight_1 = (31,): must have shape (32,)"),
    ],
)
def test_the_machine_refuses_integers_that_do_not_fit(tmp_path, weight, line):
    of = design(tmp_path, "cycle")
    given = IntegerParameters([weight, of.initial_integers.weights[1]], of.initial_integers.biases)
    with pytest.raises(InputError) as error:
        of.machine(given)
    assert line in str(error.value)


def simulated(path, out, *options):
    assert cli.run(["simulate", str(path), "--out", str(out), "--quiet", *options]) == 0
    return {name: (out / name).read_bytes() for name in ("initial.npz", "final.npz")}


def test_a_simulation_of_a_float_configuration_is_that_of_the_fixed_one(tmp_path, no_pictures):
    path = runs.write_config(tmp_path, "fixed pipelined")
    fixed = simulated(path, tmp_path / "fixed")
    assert simulated(path, tmp_path / "float", "--set", "training.engine=float") == fixed
    initial = read_npz(tmp_path / "float" / "initial.npz")
    assert initial["weight_1"].dtype == np.int32 and initial["weight_1"].any()
    assert runs.train(path, tmp_path / "trained", "--epochs", "1") == 0
    assert (tmp_path / "trained" / "final.npz").read_bytes() == fixed["final.npz"]


@pytest.mark.parametrize("kind", ["real", "integers"])
def test_parameters_from_a_file_reach_every_engine_in_its_own_kind(kind, tmp_path, no_pictures):
    of = design(tmp_path, "fixed")
    numbers = of.config.numbers.system
    rng = np.random.default_rng(5)
    reals = RealParameters(*([rng.normal(0, 1, a.size) for a in part] for part in (of.initial.weights, of.initial.biases)))
    given = reals if kind == "real" else reals.quantise(numbers)
    write_npz(tmp_path / "given.npz", given.arrays())
    wanted = reals.quantise(numbers)
    finals = []
    for engine in ENGINES:
        options = {"init": "file", "init_file": str(tmp_path / "given.npz"), "epochs": 1}
        path = runs.write_config(tmp_path, "fixed pipelined", engine=engine, **options)
        loaded = Design(config_file.load(path))
        assert equal(loaded.initial_integers, wanted)
        assert equal(loaded.initial_real, reals if kind == "real" else wanted.real(numbers))
        assert runs.train(path, tmp_path / engine) == 0
        assert equal(type(loaded.initial).read(tmp_path / engine / "initial.npz", loaded.network), loaded.initial)
        simulation = simulated(path, tmp_path / f"{engine} simulated")
        finals.append(simulation["final.npz"])
    assert finals[0] == finals[1] == finals[2] == (tmp_path / "fixed" / "final.npz").read_bytes()


def test_a_diverged_run_cannot_be_initial_parameters(tmp_path, capsys):
    of = design(tmp_path, "float")
    arrays = of.initial.arrays()
    arrays["weight_2"][3] = np.nan
    write_npz(tmp_path / "given.npz", arrays)
    path = runs.write_config(tmp_path, "fixed pipelined", init="file", init_file=str(tmp_path / "given.npz"))
    for engine in ENGINES:
        for command in ("simulate", "train"):
            out = ("--out", str(tmp_path / "out"), "--quiet", "--set", f"training.engine={engine}")
            assert cli.run([command, str(path), *out]) == 2
            told = capsys.readouterr().err
            assert "given.npz:weight_2 = nan: must hold finite numbers" in told and told.count("\n") == 1


CONFUSED = """
    import numpy as np
    from hwsim.design import Design
    from models.fixed.engine import FixedEngine
    from models.floating.engine import FloatEngine
    from models.network.parameters import IntegerParameters, Parameters, RealParameters

    def confuse(d: Design, real: RealParameters, integers: IntegerParameters, either: Parameters) -> None:
        d.machine(real)
        d.machine(either)
        d.machine(d.initial)
        FixedEngine(d.network, d.config.numbers.system, d.initial_real, d.config.hops)
        FloatEngine(d.network, d.initial_integers)
        FloatEngine(d.network, either)
        Parameters([np.zeros(1)], [np.zeros(1)])
"""


def test_the_type_checker_refuses_the_wrong_kind(tmp_path):
    pytest.importorskip("mypy")
    root = Path(__file__).parents[3]
    (tmp_path / "confused.py").write_text(textwrap.dedent(CONFUSED))
    command = [sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml"), str(tmp_path / "confused.py")]
    command += ["--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent"]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    errors = [line for line in found.stdout.splitlines() if "confused.py" in line and ": error: " in line]
    assert len(errors) == 7, found.stdout + found.stderr
    assert all("incompatible type" in line for line in errors[:6]) and "abstract class" in errors[6]


def test_verilog_of_a_float_configuration_is_that_of_the_fixed_one(tmp_path):
    path = runs.write_config(tmp_path, "fixed pipelined")
    text = {}
    for engine in ("fixed", "float"):
        data = yaml.safe_load(path.read_text())
        data["training"]["engine"] = engine
        path.write_text(yaml.safe_dump(data))
        out = tmp_path / engine
        assert cli.run(["verilog", str(path), "--out", str(out), "--quiet"]) == 0
        names = ("accelerator.v", "initial.npz", *(f"{a}_{i}.mem" for a in ("weights", "biases") for i in (1, 2)))
        text[engine] = {name: (out / name).read_bytes() for name in names}
    assert text["float"] == text["fixed"]
    assert set(text["float"]["weights_1.mem"]) - set(b"0\n")
