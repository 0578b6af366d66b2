from pathlib import Path

import numpy as np
import pytest

from models.data.catalogue import CATALOGUE, load, outline, outline_of
from models.data.morse import MorseOptions
from models.errors import InputError
from tests.distributions import install
from tests.models.data import idx_files, real


@pytest.mark.parametrize("name", ["mnist-mini", "digits"])
def test_the_table_says_what_is_loaded(name: str) -> None:
    data, info = load(name, None, seed=0), CATALOGUE[name]

    assert (data.name, data.features, data.classes, data.image) == (name, info.features, info.classes, info.image)
    assert (len(data.train), len(data.validation), len(data.test)) == info.counts


@pytest.mark.parametrize("name", ["mnist", "cifar10-part"])
def test_the_table_says_what_the_real_files_hold(name: str) -> None:
    files = {"mnist": "train-images-idx3-ubyte.gz", "cifar10-part": "cifar10_first1017_per_batch.npz"}
    data, info = load(name, real.data_dir(f"{name}/{files[name]}"), seed=0), CATALOGUE[name]

    assert (data.name, data.features, data.classes, data.image) == (name, info.features, info.classes, info.image)
    assert (len(data.train), len(data.validation), len(data.test)) == info.counts


def test_morse_from_options_and_seed() -> None:
    options = MorseOptions(family=4, sigma=2, per_class=(2, 1, 1))

    one, two = (load("morse", None, seed, morse_options=options) for seed in (3, 4))

    assert (one.features, len(one.train)) == (256, 128)
    assert not np.array_equal(one.train.inputs, two.train.inputs)
    assert np.array_equal(one.train.inputs, load("morse", None, 3, morse_options=options).train.inputs)


def test_files_come_from_the_data_directory(tmp_path: Path) -> None:
    idx_files.write(tmp_path / "fashion-mnist", idx_files.contents())

    assert len(load("fashion-mnist", tmp_path, seed=0).train) == 3


def test_an_npz_file_is_found_as_given_and_in_the_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, labels = np.zeros((2, 3), dtype=np.uint8), np.array([0, 1])
    arrays = {"x_train": inputs, "y_train": labels, "x_test": inputs, "y_test": labels}
    np.savez(tmp_path / "mine.npz", **arrays)

    assert load(str(tmp_path / "mine.npz"), None, seed=0).name == "mine"
    assert load("mine.npz", tmp_path, seed=0).features == 3
    monkeypatch.chdir(tmp_path)
    assert load("mine.npz", None, seed=0).features == 3
    with pytest.raises(InputError, match=r"other\.npz"):
        load("other.npz", tmp_path, seed=0)


def test_an_unknown_name_gets_suggestions() -> None:
    with pytest.raises(InputError, match="unknown data set") as caught:
        load("mnits", None, seed=0)
    assert caught.value.nearest[0] == "mnist"
    assert load_error("FashionMNIST").nearest[0] == "fashion-mnist"


def load_error(name: str, data_dir: Path | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        load(name, data_dir, seed=0)
    return caught.value


@pytest.mark.parametrize("name", [name for name, info in CATALOGUE.items() if info.needs_folder])
def test_without_a_data_directory_the_ways_to_give_one_are_named(name: str, tmp_path: Path) -> None:
    message = str(load_error(name))

    assert "data_dir" in message
    assert "HWSIM_DATA" in message
    assert (f"hwsim data fetch {name}" in message) == CATALOGUE[name].fetchable
    assert "no such directory" in str(load_error(name, tmp_path / "nowhere"))


STRIPES = """
import numpy as np

from models.data.catalogue import DatasetInfo
from models.data.dataset import Dataset, Split


def read(data_dir, seed):
    assert data_dir is None
    rng = np.random.default_rng(seed)
    train, test, validation = (Split(rng.integers(0, 256, (n, 4), np.uint8), np.arange(n) % 2) for n in (20, 6, 0))
    return Dataset("stripes", 2, train, test, validation)


STRIPES = DatasetInfo("stripes", 4, 2, (20, 0, 6), None, "nobody", "none", "comes with a distribution", read, drawn=True)
"""


def test_a_distribution_adds_a_data_set(tmp_path, monkeypatch):
    install(tmp_path, "some-stripes", {"hwsim.datasets": {"stripes": "stripes:STRIPES"}}, stripes=STRIPES)
    with pytest.raises(InputError, match="unknown data set"):
        load("stripes", None, seed=0)
    monkeypatch.syspath_prepend(tmp_path)
    data = load("stripes", None, seed=0)
    assert (data.features, data.classes, len(data.train), len(data.test)) == (4, 2, 20, 6)
    assert (load("stripes", None, seed=1).train.inputs != data.train.inputs).any()
    assert outline("stripes", None) == outline_of(data) and [*CATALOGUE][-1] == "stripes"
