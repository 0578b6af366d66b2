"""The queue whose words come out of a register."""

import random

import pytest

from rtl.blocks.queues import Queue
from tests.rtl.driving import play

SPEEDS = {"both": (1, 1), "writes": (0.9, 0.2), "reads": (0.2, 0.9), "neither": (0.5, 0.5), "never_taken": (1, 0)}


@pytest.mark.parametrize("speeds", SPEEDS.values(), ids=SPEEDS)
@pytest.mark.parametrize("depth", [1, 2, 3, 5, 8])
def test_words_come_out_as_the_model_says(depth, speeds):
    rng, queue = random.Random(depth), Queue(8, depth, lut_ram_depth=4)
    model = queue.model()
    given, within = list[tuple[bool, int, bool]](), queue.model()
    for _ in range(300):
        # As many words as it holds may be in it: the memory's, and those of the two registers.
        comes = rng.random() < speeds[0] and len(within) < queue.capacity
        given.append((comes, rng.randrange(256), rng.random() < speeds[1]))
        within.clock(given[-1][2], *given[-1][1:2][:comes])
    seen = play(queue, [{"w_en": w, "w_data": x, "r_en": r} for w, x, r in given])
    put, taken = [], []
    for (writes, word, reads), now in zip(given, seen, strict=True):
        head = model.head
        assert now.r_rdy == (head is not None)
        assert head is None or now.r_data == head
        put += [word] if writes else []
        taken += [now.r_data] if reads and now.r_rdy else []
        model.clock(reads, *([word] if writes else []))
    assert taken == put[: len(taken)]
    assert len(put) - len(taken) == len(model) <= depth + 2
    assert len(put) == depth + 2 if not speeds[1] else len(taken) > 40


def test_a_word_passes_in_the_stated_clocks_and_one_follows_in_each():
    queue = Queue(8, 4, lut_ram_depth=4)
    seen = play(queue, [{"w_en": t < 20, "w_data": t, "r_en": 1} for t in range(30)])
    assert [now.r_data for now in seen if now.r_rdy] == list(range(20))
    assert [t for t, now in enumerate(seen) if now.r_rdy] == [t + queue.latency for t in range(20)]
