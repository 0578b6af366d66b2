"""Tables of commands that run tools for long: whole at every width, raw for programs, without the tools."""

import json
from types import SimpleNamespace

import pytest

from hwsim.commands import document
from rtl.mutation import campaign
from rtl.mutation.campaign import CAUGHT, EQUIVALENT, OPEN, Judgement
from rtl.mutation.mutants import Mutant
from rtl.proofs import session
from rtl.proofs.prover import Status, Verdict
from tests.hwsim.commands.drawn import raw, uncut


def judged(number, verdict, by):
    mutant = Mutant(number, "mutate -mode inv", "top.junction_1", "$add", "\\A", 3, "sum_of_products", 12_345, "inverted")
    return Judgement(mutant, verdict, by)


def proof(name, verdict):
    return session.Proof("junction 1", SimpleNamespace(name=name, statement=f"every {name} lies in its memory"), verdict)


JUDGED = [judged(1, CAUGHT, "data, write port"), judged(2, EQUIVALENT, "cone"), judged(3, OPEN, "")]
PROVED = [
    proof("address", Verdict(Status.PROVED, "induction", 4, 12.345)),
    proof("lane", Verdict(Status.UNDECIDED, "PDR")),
]
TABLES = {
    "mutants": campaign.summary("demo", JUDGED),
    "not caught": campaign.details(JUDGED),
    "properties": session.table(PROVED, "demo: 2 properties"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_whole_and_raw(name):
    uncut(TABLES[name])
    told = json.loads(document.Document(tables=[TABLES[name]]).text("", 0))["tables"][0]
    raw(told)
    assert [len(row) for row in told["rows"]] == [len(told["columns"])] * len(TABLES[name].rows)


def test_figures_keep_their_values():
    told = json.loads(document.Document(tables=[*TABLES.values()]).text("", 0))["tables"]
    assert told[0]["rows"][-1] == {"component": "all", "caught": 1, "equivalent": 1, "open": 1}
    assert [row["line"] for row in told[1]["rows"]] == [12_345, 12_345]
    assert [(row["depth"], row["seconds"]) for row in told[2]["rows"]] == [(4, 12.345), (None, None)]
