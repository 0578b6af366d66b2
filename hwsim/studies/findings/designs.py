"""What makes each design of a study a configuration: what all begin with, and by design the keys that it sets."""

import json
from typing import Any

import yaml

from hwsim.configuration.config_file import with_overrides
from hwsim.configuration.yaml_values import Dumper
from hwsim.studies.directory import BASE, DESIGNS, StudyDirectory
from hwsim.studies.measuring.exploration import Explored

_HEADER = "# What every design of the study begins with; designs.json has what each of them sets.\n"


def sets(explored: Explored) -> list[dict[str, Any]]:
    """By design: the keys that it sets, and their values."""
    return [{k: v for value in values for k, v in value.sets.items()} for values in explored.points.combinations]


def write(explored: Explored, directory: StudyDirectory) -> list[str]:
    """Both files; returns their names."""
    study = explored.study
    assert isinstance(study.base, dict)
    base = with_overrides(study.base, study.set)
    text = yaml.dump(base, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)
    directory.write(BASE, (_HEADER + text).encode())
    directory.write(DESIGNS, (json.dumps(sets(explored), indent=1) + "\n").encode())
    return [BASE, DESIGNS]
