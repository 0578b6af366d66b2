"""Pictures of the machine: what they show is what was recorded, and everything written on them can be read."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from hwsim.events.log import Clocking, EventLog, Header
from hwsim.pictures import machine
from hwsim.pictures.machine import COLOURS, occupancy, utilisation
from hwsim.pictures.style import save
from hwsim.schedule.timeline import illustration, timeline
from hwsim.vocabulary import EVENT_FIELDS, TRAINING
from models.errors import InputError
from models.network.order import FLUSH, OVERLAP
from tests.hwsim.events.test_log import recorded, small_design


@pytest.fixture(scope="module")
def run():
    return recorded(small_design())


class Folder:
    def write_bytes(self, name, data):
        self.data = data


def picture(fig):
    folder = Folder()
    save(fig, folder, "picture.png")
    return folder.data


def check_texts(fig):
    """No text leaves the figure; labels (not the numbers in cells) do not overlap."""
    fig.canvas.draw()
    renderer = fig.canvas.get_renderer()
    outside = []
    for axis in (axis for ax in fig.axes for axis in (ax.xaxis, ax.yaxis)):
        low, high = sorted(axis.get_view_interval())
        outside += [tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
    boxes = []
    for text in fig.findobj(Text):
        if text.get_text().strip() and text.get_visible() and text not in outside:
            box = text.get_window_extent(renderer)
            assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= fig.bbox.x1 + 1 and box.y1 <= fig.bbox.y1 + 1, text
            if not text.get_text().isdecimal():
                boxes.append((text.get_text(), box.padded(-1)))
    for i, (name, box) in enumerate(boxes):
        for other, other_box in boxes[:i]:
            assert not box.overlaps(other_box), (name, other)


def some_log(junctions=2, z=128, clocks=700):
    """Large and made up: all memories of some kinds, busy at random."""
    rng = np.random.default_rng(0)
    rows = np.zeros((5000, len(EVENT_FIELDS)), np.int64)
    for i, high in enumerate((clocks, junctions, 3, 2, 6, 2, z, 8, z, 100, 9)):
        rows[:, i] = rng.integers(0, high, len(rows))
    rows[:, EVENT_FIELDS.index("junction")] += 1
    return EventLog.of(Header("test", "abc", 0, clocks, Clocking(clocks, 0, (0,) * junctions)), rows)


@pytest.mark.parametrize(("n", "hops"), [(1, FLUSH), (2, FLUSH), (3, OVERLAP)])
def test_timelines_are_readable(n, hops):
    check_texts(machine.timeline(illustration(hops, n), "a title"))


def test_a_timeline_of_any_part_can_be_drawn():
    t = timeline(FLUSH, 2, [TRAINING] * 30)
    for first, last in ((0, 1), (29, 33)):
        check_texts(machine.timeline(t.within(first, last), "a title"))
    check_texts(machine.timeline(timeline(FLUSH, 1, [TRAINING]), "a title"))
    check_texts(machine.timeline(timeline(OVERLAP, 2, []), "a title"))


def test_a_timeline_shows_every_sample_where_it_is():
    t = illustration(FLUSH, 2)
    fig = machine.timeline(t, "a title")
    (ax,) = fig.axes
    shown = sorted(
        (round(x), text.get_text()) for text in ax.texts for x in [text.get_position()[0]] if text.get_text().isdigit()
    )
    worked = [(int(t.cycles[i]), str(t.sample[j, o, i])) for j, o, i in np.argwhere(t.sample >= 0)]
    held = [
        (int(t.cycles[i]), str(array[bank, i]))
        for table in t.tables
        for array in (table.written, table.read)
        for bank, i in np.argwhere(array >= 0)
    ]
    assert shown == sorted(worked + held)


def test_occupancy_shows_every_access(run):
    log, _ = run
    clocking = log.header.clocking
    first = clocking.begin(4)
    fig = occupancy(log, first, clocking.period, "a title")
    check_texts(fig)
    ax = fig.axes[0]
    seen = set()
    for label, image in zip(ax.get_yticklabels(), ax.images, strict=True):
        cells = np.asarray(image.get_array())
        for memory, clock in np.argwhere((cells < 1).any(axis=2)).tolist():
            seen.add((label.get_text(), memory, first + clock, to_hex(cells[memory, clock])))
    names = dict(zip(("FF", "BP", "UP", "host"), map(str.lower, COLOURS.values()), strict=True))
    bank = {"weight": "", "bias": ""}
    assert seen == {
        (f"{e.memory}{bank.get(e.memory, f' bank {e.bank}')}, {e.access}", e.index, e.clock, names[e.operation])
        for e in log.within(first, first + clocking.period)
    }


def test_occupancy_of_many_memories_and_clocks_is_readable():
    log = some_log()
    fig = occupancy(log, 0, 700, "a title")
    check_texts(fig)
    assert max(image.get_array().shape[0] for image in fig.axes[0].images) <= 64


def test_occupancy_of_nothing_is_an_error(run):
    with pytest.raises(InputError, match=r"100000 \.\. 100005: have no events in the log"):
        occupancy(run[0], 100_000, 6, "a title")


def test_utilisation_bars_are_as_long_as_counted(run):
    _, simulated = run
    lanes = simulated.config.hardware.z
    fig = utilisation(simulated.counts, lanes, simulated.clock, "a title", 4 / 6)
    check_texts(fig)
    operations = [(0, 0), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert [bar.get_width() for bar in fig.axes[0].patches] == pytest.approx(
        [100 * simulated.counts[j, o, 0] / simulated.clock for j, o in operations]
    )


def test_utilisation_tells_waiting_lanes_from_working_ones():
    counts = np.array([[[100, 400], [0, 0], [100, 400]], [[50, 200], [50, 200], [50, 2]]])
    fig = utilisation(counts, (8, 4), 100, "a title", 0.953)
    check_texts(fig)
    pale, full = np.split(np.array([bar.get_width() for bar in fig.axes[0].patches]), 2)
    assert pale.tolist() == [100, 100, 50, 50, 50] and full.tolist() == [50, 50, 50, 50, 0.5]
    check_texts(utilisation(np.zeros((1, 3, 2), int), (8,), 0, "a title"))


def test_equal_pictures_have_equal_bytes(run):
    log, simulated = run
    for draw in (
        lambda: machine.timeline(illustration(FLUSH, 1), "a title"),
        lambda: occupancy(log, 10, 12, "a title"),
        lambda: utilisation(simulated.counts, (8, 4), simulated.clock, "a title", 0.9),
    ):
        data = picture(draw())
        assert data == picture(draw())
        assert data.startswith(b"\x89PNG") and len(data) > 5000
