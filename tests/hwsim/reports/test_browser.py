"""Reports in headless Chromium: what a reader sees, does, and can do without a pointer."""

from contextlib import contextmanager

import pytest

from hwsim.commands import app as cli
from hwsim.reports.study_content import StudyContent
from hwsim.studies.findings.tables import front_of
from tests.hwsim import runs
from tests.hwsim.reports import large_study

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FEW = large_study.AXES | {"epochs": {"key": "training.epochs", "grid": [1, 2, 30]}}
"""120 designs: enough for all but one of these tests, and quickly drawn."""
ALL = 120


@pytest.fixture(scope="module")
def directories(tmp_path_factory):
    """Pages by name: of a run, of a study, and of two runs."""
    folder = tmp_path_factory.mktemp("pages")
    config = runs.write_config(folder, "fixed pipelined", epochs=2, rate_shift=[[0, 3]])
    assert runs.train(config, folder / "run") == runs.train(config, folder / "second", "--seed", "1") == 0
    both = folder / "both.html"
    assert cli.run(["report", str(folder / "run"), str(folder / "second"), "--out", str(both), "--quiet"]) == 0
    return {"run": folder / "run" / "report.html", "study": large_study.write(folder, FEW) / "report.html", "both": both}


@contextmanager
def opened(browser, path, width=1440, **options):
    """A page that is ready; whatever it complains of, or asks a network for, is an error."""
    context = browser.new_context(viewport={"width": width, "height": 1000}, **options)
    view, faults = context.new_page(), []
    view.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    view.on("pageerror", lambda e: faults.append(str(e)))
    view.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else faults.append(r.url))
    view.on("dialog", lambda d: (faults.append(d.message), d.dismiss()))
    try:
        view.goto(path.as_uri())
        view.wait_for_selector("html[data-ready=yes]", timeout=60_000)
        yield view
        assert faults == []
    finally:
        context.close()


@pytest.fixture(scope="module")
def study(browser, directories):
    """The study's page, which every test leaves as it was."""
    with opened(browser, directories["study"]) as view:
        view.set_default_timeout(30_000)
        yield view


@pytest.fixture(autouse=True)
def reset(request):
    yield
    if "study" in request.fixturenames:
        view = request.getfixturevalue("study")
        view.evaluate(
            "document.querySelector('#chosen .close').offsetParent && document.querySelector('#chosen .close').click()"
        )
        view.evaluate("document.getElementById('reset').click()")


def fronts(view):
    """The designs on each front, as the page has them."""
    return view.eval_on_selector_all(
        "[data-front]", "all => all.map(e => e.dataset.front.split(' ').filter(Boolean).map(Number))"
    )


def count(view, kept, of=ALL):
    """Wait until so many designs are kept."""
    view.wait_for_function(
        "n => document.getElementById('count').textContent === `${n[0]} of ${n[1]} designs`", arg=[f"{kept:,}", f"{of:,}"]
    )


def expected(directory, keep):
    """The same fronts of the designs that a rule keeps, by the code that writes the tables."""
    content = StudyContent(directory)
    kept = [r for r in content.designs if keep(r)]
    pairs = [("check.multipliers", "check.clocks_per_input"), ("check.edges", "fixed.test_accuracy")]
    pairs += [("check.clocks_per_input", "fixed.test_accuracy"), ("check.multipliers", "fixed.test_accuracy")]
    return len(kept), [sorted(r.design for r in front_of(kept, pair)) for pair in pairs]


def brush(view, axis, share):
    """Drag along the lower part of an axis of the parallel coordinates."""
    k = view.evaluate(
        "a => document.getElementById('parallel').data[0].dimensions.findIndex(d => d.label.startsWith(a))", axis
    )
    view.evaluate("document.getElementById('parallel').scrollIntoView({ block: 'center' })")
    box = view.locator("#parallel .axis-brush .background").nth(k).bounding_box()
    x, low = box["x"] + box["width"] / 2, box["y"] + box["height"]
    view.mouse.move(x, low - 2)
    view.mouse.down()
    view.mouse.move(x, low - share * box["height"], steps=4)
    view.mouse.up()


@pytest.mark.parametrize(("name", "width"), [("run", 360), ("study", 360), ("both", 1440)])
def test_a_page_fits_its_window_and_complains_of_nothing(browser, directories, name, width):
    with opened(browser, directories[name], width, color_scheme="dark") as view:
        assert view.evaluate("document.documentElement.scrollWidth") <= width
        assert view.locator(".main-svg").count() > 0 and view.locator(".plot.problem").count() == 0
        unnamed = """() => [...document.querySelectorAll('button, input, select, a, [role=img], [role=region], img')]
            .filter(e => !(e.ariaLabel || e.getAttribute('alt') || e.textContent.trim() || e.labels?.length))
            .map(e => e.outerHTML)"""
        assert view.evaluate(unnamed) == []
        assert view.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"


def test_brushing_changes_the_front(study, directories):
    before = fronts(study)
    kept, wanted = expected(directories["study"].parent, lambda r: True)
    assert [sorted(f) for f in before] == wanted and kept == ALL
    brush(study, "width", 0.35)
    kept, wanted = expected(directories["study"].parent, lambda r: r.labels["width"] in ("8", "9"))
    count(study, kept)
    assert [sorted(f) for f in fronts(study)] == wanted != [sorted(f) for f in before]


def test_a_range_typed_is_a_brush(study, directories):
    study.locator("#filters summary").focus()
    study.keyboard.press("Enter")
    study.get_by_label("least fixed test accuracy (%)").fill("90")
    study.keyboard.press("Tab")
    kept, wanted = expected(directories["study"].parent, lambda r: r.figures["fixed.test_accuracy"].mean >= 0.9)
    count(study, kept)
    assert [sorted(f) for f in fronts(study)] == wanted and 0 < kept < ALL
    study.wait_for_function("document.getElementById('parallel').data[0].dimensions.some(d => d.constraintrange)")


def test_the_search_keeps_what_it_finds_and_the_button_lets_go(study, directories):
    study.locator("#search").focus()
    study.keyboard.type("z 4-2")
    kept, wanted = expected(directories["study"].parent, lambda r: r.labels["z"] == "4-2")
    count(study, kept)
    assert [sorted(f) for f in fronts(study)] == wanted
    study.keyboard.press("Tab")
    study.keyboard.press("Enter")
    count(study, ALL)


def test_headings_sort_by_keyboard(study, directories):
    heading = study.locator("#grid thead button", has_text="fixed test accuracy")
    heading.focus()
    study.keyboard.press("Enter")
    assert heading.locator("..").get_attribute("aria-sort") == "descending"
    rows = StudyContent(directories["study"].parent).designs
    best = sorted(rows, key=lambda r: (-r.figures["fixed.test_accuracy"].mean, r.design))
    listed = study.eval_on_selector_all("#grid tbody tr", "all => all.map(e => Number(e.dataset.design))")
    assert listed == [r.design for r in best[:100]]
    study.keyboard.press("Enter")
    assert heading.locator("..").get_attribute("aria-sort") == "ascending"
    assert study.locator("#grid tbody tr").first.get_attribute("data-design") == str(best[-1].design)
    study.locator("#more").click()
    assert study.locator("#grid tbody tr").count() == ALL


def test_a_click_on_a_mark_shows_the_design_and_its_command(study):
    study.locator("#front-3").scroll_into_view_if_needed()
    design = fronts(study)[3][0]
    study.evaluate(
        "d => { const e = document.getElementById('front-3'); e.emit('plotly_click', { points: [{ customdata: d }] }); }",
        design,
    )
    shown = study.locator("#chosen")
    assert shown.is_visible() and f"Design {design}" in shown.inner_text()
    text = shown.inner_text()
    assert "hwsim train base.yaml --engine fixed" in text and "--seed 0" in text and "numbers.width" in text
    study.keyboard.press("Escape")
    assert shown.is_hidden()


def test_a_real_click_opens_a_design_and_the_keyboard_does(study):
    plot = study.locator("#front-2")
    plot.scroll_into_view_if_needed()
    study.wait_for_function("document.documentElement.dataset.drawing !== 'yes'")
    box = plot.locator(".scatterlayer .trace").last.locator("path.point").first.bounding_box()
    study.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    study.mouse.down()
    study.mouse.up()
    study.locator("#chosen").wait_for(state="visible")
    study.locator("#chosen .close").click()
    study.locator("#grid tbody button").nth(4).focus()
    study.keyboard.press("Enter")
    assert study.locator("#chosen h2").inner_text() and study.evaluate("document.activeElement.id") == "chosen"


def test_names_are_shown_and_do_nothing(study):
    assert "<script>alert(1)</script>" in study.locator("#axes").inner_text()
    study.locator("#search").fill("<script>")
    count(study, ALL // 2)


def test_the_meaning_of_a_figure_shows_at_the_focus(browser, directories):
    with opened(browser, directories["run"]) as view:
        word = view.locator("#figures .term", has_text="junction cycle").first
        word.focus()
        assert view.locator("#tip").inner_text() == word.get_attribute("data-tip") == word.get_attribute("aria-description")
        view.keyboard.press("Escape")
        assert view.locator("#tip").is_hidden()


def test_on_paper_there_are_no_controls_and_it_is_day(browser, directories):
    for name in ("run", "study"):
        with opened(browser, directories[name], color_scheme="dark") as view:
            view.emulate_media(media="print")
            view.evaluate("dispatchEvent(new Event('beforeprint'))")
            seen = "all => all.filter(e => e.checkVisibility()).length"
            assert view.eval_on_selector_all("button, nav, #filters, input, .controls", seen) == 0
            assert view.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
            assert view.locator(".main-svg").first.is_visible()


def test_two_thousand_designs_follow_the_filter(browser, tmp_path):
    """At every step the page has the fronts and the rows that it should have; the time it takes is no business of tests."""
    directory = large_study.write(tmp_path)
    with opened(browser, directory / "report.html") as view:
        assert view.evaluate("document.documentElement.scrollWidth") == 1440
        view.locator("#search").fill("z 8-4")
        kept, wanted = expected(directory, lambda r: r.labels["z"] == "8-4")
        count(view, kept, 2000)
        assert [sorted(f) for f in fronts(view)] == wanted and kept == 500
        brush(view, "width", 0.35)
        kept, wanted = expected(directory, lambda r: r.labels["z"] == "8-4" and r.labels["width"] in ("8", "9"))
        count(view, kept, 2000)
        assert [sorted(f) for f in fronts(view)] == wanted and kept == 200
        assert view.locator("#grid tbody tr").count() == 100
