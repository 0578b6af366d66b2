"""The driver that goes with a design: a copy of :mod:`hwsim.host` that Python imports from one file."""

import io
import zipfile
from pathlib import Path

import hwsim.host

PACKAGE = "hwsim_host"
"""What a program imports, with the file on its path."""


def driver() -> bytes:
    """An archive that holds the package; the same bytes for the same driver."""
    source, packed = Path(hwsim.host.__file__).parent, io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(source.glob("*.py")):
            member = zipfile.ZipInfo(f"{PACKAGE}/{file.name}")  # dated 1980, whenever it is written
            archive.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()
