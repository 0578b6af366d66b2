"""A training run in words and tables."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hwsim.figure import Figure, Figures
from hwsim.schedule.figures import JUNCTION
from hwsim.tables import Table, Told, columns, loss, number, percent, table

if TYPE_CHECKING:  # a line of text is no reason to load all engines
    from hwsim.training.outcome import Epoch, Outcome


EPOCH = Figures(
    "epoch",
    {
        "accuracy": Figure("1", "share of these samples predicted right in the last epoch", "more"),
        "loss": Figure("nats or squared error", "mean cost of these samples in the last epoch", "less"),
    },
)
"""Of the samples of a row."""


def trained(outcome: "Outcome") -> Iterator[Table | str]:
    """The last epoch of a training run: tables, and remarks in between."""
    if not outcome.history:
        return
    from hwsim.training.metrics import TRAINING

    last, t = outcome.history[-1], outcome.design.config.training
    where = f"{t.engine} engine, {t.order} order, {len(outcome.history)} of {t.epochs} epochs"
    rows = table(f"accuracy: {where}", "samples", *columns(EPOCH, accuracy="accuracy", loss="mean loss"))
    rows.add_row(Told("training, as fed", "train"), percent(last.train_accuracy), loss(last.train_loss))
    if last.validation_accuracy is not None and last.validation_loss is not None:
        rows.add_row("validation", percent(last.validation_accuracy), loss(last.validation_loss))
    if last.test_accuracy is not None and last.test_loss is not None:
        rows.add_row("test", percent(last.test_accuracy), loss(last.test_loss))
    yield rows
    if not math.isfinite(last.train_loss):
        yield "training diverged: the loss is no finite number any more; a lower learning rate may help"
    if last.saturation:
        heads = columns(TRAINING, **{f"saturated_{name}": name for name in last.saturation})
        saturated = table("saturation events", *columns(JUNCTION, junction="junction"), *heads)
        for i in range(len(outcome.design.patterns)):
            saturated.add_row(number(i + 1), *(number(int(counts[i])) for counts in last.saturation.values()))
        yield saturated


def epoch_line(e: "Epoch") -> str:
    """One finished epoch in one line."""
    parts = [f"epoch {e.epoch + 1}: training {percent(e.train_accuracy)} (loss {loss(e.train_loss)})"]
    if e.validation_accuracy is not None:
        parts.append(f"validation {percent(e.validation_accuracy)}")
    if e.test_accuracy is not None:
        parts.append(f"test {percent(e.test_accuracy)}")
    return ", ".join(parts)
