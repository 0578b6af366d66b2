import shutil

import pytest

from hwsim.pictures import training


@pytest.fixture
def no_pictures(monkeypatch):
    """Runs without plots, which take longer than the training here."""
    monkeypatch.setattr(training, "all_of_training", lambda *_: [])


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium, headless, with an empty profile; `./run test` installs it."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if (chromium := shutil.which("chromium")) is None:
        pytest.skip("Debian's chromium is not installed")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield started
        started.close()
