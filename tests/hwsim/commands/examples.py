"""A small example of every command, for tests that walk over all of them."""

from pathlib import Path

import typer
import yaml

from hwsim.commands import app as cli
from tests.hwsim import runs
from tests.hwsim.studies import small_studies

ROOT = Path(__file__).parents[3]
DEMO = str(ROOT / "sim_configs/demo.yaml")
LINES = "network: {layers: [16, 8, 4], out_degree: [2, 2]}\nconnectivity: {kind: clash_free}\nhardware: {z: [8, 4]}\n"

TOOLS = {
    "compile",
    "emulate",
    "frontend",
    "export-frontend",
    "import-torch",
    "fit-area",
    "mutate",
    "prove",
    "synth",
    "data fetch",
}
"""Commands that need a tool, a network or a finished study that takes too long here."""


def commands() -> dict[str, typer.core.TyperCommand]:
    """Every command by its name, as the command line has it: ``data info`` for one of a family."""
    found, todo = {}, [("", typer.main.get_command(cli.app))]
    while todo:
        name, command = todo.pop(0)
        below = getattr(command, "commands", None)
        if below is None:
            found[name] = command
        else:
            todo += [(f"{name} {word}".strip(), c) for word, c in below.items()]
    return found


def examples(folder: Path) -> dict[str, list[str]]:
    """Arguments by command; ``folder`` gets what they need."""
    small = runs.write_config(folder, "fixed pipelined", epochs=1)
    clash_free = folder / "clash_free.yaml"
    clash_free.write_text(yaml.safe_dump(yaml.safe_load(small.read_text()) | {"connectivity": {"kind": "clash_free"}}))
    log = folder / "log.jsonl"
    study = small_studies.write(folder, measure=["check"])
    out = str(folder / "out")

    model = f"{out}.onnx"

    def at(name: str) -> list[str]:
        return ["--out", f"{out}-{name}"]

    traced = ["--trace", "0:40", "--late", "0.1", *at("simulate")]
    cosim = ["--samples", "5", "--scenarios", "data", *at("cosim")]
    result = {
        "check": [DEMO],
        "solve": [DEMO, "--clock", "15"],
        "scatter": [str(clash_free)],
        "search": [str(clash_free), "--draws", "3", "--trials", "20", *at("search")],
        "train": [str(small), *at("train")],
        "simulate": [str(small), *traced],
        "diff": [str(log), str(log)],
        "selftest": ["--designs", "2", *at("selftest")],
        "bench": [str(small), "--seconds", "0.05"],
        "verilog": [str(small), *at("verilog")],
        "cosim": [str(small), *cosim],
        "power": [DEMO, "--target", "ecp5-85k", "--frequency", "50"],
        "board": ["--list"],
        "explore": [str(study), *at("explore")],
        "report": [f"{out}-trained", "--out", f"{out}-report.html"],
        "view": [str(small), *at("view")],
        "import-model": [model, "--config", str(small), *at("import-model")],
        "export-model": [f"{out}-trained", "--out", f"{out}-again.onnx"],
        "data list": [],
        "data info": ["mnist-mini"],
        "data difficulty": ["mnist-mini"],
    }
    assert cli.run(["train", str(small), "--out", f"{out}-trained", "-q"]) == 0
    assert cli.run(["export-model", f"{out}-trained", "--out", model, "-q"]) == 0
    assert cli.run(["simulate", str(small), "--trace", "0:40", "--out", f"{out}-log", "-q"]) == 0
    log.write_bytes(next(Path(f"{out}-log").glob("*.jsonl")).read_bytes())
    return result
