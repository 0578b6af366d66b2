"""The page in a browser: it plays, its words agree with the event log, clashes are told, and it fits on a telephone."""

import pytest

from hwsim import Design, load
from hwsim.view.page import page
from hwsim.view.recording import record
from hwsim.vocabulary import ACTIVATION, OPERATIONS
from tests.documents import ROOT
from tests.hwsim.view.recordings import recorded

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """By kind of pattern: what was recorded, and its page."""
    made = {}
    for kind, more in (("clash_free", {"connectivity.type": 2, "connectivity.dither": True}), ("structured", {})):
        folder = tmp_path_factory.mktemp(kind)
        recording = recorded(folder, kind, **more)
        (folder / "view.html").write_text(page(recording))
        made[kind] = recording, folder / "view.html"
    return made


@pytest.fixture(scope="module")
def tab(browser):
    """One tab for all tests, and what it complains about or asks for from outside."""
    tab, complaints = browser.new_page(), []
    tab.on("console", lambda m: complaints.append(m.text))
    tab.on("pageerror", lambda e: complaints.append(str(e)))
    tab.on("request", lambda r: r.url.startswith(("file:", "data:")) or complaints.append(r.url))
    return tab, complaints


@pytest.fixture
def opened(tab, recordings):
    """Open the page of a pattern; complaints of the browser and requests fail the test."""
    at, complaints = tab

    def open_page(kind="clash_free", width=1440, scheme="light", motion="no-preference"):
        at.set_viewport_size({"width": width, "height": 900})
        at.emulate_media(color_scheme=scheme, reduced_motion=motion)
        at.goto(recordings[kind][1].as_uri())
        return at, recordings[kind][0]

    yield open_page
    assert complaints == []


def clock_of(at):
    return int(at.inner_text("#clock"))


def test_slider_buttons_and_keys_move_the_clock(opened):
    at, recording = opened()
    assert clock_of(at) == recording.first
    at.fill("#slider", str(recording.first + 7))
    assert clock_of(at) == recording.first + 7 and f"Clock {recording.first + 7}" in at.inner_text("#headline")
    at.click("#back")
    at.click("#forward")
    at.click("#forward")
    assert clock_of(at) == recording.first + 8
    at.focus("body")
    for key, clock in (("ArrowLeft", 7), ("Home", 0), ("End", recording.last - recording.first - 1)):
        at.locator("body").press(key)
        assert clock_of(at) == recording.first + clock
    at.locator("body").press("j")
    assert at.eval_on_selector("#junction", "s => s.selectedOptions[0].text").startswith("2:")


def test_play_advances_and_pauses(opened):
    at, recording = opened()
    at.select_option("#speed", "1")  # so slow that no busy machine sees the end of it
    at.locator("body").press(" ")
    for clock in (recording.first, recording.first + 1):
        playwright.expect(at.locator("#clock")).not_to_have_text(str(clock), timeout=60_000)
    assert at.get_attribute("#play", "aria-pressed") == "true"
    at.locator("body").press(" ")
    assert at.get_attribute("#play", "aria-pressed") == "false"
    stood = clock_of(at)
    assert stood > recording.first
    at.wait_for_timeout(250)
    assert clock_of(at) == stood


READ_PAGE = """() => {
  const words = [...document.querySelectorAll('#memories .word')].filter(w => w.dataset.read || w.dataset.write).map(w => {
    const bank = w.closest('.bank'), memory = w.closest('.memory');
    const index = [...bank.querySelectorAll('.column')].indexOf(w.closest('.column'));
    return [memory.querySelector('h3').textContent, Number(bank.dataset.bank), index, Number(w.dataset.address),
            w.dataset.read || '', w.dataset.write || '', Number(w.dataset.sample), w.textContent];
  });
  const lanes = [...document.querySelectorAll('#crossbar .place')].filter(p => p.dataset.lane !== '')
    .map(p => [Number(p.dataset.lane), Number(p.dataset.memory), Number(p.dataset.address)]);
  const chips = [...document.querySelectorAll('.chip')].map(c => [c.dataset.operation, c.dataset.sample]);
  const rows = [...document.querySelectorAll('#accesses tbody tr')].map(r => [...r.cells].map(c => c.textContent));
  return { words, lanes, chips, rows };
}"""


@pytest.mark.parametrize("junction", [1, 2])
@pytest.mark.parametrize("kind", ["clash_free", "structured"])
def test_what_is_shown_agrees_with_the_event_log(opened, kind, junction):
    """Words, lanes, chips and table of a clock in which all operations work, against the log alone."""
    at, recording = opened(kind)
    at.select_option("#junction", str(junction - 1))
    at.click("#all summary")
    clock = recording.first + 2
    at.fill("#slider", str(clock))
    shown = at.evaluate(READ_PAGE)
    events = [
        e
        for e in recording.log.within(clock, clock + 1)
        if junction in (e.junction, e.owner) or (e.owner == junction + 1 and e.memory in ("activation", "partial delta"))
    ]
    words, table, samples = {}, [], {}
    for e in events:
        weight = e.memory == "weight"
        plural = "biases" if e.memory == "bias" else f"{e.memory}s"
        number = e.owner - 1 if e.memory in ("activation", "partial delta") else e.owner
        title = f"{plural} of {'junction' if weight else 'layer'} {number}"
        index = e.lane if weight else e.index
        key = (title.capitalize(), e.bank, index, -1 if weight else e.address)
        word = words.setdefault(key, {"read": "", "write": ""})
        word[e.access] = e.operation
        word["sample"], word["address"] = e.sample, e.address
        sample = "all at work" if e.sample < 0 else str(e.sample)
        where = [title, e.bank, index, e.address, e.lane, e.value]
        table.append([str(e.junction or "host"), e.operation, e.access, *map(str, where), sample])
        if e.junction == junction and e.sample >= 0 and (e.access == "read" or e.operation == "BP"):
            samples[e.operation] = str(e.sample)
    seen = {(t, b, i, -1 if t.startswith("Weights") else a): (r, w, s) for t, b, i, a, r, w, s, _ in shown["words"]}
    assert seen == {key: (w["read"], w["write"], w["sample"]) for key, w in words.items()} and len(seen) > 10
    for title, *_, read, write, sample, text in shown["words"]:
        letters = "".join(o[0].upper() for o in sorted({read, write} - {""}, key=OPERATIONS.index))
        assert text == letters + ("" if title.startswith("Weights") or sample < 0 else str(sample))
    lanes = {(e.lane, e.index, e.address) for e in events if e.memory == "activation" and e.access == "read"
             and e.junction == junction == e.owner}  # fmt: skip
    assert set(map(tuple, shown["lanes"])) == lanes and len(lanes) == len(shown["lanes"]) > 0
    assert {o: s for o, s in shown["chips"] if s} == samples and "FF" in samples
    assert sorted(r[:9] + r[10:] for r in shown["rows"]) == sorted(table)


def test_a_clash_is_shown_and_explained(opened):
    at, recording = opened("structured")
    at.click("#clash")
    clock, schedule = clock_of(at), recording.design.machine().schedule.junctions[0]
    period = recording.log.header.clocking.period
    row = int(schedule.row[clock % period])
    mine = schedule.row[schedule.clock] == row
    memories, counts = zip(*[(m, (schedule.memory[mine] == m).sum()) for m in range(schedule.z)], strict=True)
    clashing = {m for m, n in zip(memories, counts, strict=True) if n > 1}
    assert at.is_visible("#alarm") and "Clash" in at.inner_text("#alarm .head")
    told = at.eval_on_selector_all("#alarm li", "l => l.map(x => [x.dataset.memory, x.dataset.lanes, x.textContent])")
    assert {int(m) for m, _, _ in told} == clashing != set()
    for memory, lanes, text in told:
        asking = sorted(schedule.lane[mine & (schedule.memory == int(memory))].tolist())
        assert sorted(map(int, lanes.split())) == asking
        assert (
            f"all need memory {memory}, which gives one word a clock" in text and "is served now" in text and "waits" in text
        )
    framed = at.eval_on_selector_all("#crossbar .clashing", "c => c.map(x => Number(x.dataset.memory))")
    assert set(framed) == clashing
    waiting = at.eval_on_selector_all("#crossbar .lane[data-state=waits]", "c => c.map(x => Number(x.dataset.lane))")
    late = schedule.lane[mine & (schedule.clock > clock % period)]
    assert sorted(waiting) == sorted(late.tolist()) != []
    at.click("#forward")
    assert "Stall clock" in at.inner_text("#alarm .head")
    stalls = at.locator("#timeline .stall").count()
    assert stalls == 2 * schedule.stall_clocks


def test_a_clash_free_pattern_raises_no_alarm(opened):
    at, recording = opened()
    assert not at.is_visible("#clash") and at.locator("#timeline .stall").count() == 0
    hidden = (
        "([a, b]) => { for (let c = a; c < b; c++) { show(c); if (!document.getElementById('alarm').hidden) return c; } }"
    )
    assert at.evaluate(hidden, [recording.first, recording.last]) is None


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_and_everything_has_a_name(opened, width, scheme):
    at, _ = opened("structured", width, scheme, "reduce")
    at.click("#clash")
    for junction in ("0", "1"):
        at.select_option("#junction", junction)
        assert at.evaluate("document.documentElement.scrollWidth") <= width
    assert at.input_value("#speed") == "1"  # little motion
    background = at.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 200) == (scheme == "dark")
    nameless = """() => [...document.querySelectorAll('button,select,input,[role=img]')].filter(
        e => !(e.getAttribute('aria-label') || e.textContent.trim() || (e.labels && e.labels.length))).map(e => e.id)"""
    assert at.evaluate(nameless) == []
    assert at.get_attribute("#crossbar", "aria-label").startswith(("lane", "No lane"))


def test_colours_of_operations_can_be_read(opened):
    """Contrast of letters on each operation's colour, by the formula of WCAG."""
    at, _ = opened()
    ratio = """s => { const lum = c => { const [r, g, b] = c.match(/\\d+/g).map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const e = getComputedStyle(document.querySelector(s)), [a, b] = [lum(e.color), lum(e.backgroundColor)];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); }"""
    for style in ("ff", "bp", "up", "host"):
        assert at.evaluate(ratio, f"#legend .word.{style}") > 4.2, style


def test_a_bank_says_whose_sample_it_holds(opened):
    at, recording = opened()
    clock = recording.first + 2
    at.fill("#slider", str(clock))
    reads = [
        e
        for e in recording.log.within(clock, clock + 1)
        if e.junction == 1 and e.memory == "activation" and e.access == "read"
    ]
    assert {e.operation for e in reads} == {"FF", "UP"} and ACTIVATION == 2
    for e in reads:
        heading = at.inner_text(f"#memories .memory:first-child .bank[data-bank='{e.bank}'] h4")
        assert heading.startswith(f"Bank {e.bank}: sample {e.sample}") and f"{e.operation} reads {e.sample}" in heading


def test_a_large_junction_has_a_square_for_each_memory(opened, tab, tmp_path):
    """128 lanes, 128 memories of 8 words: which word is accessed stands in the square, and the page says so."""
    design = Design(load(ROOT / "sim_configs/demo.yaml"))
    recording = record(design, design.dataset().train, (210, 213), (1,))
    (tmp_path / "view.html").write_text(page(recording))
    at, _ = tab
    at.set_viewport_size({"width": 360, "height": 800})
    at.goto((tmp_path / "view.html").as_uri() + "#clock=211")
    assert clock_of(at) == 211 and at.evaluate("document.documentElement.scrollWidth") == 360
    assert "a square is a whole memory" in at.inner_text("#limit") and "too many for wires" in at.inner_text("#lanes-note")
    reads = [
        e for e in recording.log.within(211, 212) if e.junction == 1 and e.memory == "activation" and e.access == "read"
    ]
    shown = at.evaluate(
        """() => [...document.querySelectorAll('#memories .memory:first-child .bank')].flatMap(bank =>
        [...bank.querySelectorAll('.word')].map((word, i) => [Number(bank.dataset.bank), i, word.textContent]))
        .filter(([, , text]) => text.includes('@'))"""
    )
    known = {(e.bank, e.index, f"{e.operation[0]}@{e.address}") for e in reads}
    hosts = {(b, i, t) for b, i, t in map(tuple, shown) if t.startswith("H")}
    assert {*map(tuple, shown)} - hosts == known and len(known) == 256 and hosts
    lanes = at.eval_on_selector_all("#crossbar .lane", "l => l.map(x => [Number(x.dataset.lane), x.textContent])")
    assert {*map(tuple, lanes)} == {(e.lane, f"m{e.index}") for e in reads} and len(lanes) == 128
