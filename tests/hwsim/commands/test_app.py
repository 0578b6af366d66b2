"""The command line in the hands of a clumsy user: exit code, one line on standard error, and nothing left half-written."""

import builtins
import errno
import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise

import pytest
import yaml

import hwsim.__main__
from hwsim.commands import app as cli
from hwsim.configuration.config_file import assignment, load
from hwsim.pictures import training
from hwsim.results import directory
from models.errors import InputError
from models.files.whole import write_whole
from tests.hwsim import runs
from tests.hwsim.commands.examples import commands
from tests.hwsim.shipped import DEMO, SHIPPED

PREPARING = re.compile(r"preparing: .*\n")  # the first time
SOFTMAX = "network: {layers: [16, 4], out_degree: full, activation: softmax}\nhardware: {z: [4]}\n"


@pytest.fixture
def config(tmp_path):
    return runs.write_config(tmp_path, "fixed pipelined")


@pytest.fixture
def refused(capsys):
    """Runs a command that must fail; returns its line on standard error."""

    def run(*arguments, code=2):
        assert cli.run(list(map(str, arguments))) == code
        line = PREPARING.sub("", capsys.readouterr().err)
        assert line.startswith("hwsim: ") and line.endswith("\n") and line.count("\n") == 1 and line.strip().isprintable()
        return line.removeprefix("hwsim: ").rstrip("\n")

    return run


def tree(folder):
    """Every file below a folder with its content, hidden ones too."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_the_options_do_not_allow(refused, config):
    assert refused("train") == "Missing argument 'CONFIG'. (see hwsim train --help)"
    assert refused("data", "info") == "Missing argument 'NAME'. (see hwsim data info --help)"
    assert refused("xyzzy") == "No such command 'xyzzy'. (see hwsim --help)"
    assert refused("trian") == "No such command 'trian'. Did you mean 'train'? (see hwsim --help)"
    assert refused("--frobnicate") == "No such option: --frobnicate (see hwsim --help)"
    assert refused("train", config, "--epoch", "3").startswith("No such option: --epoch")
    assert "--epochs" in refused("train", config, "--epochs", "three")
    assert "--epochs" in refused("train", config, "--epochs", "1e3")
    assert "--seconds" in refused("bench", config, "--seconds", "0")
    assert "--seconds" in refused("bench", config, "--seconds", "nan")
    assert "--out" in refused("train", config, "--out")
    assert "unexpected extra argument" in refused("check", config, config)
    assert refused("train", config, "--epochs", "-1") == "training.epochs = -1: must be at least 0; nearest: 0"
    assert refused("train", config, "--samples", "0") == "training.samples = 0: must be at least 1; nearest: 1"
    assert refused("check", config, "--seed", "-1") == "seed = -1: must be at least 0; nearest: 0"
    assert refused("check", config, "--seed", 10**30).startswith(f"seed = {10**30}: must be less than 9223372036854775808")
    assert refused("train", config, "--order", "pipeline").startswith('training.order = "pipeline": must be pipelined or')
    assert refused("train", config, "--engine", "cycles").startswith('training.engine = "cycles": must be float or fixed')


def test_windows_of_clocks_that_are_none(refused, config):
    for text in ("", "5", "5:", ":5", "a:b", "5:1", "5:5", "-1:5", "0:1e3", f"0:{10**20}", "²:³", "1:2:3", "0: 5"):
        assert "must read FIRST:LAST, two clocks in ascending order" in refused("simulate", config, f"--trace={text}")


def test_help_is_not_an_error(capsys):
    for arguments in (["--help"], ["train", "--help"], ["data", "fetch", "--help"]):
        assert cli.run(arguments) == 0
        assert "Usage: hwsim" in capsys.readouterr().out


def test_help_lists_commands_by_what_they_are_for(capsys):
    assert cli.run(["--help"]) == 0
    told = capsys.readouterr().out
    places = [told.index(f"─ {group} ─") for group in (*cli.GROUPS, "Data")]
    assert places == sorted(places)
    for (group, known), (begin, end) in zip(cli.GROUPS.items(), pairwise(places), strict=True):
        listed = re.findall(r"^│ ([a-z][a-z-]+) ", told[begin:end], re.MULTILINE)
        assert listed == [cli._name(command) for command in known], group


@pytest.mark.parametrize(
    ("words", "known"),
    [("hwsim si", ["simulate"]), ("hwsim train --ep", ["--epochs"]), ("hwsim data f", ["fetch"]), ("hwsim nothing", [])],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(words, known, shell, monkeypatch, capsys):
    monkeypatch.setenv("_HWSIM_COMPLETE", f"complete_{shell}")
    for name, value in {"COMP_WORDS": words, "COMP_CWORD": len(words.split()) - 1}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", words)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    assert cli.run([]) == 0
    told = capsys.readouterr().out.replace("_files", "").strip()  # zsh: where no word of ours fits
    assert all(word in told for word in known) and bool(told) == bool(known)


def test_configurations_that_cannot_be_read(refused, tmp_path):
    for command in ("check", "train", "bench"):
        assert refused(command, tmp_path / "no.yaml").endswith("no.yaml: cannot be read: No such file or directory")
        assert refused(command, tmp_path).endswith("cannot be read: it is a folder")
    (tmp_path / "cut.yaml").write_text(DEMO[:200])
    assert "cut.yaml: is not valid YAML: line 7, column" in refused("check", tmp_path / "cut.yaml")
    (tmp_path / "\x1b[31m\nred.yaml").write_text("x: 1")
    assert refused("check", tmp_path / "\x1b[31m\nred.yaml") == "x: is an unknown key"
    assert "\\x1b[31m none.yaml: cannot be read" in refused("check", tmp_path / "\x1b[31m\nnone.yaml")


def test_values_given_by_set(refused, config):
    assert assignment("numbers.input.width=8") == ("numbers.input.width", 8)
    assert assignment("network.out_degree=[4, 16]") == ("network.out_degree", [4, 16])
    assert assignment("name=a=b") == ("name", "a=b")
    assert load(config, dict([assignment("training.rate_shift=[[0, 1]]")])).training.rate_shift == ((0, 1),)
    for text in ("seed", "=3", "", ".=1", "training..epochs=3", "a.=1"):
        assert refused("check", config, "--set", text).endswith("must read key=value, for example training.epochs=3")
    for text in ("seed=[", "seed=!!int x", "seed=\0", "seed=&a [*a]", "seed=" + "[" * 9999):
        assert refused("check", config, "--set", text).endswith(
            "not valid YAML: give a number, a word or a list such as [4, 16]"
        )
    assert refused("check", config, "--set", "sed=3") == "sed: is an unknown key; nearest: seed"
    assert refused("check", config, "--set", "seed=") == "seed = null: must be a whole number"
    assert refused("check", config, "--set", "training.epochs.x=1") == "training.epochs = 4: must be a section with keys"


def test_designs_that_no_engine_can_run(refused, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(SOFTMAX)
    line = "network.activation = softmax: needs the float engine; in fixed point; nearest: sigmoid, relu, clipped_relu, tanh"
    assert refused("check", path) == line and refused("train", path) == line
    hasty = "network: {layers: [16, 4], out_degree: [1]}\nhardware: {z: [16], schedule: overlap}\n"
    path.write_text(hasty)
    assert refused("check", path).startswith("hardware.schedule = overlap: overlap allows 1 clocks from a weight's read")
    path.write_text(SOFTMAX + "training: {engine: float, batch_size: 8}\n")
    assert refused("check", path).startswith("training.order = pipelined: works on single samples")
    path.write_text(SOFTMAX + "training: {engine: float, order: sequential}\n")
    assert refused("train", path, "--engine", "fixed") == line
    assert refused("train", path, "--save-stream").startswith("network.layers[0] = 16: has fewer neurons than the 784")
    wide = DEMO.replace("width: 12, fraction: 8", "width: 20, fraction: 1").replace(
        "product_fraction: 16", "product_fraction: 48"
    )
    path.write_text(wide)
    assert re.match(r"numbers: exact sums of junction 1 may need \d+ bits", refused("check", path))
    assert cli.run(["check", str(path), "--quiet"]) == 2


def test_data_that_is_not_there_or_does_not_fit(refused, config, tmp_path, monkeypatch):
    monkeypatch.delenv("HWSIM_DATA", raising=False)
    assert "needs a data directory: give --data-dir or set HWSIM_DATA" in refused(
        "train", SHIPPED[-1], "--set", "data.name=mnist"
    )
    line = refused("train", SHIPPED[-1], "--set", "data.name=mnist", "--data-dir", tmp_path / "none")
    assert "no such directory" in line
    assert "unknown data set" in refused("train", config, "--set", "data.name=mnits")
    assert "cannot be read: No such file" in refused("train", config, "--set", "data.name=none.npz")
    (tmp_path / "bad.npz").write_bytes(b"PK\3\4 not really")
    assert "bad.npz" in refused("train", config, "--set", f"data.name={tmp_path / 'bad.npz'}")
    line = refused("train", config, "--samples", "151")
    assert line == "training.samples = 151: exceeds the 150 training samples of samples; nearest: 150"
    assert refused("train", config, "--set", "data.validation=150").startswith(
        "data.validation = 150: must leave a training"
    )
    line = refused("train", config, "--set", "network.classes=3")
    assert line == "network.classes = 3: does not cover the 4 classes of samples; nearest: 4"
    assert not (tmp_path / "runs").exists()


def test_data_commands(refused, capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("HWSIM_DATA", raising=False)
    assert cli.run(["data", "list"]) == 0 and "mnist-mini" in capsys.readouterr().out
    assert cli.run(["data", "info", "mnist-mini"]) == 0 and "5,000" in capsys.readouterr().out
    assert "unknown data set" in refused("data", "info", "mnits")
    assert "--data-dir: is missing" in refused("data", "fetch", "mnist")
    assert cli.run(["data", "info", "mnist", "--data-dir", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert "missing" in shown.out and not shown.err
    samples = runs.write_samples(tmp_path / "[bold]my:smile:.npz")
    assert cli.run(["data", "info", str(samples)]) == 0
    assert "[bold]my:smile:: 16 features, 4 classes" in capsys.readouterr().out


def below_a_file(folder):
    (folder / "file").write_text("kept")
    return folder / "file" / "run"


UNUSABLE = {
    "a file": (lambda f: f / "samples.npz", "is not a directory"),
    "below a file": (below_a_file, "file is no directory that can be written to"),
    "proc": (lambda f: "/proc/run", "cannot be written: No such file or directory"),
    "a device": (lambda f: "/dev/full", "is not a directory"),
    "below a device": (lambda f: "/dev/null/run", "/dev/null is no directory that can be written to"),
    "a long name": (lambda f: f / ("x" * 300), "cannot be written: File name too long"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_directories_that_cannot_be_written(kind, refused, config, tmp_path):
    make, reason = UNUSABLE[kind]
    out = make(tmp_path)
    before = tree(tmp_path)
    for command in ("train", "check"):
        line = refused(command, config, "--out", out)
        assert line.startswith("--out = ") and reason in line
    assert tree(tmp_path) == before


def test_directories_of_others_are_left_alone(refused, config, tmp_path, no_pictures):
    other = tmp_path / "project"
    other.mkdir()
    (other / "config.yaml").write_text(config.read_text())  # named as in a run, but its owner's work
    (other / "thesis.tex").write_text("all of it")
    before = tree(other)
    for options in ((), ("--force",), ("--resume",)):
        refused("train", config, "--out", other, *options)
    refused("check", config, "--out", other)
    refused("train", other / "config.yaml", "--out", other, "--force")
    assert tree(other) == before


def test_directories_of_another_run_are_kept_unless_forced(refused, config, tmp_path, no_pictures):
    out = tmp_path / "run"
    assert runs.train(config, out, "--save-stream") == 0
    before = tree(out)
    line = refused("train", config, "--out", out, "--seed", "1")
    assert line == f"--out = {out}: holds a run of another configuration, see config.yaml there: --force replaces it"
    assert refused("check", config, "--out", out, "--seed", "1") == line.removesuffix(": --force replaces it")
    assert (
        refused("train", config, "--out", out, "--resume")
        == f"--resume = {out}: holds no interrupted run: leave --resume out to begin one"
    )
    assert refused("train", config, "--out", tmp_path / "none", "--resume").endswith(
        "none: holds no interrupted run: leave --resume out to begin one"
    )
    assert tree(out) == before
    assert runs.train(config, out, "--force", "--seed", "1") == 0
    assert runs.train(config, tmp_path / "fresh", "--seed", "1") == 0
    assert runs.files(out) == runs.files(tmp_path / "fresh")


def test_a_simulation_replaces_all_of_another_run(config, tmp_path, no_pictures):
    out = tmp_path / "run"
    traced = ("--trace", "0:9", "--trace-format", "vcd,perfetto")
    assert runs.train(config, out, "--save-stream") == 0
    assert cli.run(["simulate", str(config), "--out", str(out), "--quiet", "--force", *traced]) == 0
    assert directory.STREAM not in runs.files(out) and set(directory.TRACES) < set(runs.files(out))
    assert cli.run(["simulate", str(config), "--out", str(out), "--quiet"]) == 2
    assert set(directory.TRACES) < set(runs.files(out))
    assert cli.run(["simulate", str(config), "--out", str(out), "--quiet", "--force"]) == 0
    assert not set(directory.TRACES) & set(runs.files(out))


def test_a_stream_of_floating_point_numbers_is_refused(refused, tmp_path):
    path = runs.write_config(tmp_path, "float single samples")
    line = refused("train", path, "--out", tmp_path / "run", "--save-stream")
    assert line == "--save-stream: holds fixed-point integers: the float engine has none, leave it out"
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing went wrong with: its configuration file and what it left."""
    folder = tmp_path_factory.mktemp("whole")
    config = runs.write_config(folder, "fixed pipelined")
    assert runs.train(config, folder / "run") == 0
    return config, runs.files(folder / "run")


@pytest.mark.parametrize("operation", ["fsync", "replace"])
@pytest.mark.parametrize("nth", range(1, 14))
def test_a_full_disk_leaves_whole_files_only(nth, operation, refused, whole, tmp_path, monkeypatch):
    """The disk is full from the n-th file on; a run of four epochs writes 13, the last being pictures and a report."""
    config, expected = whole
    out, calls = tmp_path / "run", 0
    original = getattr(os, operation)

    def full(*arguments, **keywords):
        nonlocal calls
        calls += 1
        if calls >= nth:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(*arguments, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(os, operation, full)
        line = refused("train", config, "--out", out, "--quiet")
    assert line.endswith("cannot be written: No space left on device")
    left = runs.files(out) if out.exists() else {}  # if there was no room for anything at all, nothing is left
    assert not [name for name in left if name.startswith(".")]
    assert all(left[name] == expected[name] for name in left if name not in ("checkpoint.npz",))
    # Once there is room again, the run goes on, or starts anew where it had not begun, or was done but for its pictures.
    monkeypatch.setattr(training, "all_of_training", lambda *_: [])
    assert runs.train(config, out, *(["--resume"] if "checkpoint.npz" in left else [])) == 0
    drawn = (".png", directory.REPORT)
    again = runs.files(out)
    assert again.pop(directory.REPORT) != expected[directory.REPORT]  # as it lacks the pictures
    assert again == {name: content for name, content in expected.items() if not name.endswith(drawn)}


def test_plain_files_are_replaced_whole_and_devices_are_written_to(tmp_path):
    target = tmp_path / "file"
    write_whole(target, b"one")
    (tmp_path / "link").symlink_to(target)
    write_whole(tmp_path / "link", b"two")
    assert target.read_bytes() == b"two" and (tmp_path / "link").is_symlink()
    write_whole(directory.Path("/dev/null"), b"three")
    assert directory.Path("/dev/null").is_char_device()
    for path in (tmp_path, tmp_path / "none" / "file", target / "below"):
        with pytest.raises(InputError, match="cannot be written"):
            write_whole(path, b"four")
    assert set(tree(tmp_path)) == {directory.Path("file"), directory.Path("link")}


def test_the_schema_is_printed_or_written(refused, capsys, tmp_path):
    assert cli.run(["schema"]) == 0
    printed = capsys.readouterr().out
    assert cli.run(["schema", "--out", str(tmp_path / "schema.json")]) == 0
    assert (tmp_path / "schema.json").read_text() == printed and '"schema_version"' in printed
    assert refused("schema", "--out", tmp_path).endswith("cannot be written: Is a directory")
    assert refused("schema", "--out", tmp_path / "no" / "file").endswith("cannot be written: No such file or directory")


def test_quiet_prints_nothing(config, tmp_path, capfd, no_pictures):
    assert cli.run(["check", str(config), "--quiet"]) == 0
    assert cli.run(["check", str(config), "-q", "--out", str(tmp_path / "check")]) == 0
    assert cli.run(["train", str(config), "--quiet", "--out", str(tmp_path / "run")]) == 0
    assert capfd.readouterr() == ("", "")


def test_output_is_plain_text_where_there_is_no_terminal(config, tmp_path, capfd, no_pictures):
    assert cli.run(["train", str(config), "--out", str(tmp_path / "run")]) == 0
    out, err = capfd.readouterr()
    err = PREPARING.sub("", err)
    assert "\x1b" not in out + err and "\r" not in out + err
    assert "accuracy: fixed engine, pipelined order, 4 of 4 epochs" in out and "saturation events" in out
    assert [line.split(":")[0] for line in err.splitlines()] == [f"epoch {i}" for i in (1, 2, 3, 4)]


def test_runs_go_to_a_directory_of_their_own_by_default(config, tmp_path, monkeypatch, no_pictures):
    monkeypatch.chdir(tmp_path)
    for seed in ("1", "2"):
        assert cli.run(["train", str(config), "--quiet", "--seed", seed]) == 0
    assert len(list((tmp_path / "runs").glob("fixed-pipelined-*/metrics.json"))) == 2


def test_the_demo_prints_the_figures_of_the_published_accelerator(tmp_path, capsys):
    (tmp_path / "demo.yaml").write_text(DEMO)
    assert cli.run(["check", str(tmp_path / "demo.yaml"), "--out", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr().out
    assert "34 clocks per input: C = 32, flush = 2" in shown and "4,096" in shown and "112.5 kbit" in shown
    assert set(tree(tmp_path / "run")) == {directory.Path("config.yaml"), directory.Path("connectivity.npz")}


def test_an_unbalanced_design_and_a_crossbar_are_told(tmp_path, capsys):
    data = yaml.safe_load(DEMO) | {"hardware": {"z": [64, 32]}, "connectivity": {"type": 3, "dither": True}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(data))
    assert cli.run(["check", str(tmp_path / "c.yaml")]) == 0
    shown = capsys.readouterr().out
    assert "unbalanced: junction 2 idles 50.00 % of every pass; the longest C sets the pace" in shown
    assert "memory dither of type 3 needs a crossbar in every junction: 64 to 64, 32 to 32 words" in shown


def test_a_network_that_only_the_float_engine_can_is_told(tmp_path, capsys):
    data = yaml.safe_load(DEMO)
    data["network"]["activation"], data["training"] = ["sigmoid", "softmax"], {"engine": "float"}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(data))
    assert cli.run(["check", str(tmp_path / "c.yaml")]) == 0
    assert "softmax is for the float engine: this accelerator has no Verilog" in capsys.readouterr().out


def test_the_price_of_clashes_is_told(tmp_path, capsys):
    data = yaml.safe_load(DEMO) | {"hardware": {"z": [16, 8]}, "connectivity": {"kind": "structured"}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(data))
    assert cli.run(["check", str(tmp_path / "c.yaml")]) == 0
    shown = capsys.readouterr().out
    assert "structured patterns need a crossbar in every junction: 16 to 16, 8 to 8 words" in shown
    assert "not clash-free: stall clocks in every pass beyond C" in shown


def process(*arguments, shell=""):
    """The command in a process of its own, its streams arranged by a shell; (exit code, standard output, standard error)."""
    command = [sys.executable, "-m", "hwsim", *map(str, arguments)]
    script = ["bash", "-c", f'"$@" {shell}', "bash", *command]
    done = subprocess.run(script, capture_output=True, text=True, timeout=600, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_process_ends_with_the_same_codes(config, tmp_path):
    code, out, err = process("check", tmp_path / "no.yaml")
    assert (code, out) == (2, "") and err.count("\n") == 1 and "Traceback" not in err
    code, out, err = process("check", config)
    assert code == 0 and "\x1b" not in out and not err


def test_output_that_cannot_be_written_is_told_once(config):
    assert process("check", config, shell="> /dev/full") == (
        2,
        "",
        "hwsim: output cannot be written: No space left on device\n",
    )
    assert process("check", config, shell="| true; exit ${PIPESTATUS[0]}") == (141, "", "")
    assert process("check", config, shell=">&- 2>&-") == (0, "", "")


def test_terminals_without_arrows_get_something_else(config, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    code, out, err = process("check", config)
    assert code == 0 and "16 ? 8" in out and not err


def test_a_real_full_disk(config, tmp_path):
    """A limit on the size of files fails the same calls as a full disk, and needs no rights."""
    out = tmp_path / "run"
    (tmp_path / "run.sh").write_text('ulimit -f 2\nexec "$@"\n')
    command = [sys.executable, "-m", "hwsim", "train", str(config), "--out", str(out), "--quiet"]
    # The interpreter must not write what it compiles: that, too, would be beyond the limit.
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        ["bash", str(tmp_path / "run.sh"), *command],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=environment,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "cannot be written: File too large" in done.stderr
    assert not [p for p in out.iterdir() if p.name.startswith(".")]


def test_an_interrupt_while_packages_load_is_no_traceback(monkeypatch, capsys):
    load = builtins.__import__

    def interrupted(name, *arguments, **keywords):
        if name == "hwsim.commands":
            raise KeyboardInterrupt
        return load(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", interrupted)
    with pytest.raises(SystemExit) as ended:
        hwsim.__main__.main()
    assert ended.value.code == 130 and capsys.readouterr().err == "hwsim: interrupted\n"


def test_numbers_beyond_memory_are_told(refused, config, monkeypatch):
    def none_left(*_, **__):
        raise MemoryError

    monkeypatch.setattr("hwsim.design.draw_later", none_left)
    assert refused("check", config) == "not enough memory for this configuration"


def test_each_command_is_told_in_one_line_of_help(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for family in ([], ["data"]):
        assert cli.run([*family, "--help"]) == 0
        told = capsys.readouterr().out
        assert "…" not in told and all(len(line) <= 80 for line in told.splitlines())
        for name, command in commands().items():
            if name.split()[:-1] == family:
                summary = command.help.partition("\n\n")[0].strip()
                assert re.fullmatch(r"[A-Z][a-z]+ [^\n]*[^.\n]\.", summary), (
                    name,
                    "one sentence that begins with a verb",
                )
                assert summary in told, (name, "too long for a line of 80 characters")


def test_alone_it_says_what_to_do_first_and_that_works(tmp_path, monkeypatch, capsys, no_pictures):
    monkeypatch.chdir(tmp_path)
    assert cli.run([]) == 0
    told = capsys.readouterr().out
    assert told == cli.START and max(map(len, told.splitlines())) <= 80
    steps = [line.strip() for line in told.splitlines() if line.startswith("  ")]
    assert len(steps) == 5
    for step in steps:
        if step.startswith("echo"):
            subprocess.run(step, shell=True, check=True)
        else:
            assert cli.run(shlex.split(step)[1:]) == 0, step
    assert (tmp_path / "runs/first/final.npz").is_file() and (tmp_path / "runs/machine/metrics.json").is_file()
