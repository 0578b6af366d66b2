"""The measurements that a study can ask for by name; each is loaded when it is."""

from hwsim.measurements.measurement import Measurement
from models.plugins import Plugins

MEASUREMENTS: Plugins[Measurement] = Plugins(
    "hwsim.measurements",
    Measurement,
    {
        "check": "hwsim.measurements.check:CHECK",
        "fixed": "hwsim.measurements.training:FIXED",
        "float": "hwsim.measurements.training:FLOAT",
        "cycle": "hwsim.measurements.training:CYCLE",
        "costs": "hwsim.measurements.costs:COSTS",
        "pattern": "hwsim.measurements.pattern:PATTERN",
        "difficulty": "hwsim.measurements.difficulty:DIFFICULTY",
        "adaptation": "hwsim.measurements.adaptation:ADAPTATION",
        "adaptation_in_order": "hwsim.measurements.adaptation:IN_ORDER",
        "drift": "hwsim.measurements.drift:DRIFT",
        "stability": "hwsim.measurements.stability:STABILITY",
        "frontend": "hwsim.measurements.frontend:FRONTEND",
        "synth": "rtl.synthesis.measurement:SYNTH",
    },
)
"""By name. ``rtl`` is above this package: nothing of it is imported before somebody synthesizes."""
