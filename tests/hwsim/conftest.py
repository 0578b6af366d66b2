import pytest

from hwsim import plots


@pytest.fixture
def no_pictures(monkeypatch):
    """Runs without plots, which take longer than the training here."""
    monkeypatch.setattr(plots, "all_of_training", lambda *_: [])
