"""The registers of what stands around the accelerator, behind its words: packets that were dropped, an interrupt."""

from rtl.plan.plan import Plan
from rtl.ports.register_map import AddressMap
from rtl.ports.register_table import WIDTH, Access, Register, RegisterField, registers

RESULT, DRAINED, ERROR = 0, 1, 2
"""Bits of an interrupt: a result waits; no sample waits or is under way; something was dropped, spoilt or refused."""
CAUSES = 3


def _dropped(name: str, offset: int, meaning: str) -> Register:
    field = RegisterField("COUNT", 0, WIDTH, meaning, Access.ZERO_TO_CLEAR, legal=(0, 0))
    return Register(name, offset, (field,), f"{meaning}; stops at 2^32 − 1, writing 0 clears it")


def _causes(error: Access, others: Access, reset: int) -> tuple[RegisterField, ...]:
    return (
        RegisterField("RESULT", RESULT, 1, "a result waits", others),
        RegisterField("DRAINED", DRAINED, 1, "no sample waits or is under way", others, reset),
        RegisterField(
            "ERROR", ERROR, 1, "a packet was dropped, a sample was not trained on or a request was refused", error
        ),
    )


OFFSETS = (
    _dropped("MISFRAMED", 0, "packets that were dropped because `tlast` came early, late or not at all"),
    _dropped("REFUSED", 1, "packets that were dropped for an input outside its format or a reserved bit"),
    _dropped("UNFIT", 2, "training samples fed forward only: label or kappa wider than the accelerator's"),
    Register(
        "WAITING",
        3,
        (RegisterField("COUNT", 0, WIDTH, "whole samples in front of the accelerator"),),
        "whole samples in front of the accelerator",
    ),
    Register(
        "INTERRUPT_ENABLE",
        4,
        _causes(Access.READ_WRITE, Access.READ_WRITE, 0),
        "causes that set `interrupt` while they last",
    ),
    Register(
        "INTERRUPT_STATUS",
        5,
        _causes(Access.ONE_TO_CLEAR, Access.READ_ONLY, 1),
        "causes; that of an error lasts until a 1 is written to it",
    ),
)
"""Those of every interface, at their places behind the accelerator's words."""

LOAD, SEND, LOADED = 0, 1, 2
"""Bits of PARAMETERS."""
PARAMETERS = Register(
    "PARAMETERS",
    6,
    (
        RegisterField("LOAD", LOAD, 1, "packets to the accelerator are parameters, while it stands", Access.READ_WRITE),
        RegisterField(
            "SEND", SEND, 1, "writing 1 sends all parameters as a packet; 1 until it has been taken", Access.READ_WRITE
        ),
        RegisterField("LOADED", LOADED, 1, "since LOAD was set a packet has ended, and what was to be written is"),
    ),
    "weights and biases through the streams",
)
"""Where ``hardware.parameter_stream`` is set."""


def offsets(of: Plan) -> tuple[Register, ...]:
    """The registers of a design's interface by their places; none if its ports are native."""
    hardware = of.config.hardware
    assert hardware is not None
    if hardware.interface == "native":
        return ()
    return (*OFFSETS, PARAMETERS) if hardware.parameter_stream else OFFSETS


def interface_base(of: Plan) -> int:
    """Address of the first of them in words, behind all of the accelerator's."""
    return 1 << AddressMap.of(of).bits


def interface_registers(of: Plan) -> tuple[Register, ...]:
    """The registers of a design's interface by their addresses; none if its ports are native."""
    base = interface_base(of)
    return tuple(Register(r.name, base + r.address, r.fields, r.meaning) for r in offsets(of))


def all_registers(of: Plan) -> tuple[Register, ...]:
    """What a host sees: the accelerator's registers and its interface's, in ascending order of their addresses."""
    return (*registers(of), *interface_registers(of))
