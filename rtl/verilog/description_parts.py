"""What the descriptions of all ports have in common."""

from typing import Any

from rtl.plan.plan import Plan


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """A table of Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def judgement(of: Plan) -> str:
    """What becomes of samples with illegal facts."""
    if not of.trains:
        return (
            "Nothing is learned: `label`, `kappa` and `train` may be anything; `label` and `train` come back as received.\n"
        )
    return (
        "A sample with `train` set whose `kappa` is out of range (unless RATE replaces it) or whose `label` is not in "
        f"0..{of.design.network.classes - 1} is fed forward only, as if `train` were clear. Its result comes as usual, with "
        "`train` clear and the label as received; ILLEGAL_KAPPAS or ILLEGAL_LABELS counts it, or both. With `train` clear, "
        "`kappa` and `label` may be anything.\n"
    )


def legal_values(of: Plan, told: str) -> str:
    """Which values the port takes, and what it says of others."""
    least, greatest = of.kappas
    return (
        f"A value that its word cannot hold is refused: the word keeps what it held, {told}and "
        f"REFUSED_VALUES counts. Weights are {of.numbers.weight} and biases {of.numbers.bias}, extended by their sign to 32 "
        f"bits; CONTROL takes 0 and 1, RATE {least}..{greatest} with or without bit 8, ERRORS 0..7. "
        "Bits 0, 1 and 2 of ERRORS say whether ILLEGAL_KAPPAS, ILLEGAL_LABELS and REFUSED_VALUES have counted anything; "
        "writing a 1 clears the bit and its counter. These three stop at 2^32 - 1; other counters wrap around.\n"
    )
