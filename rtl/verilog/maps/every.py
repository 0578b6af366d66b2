"""All maps of a design by the names of their files."""

from rtl.plan.plan import Plan
from rtl.verilog.maps.c_header import as_c_header
from rtl.verilog.maps.register_map_json import as_json
from rtl.verilog.maps.svd import as_svd
from rtl.verilog.maps.systemrdl import as_systemrdl

SYSTEMRDL, SVD, C_HEADER, JSON = (f"registers.{end}" for end in ("rdl", "svd", "h", "json"))


def maps(of: Plan) -> dict[str, str]:
    """The registers in every language that is written."""
    return {SYSTEMRDL: as_systemrdl(of), SVD: as_svd(of), C_HEADER: as_c_header(of), JSON: as_json(of)}
