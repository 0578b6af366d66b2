"""What can go wrong between a program and an accelerator; all of it is a :class:`HostError`."""


class HostError(Exception):
    """An accelerator, or the way to it, does not do what it should."""


class WrongDesign(HostError):
    """What answers is not the design that the map describes."""


class Refused(HostError):
    """An access was answered with an error.

    Attributes
    ----------
    address
        Its byte address.
    writes
        Whether it was a write.
    """

    def __init__(self, address: int, writes: bool, why: str = "") -> None:
        self.address, self.writes = address, writes
        what = "a write to" if writes else "a read of"
        super().__init__(f"{what} byte address {address:#x} was refused" + (f": {why}" if why else ""))


class Silence(HostError):
    """Something that had to come did not come in time."""


class BadValue(HostError, ValueError):
    """An argument that the design cannot take: nothing of it has been sent."""
