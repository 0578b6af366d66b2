import re
from pathlib import Path

from hwsim.commands import app as cli
from models.data import user_npz

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    code = re.search(r"<!-- data -->\n```python\n(.*?)```", TEXT, re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/data.md", "exec"), {})
    share, of = re.match(r"([\d.]+)% of (\d+) test samples", capsys.readouterr().out).groups()
    assert float(share) > 90 and of == "60"
    assert cli.run(["data", "info", "mine.csv"]) == 0
    assert "mine: 8 features, 3 classes" in capsys.readouterr().out


def test_every_name_of_an_array_that_is_listed_is_known():
    known = {name for pair in (*user_npz._NAMES.values(), user_npz._WHOLE) for names in pair for name in names}
    table = TEXT.split("| split | inputs | labels |")[1].split("\n\n")[0]
    assert set(re.findall(r"`([a-z_]+)`", table)) <= known
