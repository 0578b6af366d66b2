"""All-zero seeds: the plain order of the edges, whatever type and parallelism."""

import itertools

import numpy as np
import pytest

from hwsim.commands import app as cli
from hwsim.configuration import config_file
from hwsim.configuration.config_file import parse
from hwsim.design import Design
from models.connectivity.clash_free import from_seeds, is_clash_free, plain_order
from models.errors import InputError
from tests.hwsim.shipped import SHIPPED

DEMO = next(p for p in SHIPPED if p.stem == "demo")


@pytest.mark.parametrize(("n_left", "d_out", "n_right"), [(12, 2, 12), (9, 2, 6), (6, 2, 4), (64, 128, 1024), (8, 3, 4)])
def test_edges_come_from_left_neurons_in_turn(n_left, d_out, n_right):
    plain = [e % n_left for e in range(n_left * d_out)]
    for kind, z in itertools.product((1, 2, 3), (z for z in range(1, n_left + 1) if n_left % z == 0)):
        made = plain_order(n_left, d_out, n_right, z, kind)
        assert made.left.tolist() == plain and is_clash_free(made, z)
        made.validate()
        address = {1: made.seeds.address[0, 0], 2: made.seeds.address[:, 0], 3: made.seeds.address}[kind]
        again = from_seeds(n_left, d_out, n_right, kind, address)
        assert np.array_equal(again.left, made.left) and np.array_equal(again.seeds.address, made.seeds.address)
        assert not made.seeds.dithered and (kind == 3 or not address.any())


def test_the_configuration_asks_for_it():
    zero = Design(config_file.load(DEMO, {"connectivity.seeds": "zero", "seed": 5}))
    for pattern in zero.patterns:
        assert np.array_equal(pattern.left, np.arange(pattern.n_edges) % pattern.n_left)
        assert pattern.seeds.kind == 2
    drawn = Design(config_file.load(DEMO)).patterns[0]
    assert not np.array_equal(drawn.left, zero.patterns[0].left)


def test_a_machine_of_zero_seeds_is_the_reference(tmp_path):
    assert cli.run([
        "simulate", str(DEMO), "--set", "connectivity.seeds=zero", "--samples", "20", "--out", str(tmp_path / "out"), "-q",
    ]) == 0  # fmt: skip


def test_what_cannot_be_is_told():
    with pytest.raises(InputError, match=r"connectivity\.dither = True: must be left out"):
        config_file.load(DEMO, {"connectivity.seeds": "zero", "connectivity.dither": True})
    with pytest.raises(InputError, match=r"connectivity\.seeds"):
        config_file.load(DEMO, {"connectivity.seeds": "one"})
    for bad in ((12, 5, 8, 4, 1), (12, 2, 12, 5, 1), (12, 2, 12, 4, 4)):
        with pytest.raises(InputError):
            plain_order(*bad)
    plain = config_file.resolved(config_file.load(DEMO, {"connectivity.kind": "structured", "connectivity.seeds": "zero"}))
    assert "connectivity.seeds has no effect on structured patterns" in parse(plain).notes()
