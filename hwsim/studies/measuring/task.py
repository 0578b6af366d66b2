"""What workers are given and what they give back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hwsim.configuration.configuration import Configuration


class Task(NamedTuple):
    """One measurement of one point; ``key`` says everything its result depends on.

    Attributes
    ----------
    configuration
        Fingerprint of ``config``.
    settings
        What the study says about the measurement.
    code
        Which code measures.
    """

    key: str
    measurement: str
    config: Configuration
    configuration: str
    data_dir: str | None
    settings: Mapping[str, Any]
    code: str


@dataclass(frozen=True)
class Result:
    """What came of a task: figures, or the error.

    Attributes
    ----------
    seconds, engine_seconds, evaluation_seconds
        Time of the measurement, and of that in the training loop and in the evaluation of held-out samples.
    samples
        Training samples fed.
    """

    key: str
    figures: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    seconds: float = 0.0
    engine_seconds: float = 0.0
    samples: int = 0
    evaluation_seconds: float = 0.0
