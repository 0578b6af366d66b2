"""What the descriptions of all ports have in common."""

from rtl.plan.plan import Plan


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
        f"bits; CONTROL takes 0..3, RATE {least}..{greatest} with or without bit 8, ERRORS 0..7. A read or a write where "
        "there is no word, a write of what is read-only, and any access to a memory while it runs are refused, too, and not "
        "counted.\n"
    )
