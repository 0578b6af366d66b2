"""What was built for boards, as last measured: ``built.json``, which ``python -m tests.rtl.boards.measure`` writes."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("built.json")


@dataclass(frozen=True)
class Built:
    """A bitstream for a board, at the board's own clock.

    Attributes
    ----------
    config
        The shipped configuration that it was made of, without its ending.
    settings
        What was set in it, by key.
    network
        In words.
    clock
        MHz that were asked for.
    routed
        MHz that all paths between registers allow: of the placement with the seed ``seed``, the median of all.
    by_seed
        The same of every placement that was made, by its seed.
    sites, flip_flops, multipliers, block_ram
        What of these the chip has in use, as :mod:`rtl.synthesis.targets` counts them for its family.
    bitstream
        Bytes.
    tools
        Versions, by name.
    digest
        Of the Verilog and the constraints: figures of others are out of date.
    """

    config: str
    settings: dict[str, Any]
    network: str
    clock: float
    routed: float
    seed: int
    by_seed: dict[str, float]
    sites: int
    flip_flops: int
    multipliers: int
    block_ram: int
    bitstream: int
    tools: dict[str, str]
    digest: str

    @property
    def design(self) -> str:
        """The configuration in words."""
        return f"{self.config}.yaml" + (f" with {', '.join(self.settings)}" if self.settings else "")

    def __str__(self) -> str:
        return f"{self.design} was routed for {self.routed:.1f} MHz"


@cache
def built() -> dict[str, Built]:
    """By the board's name; boards are missing for which nothing was built."""
    return {name: Built(**known) for name, known in json.loads(FILE.read_text(encoding="utf-8")).items()}
