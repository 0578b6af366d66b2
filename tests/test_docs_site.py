"""The documentation builds as a site without a warning, notebooks and all, and every link in it leads somewhere."""

import re
import subprocess
import sys
from operator import attrgetter

import pytest

from hwsim import changed, load
from hwsim.configuration.config_file import resolved
from tests.documents import ROOT, page
from tests.site import follow
from tools.site import commands as command_reference
from tools.site import components, configuration, figures, pages, pictures, python
from tools.site.examples import EXAMPLES
from tools.site.links import broken
from tools.site.svg import drawing, label


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site as ``./run docs`` builds it; a process of its own, since others' warnings would be errors here."""
    out = tmp_path_factory.mktemp("docs") / "site"
    made = subprocess.run(
        [sys.executable, "-m", "tools.site", "--notebooks", "--out", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr[-3000:]
    return out


@pytest.mark.slow
def test_the_site_has_every_page(site):
    sources = [p.relative_to(ROOT / "docs") for kind in ("md", "ipynb") for p in (ROOT / "docs").rglob(f"*.{kind}")]
    assert len(sources) > 40
    for source in sources:
        built = (site / source.with_suffix(".html")).read_text(encoding="utf-8")
        assert "<!-- site:" not in built, source
        reached = re.search(r'class="current-page|class="toctree-l\d current', built)
        assert reached or source.stem == "index", f"{source} is in no table of contents"


@pytest.mark.slow
def test_notebooks_show_what_they_give(site):
    for name in ("explore", "machine"):
        built = (site / "notebooks" / f"{name}.html").read_text(encoding="utf-8")
        assert 'src="../_images/' in built and "cell_output" in built


@pytest.mark.slow
def test_a_broken_link_of_the_site_is_found(site, tmp_path):
    """Of a page, an anchor, a picture, and an address elsewhere; the site itself has none."""
    assert broken(site) == []
    copy = tmp_path / "site"
    (copy / "a").mkdir(parents=True)
    whole = '<h1 id="top">x</h1><a href="a/other.html#there">1</a><a href="https://example.org/x">2</a><a href="#top">3</a>'
    (copy / "a/other.html").write_text('<p id="there"><a href="../index.html">up</a>')
    (copy / "index.html").write_text(whole)
    assert broken(copy) == []
    for number, link in enumerate(
        ("gone.html", "a/other.html#gone", "#gone", "../outside.html", "https://example org/x", "https:///x", "ftp://x.org/")
    ):
        wrong = copy / f"wrong_{number}.html"
        wrong.write_text(f'<img src="{link}"><a href="{link}">')
        (fault,) = broken(copy)
        assert fault.startswith(f"wrong_{number}.html: {link}: ")
        wrong.unlink()


def test_notebooks_are_kept_without_outputs():
    found = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))
    assert len(found) == 2
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert '"outputs": []' in text and '"output_type"' not in text
        assert not re.search(r'"execution_count": \d', text)


def test_pages_that_nobody_listed_are_listed(monkeypatch, tmp_path):
    (tmp_path / "index.md").write_text("```{toctree}\nknown\nTitle <titled>\n```\n")
    for name in ("known", "titled", "new"):
        (tmp_path / f"{name}.md").write_text("# x\n")
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    assert pages.others() == "new"


def test_a_mark_that_means_nothing_is_an_error():
    assert pages.filled("a\n\n<!-- demo -->\n") == "a\n\n<!-- demo -->\n"
    with pytest.raises(KeyError, match="nothing of that name"):
        pages.filled("a\n\n<!-- site: nothing of that name -->\n")
    marks = {m for path in (ROOT / "docs").rglob("*.md") for m in pages.MARK.findall(path.read_text(encoding="utf-8"))}
    assert marks == pages.FILLED.keys()


BASE = load(ROOT / "sim_configs/demo.yaml")


def at(dotted):
    return dotted.replace("<signal>", "input").replace("<layer>", "left_1")


@pytest.mark.parametrize("key", configuration.keys(), ids=lambda key: key.dotted)
def test_every_key_has_a_meaning_and_an_example_that_is_legal(key):
    assert key.schema.get("description"), "give the field a description"
    example = EXAMPLES[key.dotted]
    beside = {at(name): value for name, value in example.beside.items()}
    config = changed(BASE, {**beside, at(key.dotted): example.value})
    found = resolved(config)
    if key.dotted == "network.density":  # stands for degrees, which are kept
        assert found["network"]["out_degree"] == [8, 16]
        return
    for part in at(key.dotted).split("."):
        found = found[part]
    assert found == example.value or {**found, **example.value} == found


def test_no_example_is_of_a_key_that_there_is_not():
    assert {*map(attrgetter("dotted"), configuration.keys())} == EXAMPLES.keys()


def test_ranges_are_those_of_the_schema():
    rows = configuration.reference()
    for line in (
        "| `width` | bits of every signal that has no format of its own | whole number ≥ 2, ≤ 24 | `12` | `width: 10` |",
        "| `momentum` | of the momentum optimiser | real number ≥ 0, < 1 | `0.9` | `momentum: 0.8` |",
        "| `schedule` | junction cycles of C + flush clocks, or exactly C | `flush`, `overlap` | `flush` |",
    ):
        assert line in rows
    assert "| `z` | edge processors of every junction, z\\_i | list of: whole number ≥ 1 | required |" in rows


def test_every_command_and_option_is_told():
    from hwsim.commands import app

    told = command_reference.reference()
    assert told.count("\n### hwsim ") >= 20
    for group in app.GROUPS:
        assert f"## {group}\n" in told
    for expected in (
        "### hwsim data list",
        "| `--workers` | `N` | `1` | local processes; results do not depend on it |",
        "or the variable `HWSIM_DATA`",
        "hwsim explore [OPTIONS] STUDY",
    ):
        assert expected in told


def test_every_component_is_told_with_its_latency():
    told = components.reference()
    for made in components.components():
        body = told.split(f"## {made.__module__}.{made.__name__}\n")[1].split("\n## ")[0]
        assert re.search(r"[Ll]atency|clock", body.split("| port")[0]), made
        assert "| port | direction | bits |" in body
    assert "`z` lanes" in components.letters()


def test_every_figure_is_told():
    from hwsim.figure import registered

    told = figures.reference()
    assert len(registered()) > 150 and all(f"| `{key.rpartition('.')[2]}` |" in told for key in registered())


def test_every_name_for_programs_is_told():
    import hwsim
    import rtl

    told = python.reference()
    assert all(f"### hwsim.{name}\n" in told for name in hwsim.__all__)
    assert all(f"### rtl.{name}\n" in told for name in rtl.__all__)


def test_pictures_say_in_words_what_is_to_be_seen():
    assert "structured: 6 rows take 13 clocks; clash_free: 6 rows take 6 clocks" in pictures.clash()
    assert "clock 0 reads neurons 4, 1, 10, 11" in pictures.sweep()
    assert "flush, 3 junctions: 5, 3, 1" in pictures.staleness()
    assert "sample 0 updates junction 1 in cycle 5" in pictures.pipeline()
    external = pictures.external_weights()
    assert "DDR4-2400, 64 bits, 28 edge processors: 3,060,340 clocks, 963,186 of them waiting" in external
    assert "HBM2, eight channels, 224 edge processors: 262,146 clocks, 0 of them waiting" in external
    assert "&lt;b&gt;" in drawing([label(0, 0, "<b>")], "<b>", 1, 1) and "<b>" not in drawing([], "<b>", 1, 1)


def test_how_to_explore_is_right(tmp_path, monkeypatch, capfd):
    follow("docs/how-to/explore.md", tmp_path, monkeypatch, capfd)


def test_how_to_write_a_measurement_is_right(tmp_path, monkeypatch, capfd):
    """Installed as an installer would leave it: the module, and what its distribution says of entry points."""
    from hwsim.commands import app

    text = page("docs/how-to/measurement.md")
    (tmp_path / "twins.py").write_text(re.search(r"<!-- measurement -->\n```python\n(.*?)```", text, re.DOTALL)[1])
    (tmp_path / "study.yaml").write_text(re.search(r"<!-- study -->\n```yaml\n(.*?)```", text, re.DOTALL)[1])
    group, entry = re.search(r'entry-points\."(.*?)"\]\n(\w+ = )"', text)[1], 'twins = "twins:TWINS"'
    assert entry in text
    info = tmp_path / "twins-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: twins\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{entry.replace(chr(34), '')}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert app.run(["explore", "study.yaml", "--out", "out", "--quiet"]) == 0, capfd.readouterr().err
    assert "twins.share" in (tmp_path / "out/results.csv").read_text().splitlines()[0]


SAID = re.compile(r"hwsim ((?:data )?[a-z][a-z-]*)((?:[^`\n\\]|\\\n)*)")


def test_commands_and_options_of_the_pages_are_there():
    """Of every command in code marks or in a block, on every page."""
    import typer

    from hwsim.commands.app import app

    root = typer.main.get_command(app)
    known = {
        full.removeprefix("hwsim "): {option for p in of.params for option in p.opts} | {"--help"}
        for name, command in root.commands.items()
        for full, of in command_reference.commands(f"hwsim {name}", command)
    }
    checked = 0
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        text = path.read_text(encoding="utf-8")
        code = re.findall(r"^```(?:sh|console)\n(.*?)^```|`(hwsim [^`]*)`", text, re.MULTILINE | re.DOTALL)
        for name, rest in SAID.findall("\n".join(part for both in code for part in both)):
            if name not in known:
                assert name == "data", f"{path.name}: hwsim {name}"  # `hwsim data` alone means all of its commands
                continue
            rest = re.split(r"[#;|&]|, hwsim ", rest)[0]
            for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", rest):
                assert option in known[name], f"{path.name}: hwsim {name} has no {option}"
                checked += 1
    assert checked > 50
