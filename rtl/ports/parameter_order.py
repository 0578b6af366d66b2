"""The order in which weights and biases pass through the streams."""

from dataclasses import dataclass
from typing import NamedTuple

from rtl.plan.plan import Plan
from rtl.ports.register_map import AddressMap


class Word(NamedTuple):
    """One of them: of which junction, whether it is a bias, its row or group, its lane or slot."""

    junction: int
    bias: int
    row: int
    lane: int


@dataclass(frozen=True)
class Walk:
    """One memory, lane by lane, each from the first row to the last, so that words that follow each other lie apart.

    Attributes
    ----------
    junction, bias
        Whose it is, and whether it holds biases.
    rows, lanes
        Rows, and words of a row.
    whole
        Lanes that all rows have, the first ones; the last row does not have the others.
    """

    junction: int
    bias: int
    rows: int
    lanes: int
    whole: int

    @property
    def short(self) -> bool:
        """Whether the last row has fewer words than the others."""
        return self.whole < self.lanes

    @property
    def apart(self) -> int | None:
        """Words from one of a row to the next one of it, at least; ``None`` if no row has two."""
        return self.rows - self.short if self.lanes > 1 else None


def walks(of: Plan) -> tuple[Walk, ...]:
    """The weights of every junction and, behind them, its biases."""
    where, result = AddressMap.of(of), []
    for j, weights, biases in zip(of.junctions, where.weights, where.biases, strict=True):
        for bias, region in enumerate((weights, biases)):
            # A single row that is short has fewer lanes.
            lanes = region.words if region.rows == 1 else region.lanes
            result.append(Walk(j.number, bias, region.rows, lanes, region.lanes - region.short))
    return tuple(result)


def addresses(of: Plan) -> list[int]:
    """Where all words are for the bus, in their order."""
    where, result = AddressMap.of(of), []
    for word in order(of):
        region = (where.biases if word.bias else where.weights)[word.junction - 1]
        result.append(region.base + (word.row << region.lane_bits) + word.lane)
    return result


def order(of: Plan) -> list[Word]:
    """All words one by one, as the memories have them."""
    where, result = AddressMap.of(of), []
    for number, regions in enumerate(zip(where.weights, where.biases, strict=True), 1):
        for bias, region in enumerate(regions):
            places = ((row, lane) for lane in range(region.lanes) for row in range(region.rows))
            result += [Word(number, bias, row, lane) for row, lane in places if region.holds(row, lane)]
    return result
