"""The search for patterns: legal at every step, never worse, better than chance, and trainable as it leaves the result."""

import itertools
import json

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.commands import app as cli
from hwsim.configuration import config_file, scatter_windows
from hwsim.configuration.config_file import load, parse
from hwsim.design import Design
from hwsim.patterns import search as searching
from hwsim.patterns import search_report
from hwsim.patterns.scatter import scatter
from hwsim.patterns.search import Judge, input_variance, search
from models.connectivity.clash_free import draw_clash_free, from_seeds, is_clash_free
from models.data.dataset import Split
from models.errors import InputError
from models.files.npz import read_npz
from tests.hwsim import runs

EASY = {"network": {"layers": [64, 16, 8], "out_degree": [2, 4]}, "hardware": {"z": [16, 8]}, "data": {"name": "mine.npz"}}
MIDDLING = {
    "network": {"layers": [256, 32, 8], "out_degree": [2, 4]},
    "hardware": {"z": [8, 8]},
    "data": {"name": "mine.npz"},
}
STRADDLING = {
    "network": {"layers": [12, 9, 6], "out_degree": [6, 2]},
    "hardware": {"z": [3, 3]},
    "data": {"name": "mine.npz"},
}
VARIANTS = [{"type": kind, "dither": dither} for kind in (1, 2, 3) for dither in (False, True)]
IDS = [f"type {v['type']}{' dither' if v['dither'] else ''}" for v in VARIANTS]


def design(data, seed=0, **connectivity):
    return Design(parse(data | {"seed": seed, "connectivity": connectivity}))


@pytest.mark.parametrize("variant", VARIANTS, ids=IDS)
def test_the_best_found_beats_the_average_and_the_best_random_draw(variant):
    """Over several seeds, and by more than the draws differ among themselves."""
    for seed in range(3):
        found = search(design(MIDDLING, seed, **variant), trials=300, draws=50, restarts=2)
        draws = np.array(found.draws)
        assert found.finished and len(draws) == 50 and found.moves == [150, 150]
        assert found.best.score > draws.max() > draws.mean()
        assert found.best.score > draws.mean() + 2 * draws.std()


def test_the_published_network_gains_a_tenth_of_scatter():
    data = {"network": {"layers": [1024, 64, 32], "out_degree": [4, 16], "classes": 10}, "hardware": {"z": [128, 32]}}
    found = search(design(data), trials=600, draws=20, restarts=1)
    assert found.best.score > np.mean(found.draws) + 0.08


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from(VARIANTS), st.integers(1, 30))
def test_every_pattern_on_the_way_is_legal(seed, variant, steps):
    """Also where right neurons straddle two sweeps, so that some seeds would repeat an edge."""
    d = design(STRADDLING, seed, **variant)
    judge, rng = Judge(d.config), np.random.default_rng(seed)
    found = searching.FoundPatterns(judge.candidate(d.patterns), judge.candidate(d.patterns))
    for i, (pattern, z) in enumerate(zip(d.patterns, (3, 3), strict=True)):
        for _ in range(steps):
            pattern = searching._move(pattern, variant["dither"], rng, found) or pattern
            pattern.validate()
            assert is_clash_free(pattern, z)
            assert pattern.d_out == d.patterns[i].d_out and pattern.d_in == d.patterns[i].d_in
            seeds = pattern.seeds
            assert (seeds.kind, seeds.z) == (variant["type"], z)
            assert variant["dither"] or not seeds.dithered


def test_moves_reach_every_pattern_of_a_type():
    """From one pattern of type 2 with 6 left neurons in 2 memories, all 81."""
    d = Design(
        parse({"network": {"layers": [6, 4], "out_degree": [2]}, "hardware": {"z": [2]}, "data": {"name": "mine.npz"}})
    )
    start, rng = d.patterns[0], np.random.default_rng(0)
    found = searching.FoundPatterns(*[Judge(d.config).candidate([start])] * 2)
    met, pattern = {start.left.tobytes()}, start
    for _ in range(2000):
        pattern = searching._move(pattern, False, rng, found)
        met.add(pattern.left.tobytes())
    assert len(met) == 81 and found.refused == 0


def every_score(d):
    """Scores of all patterns of type 1 that there are."""
    (n_left, n_right), (z,), (d_out,) = d.config.network.layers, d.config.hardware.z, d.config.out_degrees
    judge = Judge(d.config)
    all_seeds = itertools.product(range(n_left // z), repeat=z)
    return [judge.candidate([from_seeds(n_left, d_out, n_right, 1, phi)]).score for phi in all_seeds]


@pytest.mark.parametrize("layers", [[16, 8], [12, 6], [18, 9]])
def test_small_searches_find_the_best_there_is(layers):
    data = {
        "network": {"layers": layers, "out_degree": [layers[1] // 2 if layers[1] != 9 else 3]},
        "data": {"name": "x.npz"},
    }
    d = design(data | {"hardware": {"z": [layers[0] // 4 if layers[0] != 18 else 6]}}, type=1)
    found = search(d, trials=400, draws=20, restarts=4)
    assert found.best.score == max(every_score(d))


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from(VARIANTS), st.integers(0, 1))
def test_what_a_move_leaves_alone_need_not_be_judged_again(seed, variant, junction):
    d = design(EASY, seed, **variant)
    judge = Judge(d.config)
    before = judge.candidate(d.patterns)
    assert before.vector == scatter(d).vector
    layers, z = d.config.network.layers, d.config.hardware.z[junction]
    of = (layers[junction], d.config.out_degrees[junction], layers[junction + 1], z, variant["type"], variant["dither"])
    other = draw_clash_free(*of, np.random.default_rng(seed))
    after = judge.moved(before, junction, other)
    assert after.vector == judge.candidate(after.patterns).vector
    assert after.patterns[1 - junction] is d.patterns[1 - junction] and after.score == min(after.vector.values())


def test_climbs_never_go_down_and_start_from_the_best_draws():
    found = search(design(EASY), trials=400, draws=30, restarts=4)
    starts = [climb[0] for climb in found.history]
    assert starts == [(0, score) for score in sorted(found.draws, reverse=True)[:4]]
    for climb in found.history:
        moves, scores = zip(*climb, strict=True)
        assert list(moves) == sorted(set(moves)) and list(scores) == sorted(set(scores)) and moves[-1] <= 100
    assert found.best.score == max(climb[-1][1] for climb in found.history)


def test_the_seed_decides_everything():
    first, again, other = (search(design(EASY, seed), 60, 10, 2) for seed in (5, 5, 6))
    assert first.draws == again.draws != other.draws
    assert first.history == again.history
    assert all((a.left == b.left).all() for a, b in zip(first.best.patterns, again.best.patterns, strict=True))
    longer = search(design(EASY, 5), 60, 20, 2)
    assert longer.draws[:10] == first.draws  # a draw does not depend on how many there are


def test_input_variance_is_that_of_all_samples():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (9000, 7), dtype=np.uint8)
    pixels[:, 3] = 200
    samples = Split(pixels, np.zeros(9000, dtype=np.int64))
    assert input_variance(samples) == pytest.approx((pixels / 256).var(axis=0), abs=1e-12)
    assert input_variance(samples)[3] == pytest.approx(0, abs=1e-12)


def test_windows_without_variance_do_not_count():
    d = design(EASY)
    sides, _ = scatter_windows.windows(d.config)
    by_window = scatter(d).coverage["1f"].by_window
    variance = np.zeros(64)
    variance[sides[0].left[1]] = 0.5
    variance[sides[0].left[2, 0]] = 4.0
    share = np.array([0.5 * sides[0].left.shape[1], 4.0])
    weighed = Judge(d.config, variance).candidate(d.patterns).vector
    assert weighed["1f"] == pytest.approx(by_window[1:3] @ share / share.sum())
    plain = Judge(d.config).candidate(d.patterns).vector
    assert {k: v for k, v in weighed.items() if k not in ("1f", "net_f")} == {
        k: v for k, v in plain.items() if k not in ("1f", "net_f")
    }
    assert Judge(d.config, np.zeros(64)).candidate(d.patterns).vector == pytest.approx(plain)


def test_a_weighed_search_covers_more_variance_than_a_plain_one():
    """Only the first quarter of the inputs varies: only its windows are worth covering."""
    variance = np.where(np.arange(256) < 64, 1.0, 0.0)
    for seed in range(3):
        d = design(MIDDLING, seed, type=3)
        weighed, plain = (search(d, 300, 20, 1, v).best.patterns for v in (variance, None))
        judge = Judge(d.config, variance)
        assert judge.candidate(weighed).score > judge.candidate(plain).score


@pytest.fixture
def config(tmp_path):
    return runs.write_config(tmp_path, "fixed pipelined", epochs=1, rate_shift=[[0, 3]])


def run(config, out, *options):
    return cli.run(["search", str(config), "--out", str(out), "--quiet", "--trials", "40", "--draws", "10", *options])


def test_the_command_leaves_a_pattern_that_trains(config, tmp_path, no_pictures):
    out, trained = tmp_path / "search", tmp_path / "trained"
    assert run(config, out) == 0
    left = {p.name for p in out.iterdir()}
    assert {"config.yaml", "connectivity.npz", "search.json", "search.png"} <= left
    told = json.loads((out / "search.json").read_text())
    assert told["status"] == "finished" and told["gain"]["value"] > 0 and len(told["draws"]["value"]) == 10
    assert told["gain"]["value"] == pytest.approx(told["best"]["value"] - np.mean(told["draws"]["value"]))
    assert all({"value", "unit", "meaning"} == set(v) for k, v in told.items() if isinstance(v, dict) and k != "tools")
    assert cli.run(["scatter", str(out / "config.yaml"), "--out", str(tmp_path / "s"), "--quiet"]) == 0
    scatter = json.loads((tmp_path / "s" / "scatter.json").read_text())
    assert scatter["scatter_vector"]["value"] == told["best_vector"]["value"]
    assert runs.train(out / "config.yaml", trained) == 0
    wanted, used = read_npz(out / "connectivity.npz"), read_npz(trained / "connectivity.npz")
    assert wanted.keys() == used.keys() and all((wanted[k] == used[k]).all() for k in wanted)
    drawn = Design(load(config)).patterns
    assert any((p.left != wanted[f"left_{i}"]).any() for i, p in enumerate(drawn, 1))


def test_the_command_repeats_to_the_byte_and_keeps_other_runs(config, tmp_path, capsys):
    for name in ("a", "b"):
        assert run(config, tmp_path / name) == 0
    assert runs.files(tmp_path / "a") == runs.files(tmp_path / "b")
    assert run(config, tmp_path / "a", "--seed", "3") == 2
    assert "holds a run of another configuration" in capsys.readouterr().err
    assert run(config, tmp_path / "a", "--seed", "3", "--force") == 0
    assert runs.files(tmp_path / "a") != runs.files(tmp_path / "b")


def test_the_command_weighs_by_the_variance_of_the_data(config, tmp_path):
    assert run(config, tmp_path / "a", "--variance") == 0
    told = json.loads((tmp_path / "a" / "search.json").read_text())
    d = Design(load(config))
    expected = search(d, 40, 10, 2, input_variance(d.dataset(None).train))
    assert told["weighed"]["value"] is True and told["best"]["value"] == expected.best.score


def test_what_is_printed(config, tmp_path, capsys):
    arguments = ["search", str(config), "--out", str(tmp_path / "a"), "--trials", "40", "--draws", "10"]
    assert cli.run(arguments) == 0
    shown = capsys.readouterr().out
    for expected in ("configuration's own", "best found", "40 moves judged", "over their mean", "hwsim train"):
        assert expected in shown


@pytest.mark.parametrize(("after", "drawn"), [(0, 0), (3, 3), (25, 10)])
def test_an_interrupt_keeps_the_best_so_far(after, drawn, config, tmp_path, monkeypatch):
    judged = 0

    def counting(method):
        def judge(*arguments):
            nonlocal judged
            judged += 1
            if judged > after + 2:  # the configuration's own pattern is judged twice before anything else
                raise KeyboardInterrupt
            return method(*arguments)

        return judge

    for name in ("candidate", "moved"):
        monkeypatch.setattr(Judge, name, counting(getattr(Judge, name)))
    assert run(config, tmp_path / "a") == 130
    told = json.loads((tmp_path / "a" / "search.json").read_text())
    assert told["status"] == "interrupted" and len(told["draws"]["value"]) == drawn
    assert sum(told["moves"]["value"]) == after - drawn
    assert config_file.load(tmp_path / "a" / "config.yaml").connectivity.file is not None


REFUSED = [
    (["--trials", "-1"], "--trials = -1: must be at least 0; nearest: 0"),
    (["--restarts", "0"], "--restarts = 0: must be at least 1; nearest: 1"),
    (["--draws", "3", "--restarts", "4"], "--draws = 3: must be at least 4; nearest: 4"),
    (
        ["--set", "connectivity.kind=structured"],
        "connectivity.kind = structured: has no seeds: the search is for clash-free",
    ),
    (
        ["--set", "hardware.z=[16,8]"],
        "hardware.z = [16, 8]: leaves nothing to choose: without dither a memory needs at least",
    ),
]


@pytest.mark.parametrize(("options", "answer"), REFUSED, ids=[a for _, a in REFUSED])
def test_what_cannot_be_searched(options, answer, config, tmp_path, capsys):
    assert run(config, tmp_path / "a", *options) == 2
    assert capsys.readouterr().err.startswith(f"hwsim: {answer}")
    assert not (tmp_path / "a").exists()


def test_a_pattern_from_a_file_is_not_searched(config, tmp_path):
    assert run(config, tmp_path / "a") == 0
    with pytest.raises(InputError, match=r"^connectivity.file = .*: must be left out: the search draws its own patterns$"):
        searching.check(load(tmp_path / "a" / "config.yaml"))


@pytest.mark.parametrize("case", ["plain", "long name", "no draws", "one restart cut short"])
def test_pictures_cut_nothing_off(case):
    data = EASY | {"name": "n" * 200} if case == "long name" else EASY
    d = design(data, type=3, dither=True)
    found = search(d, 50, 20, 2)
    if case == "no draws":
        found.draws, found.history, found.moves = [], [], []
    if case == "one restart cut short":
        found.history[1], found.moves[1] = found.history[1][:1], 3
    fig = search_report.picture(d, found)
    fig.canvas.draw()
    width, height = fig.canvas.get_width_height()
    texts = [t for ax in fig.axes for t in (ax.title, ax.xaxis.label, ax.yaxis.label)]
    for text in [*texts, fig._suptitle, *fig.legends[0].get_texts()]:
        box = text.get_window_extent()
        assert 0 <= box.x0 <= box.x1 <= width and 0 <= box.y0 <= box.y1 <= height, text.get_text()


def test_the_configuration_of_a_search_is_plain_data(config, tmp_path):
    assert run(config, tmp_path / "a") == 0
    data = yaml.safe_load((tmp_path / "a" / "config.yaml").read_text())
    assert (tmp_path / "a" / data["connectivity"]["file"]).is_file()
