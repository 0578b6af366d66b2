"""The kept results of studies: every link leads somewhere, and every report comes from a study that is shipped."""

import csv
import re
import shlex

import pytest

from hwsim.studies.definition import study
from tests.hwsim.shipped import SHIPPED

ROOT = SHIPPED[0].parents[1]
DOCS = ROOT / "docs" / "studies"
REPORTS = sorted(DOCS.glob("*/report.md"))


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", (DOCS / "README.md").read_text()))))
def test_links_lead_somewhere(link):
    assert (DOCS / link).exists()


@pytest.mark.parametrize("report", REPORTS, ids=lambda p: p.parent.name)
def test_a_report_comes_from_a_shipped_study(report):
    text = report.read_text()
    words = shlex.split(re.search(r"^Made by `hwsim explore (.*?)`;", text, re.MULTILINE)[1])
    loaded = study.load(ROOT / words[0])
    assert loaded.name == report.parent.name
    assert set(words[1::2]) <= {"--set", "--seeds"}
    for picture in re.findall(r"!\[.*\]\((.*\.png)\)", text):
        assert (report.parent / picture).is_file()
    with (report.parent / "summary.csv").open(newline="") as file:
        designs = list(csv.DictReader(file))
    assert f"{len(designs)} designs" in text
    assert all(row["failed"] == "0" for row in designs)
    assert set(loaded.axes) <= designs[0].keys()
