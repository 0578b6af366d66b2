"""The figures that a study can measure: a column of a table is called ``measurement.name``."""

from hwsim.figure import Figure
from hwsim.measurements.catalogue import MEASUREMENTS


def columns_of(measurement: str) -> list[str]:
    """Every column that a measurement can give, in the order of tables."""
    return [f"{measurement}.{name}" for name in MEASUREMENTS[measurement].figures]


def of_column(column: str) -> Figure | None:
    """The figure of a column ``measurement.name``; ``None`` if there is no such figure."""
    measurement, _, name = column.partition(".")
    return MEASUREMENTS[measurement].figures.get(name) if measurement in MEASUREMENTS else None


def trains(measurement: str) -> bool:
    """Whether a measurement trains a network on an engine."""
    return measurement in MEASUREMENTS and MEASUREMENTS[measurement].engine is not None
