import pytest

from hwsim.pictures import training


@pytest.fixture
def no_pictures(monkeypatch):
    """Runs without plots, which take longer than the training here."""
    monkeypatch.setattr(training, "all_of_training", lambda *_: [])
