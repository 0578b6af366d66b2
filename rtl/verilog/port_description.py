"""The part of the description that is about the port: how to start, numbers, every register, which word is which weight."""

from collections.abc import Iterator
from typing import Any

from rtl.plan.plan import JunctionPlan, Plan
from rtl.ports.interface_table import all_registers
from rtl.ports.register_map import AddressMap, memories
from rtl.ports.register_table import SATURATION, WIDTH, Register, RegisterField, facts_at
from rtl.verilog.maps.every import C_HEADER, JSON, SVD, SYSTEMRDL
from rtl.verilog.markdown import table

_STEP = WIDTH // 8
_GAPS = (
    " A junction cycle for which no sample has come is a bubble: a sample behind it meets weights that more samples have "
    "changed, so that other bits come out than of a stream without gaps. CONTROL = 3 lets a cycle begin only with a sample; "
    "the last results come when CONTROL = 1 lets the pipe drain."
)


def start(of: Plan, reset: str) -> str:
    """From ``reset``, the name of its port, to results and back to weights."""
    stops = "6. To stop, wait for bit 1 of STATUS (empty), write CONTROL = 0, wait for bit 0 (standing)"
    return "\n".join(
        [
            f"1. Hold `{reset}` for a clock. Then CONTROL is 0 and STATUS 3: it stands, and is empty.",
            "2. MAGIC (12) says `hwsm`, HASH (14) is the first 32 bits of `hardware` in "
            f"`{JSON}`: it is this design, whatever name its module has.",
            "3. Weights and biases are those of `initial.npz` at power-up. To have others, or these again after a reset, "
            "write them through the bus.",
            "4. **Write CONTROL = 1.** Nothing moves before: samples are taken until their queue is full, no result comes.",
            f"5. Feed samples, take results, in any clocks.{_GAPS if of.trains else ''}",
            f"{stops}{'; then read what was learned' if of.trains else ''}.\n",
        ]
    )


def numbers(of: Plan) -> str:
    """Formats of every word that a host meets, and how to make one."""
    n = of.numbers
    given = n.input
    half = given.quantise([0.5])[0]
    rows = [
        (name, where, f"`{f}`", f.width, f.fraction, "yes" if f.signed else "no", f"{f.lowest} … {f.highest}")
        for name, where, f in (
            ("input", "samples", n.input),
            ("output", "results", n.activation),
            ("weight", "bus", n.weight),
            ("bias", "bus", n.bias),
        )
    ]
    return "\n".join(
        [
            "An integer n stands for n / 2^fraction, negative ones in two's complement.\n",
            table(("number", "where", "format", "bits", "fraction", "sign", "integers"), rows),
            f"To quantise an input x: n = ⌊x · 2^{given.fraction} + ½⌋, but no less than {given.lowest} and no more than "
            f"{given.highest}; x = 0.5 is {half}. Its lowest {given.width} bits are its place of the beat: input k of a "
            f"beat has bits {given.width} k … {given.width} k + {given.width - 1} of `inputs`.\n",
            f"On the bus every weight and bias is extended to {WIDTH} bits by its sign: take a word as a signed integer of "
            f"{WIDTH} bits (0xffffffff is −1, a weight of −2^−{n.weight.fraction}), and write it in the same way.\n",
        ]
    )


def _access(of: RegisterField) -> str:
    return "constant" if of.constant else str(of.access)


def _bits(of: RegisterField) -> str:
    return str(of.lsb) if of.width == 1 else f"{of.lsb + of.width - 1}..{of.lsb}"


def _rows(of: Register) -> Iterator[tuple[Any, ...]]:
    for field in of.fields:
        reset = f"{field.reset:#x}" if field.reset >> 24 else str(field.reset)
        legal = "" if field.legal is None else f" ({field.legal[0]}..{field.legal[1]})"
        yield of.name, of.address, f"{of.byte:#x}", _bits(field), field.name, _access(field), reset, field.meaning + legal


def register_pages(of: Plan) -> str:
    """Addresses, every register with its fields, and what is not in a table."""
    least, greatest = of.kappas
    fields = [row for register in all_registers(of) for row in _rows(register)]
    maps = (
        f"`address` counts words of {WIDTH} bits. Behind a bridge that counts bytes a word is at {_STEP} times that "
        f"address; both are in the tables. Other tools find the same registers and memories in `{SYSTEMRDL}` (SystemRDL, "
        f"for generators of bus interfaces and documentation), `{SVD}` (CMSIS-SVD, for debuggers), `{C_HEADER}` (for "
        f"programs in C) and `{JSON}` (for scripts and drivers, with every fact of the design).\n"
    )
    rules = (
        "Bits that are no field's read as 0 and must be written as 0. Every counter is 0 after reset: SAMPLES, RESULTS, "
        "CYCLES and those of what was clipped go on from 2^32 − 1 to 0, the three that ERRORS clears stop at 2^32 − 1. "
        f"RATE is {greatest} after reset, with FIXED clear: every sample has its own kappa. A KAPPA outside "
        f"{least}..{greatest} is refused, with FIXED set or clear.\n"
    )
    identity = (
        f"Facts of the design begin at word {facts_at(len(of.junctions))}, which is {SATURATION} + 4 L, L being the "
        "junctions that BUILD tells: a host that knows nothing of the design finds them. HASH is made from "
        "`config.yaml` without what changes no circuit (`hwsim.configuration.config_file.hardware_fingerprint`): what "
        "one version of hwsim generates with one HASH differs in names at most, one chance in 2^32 aside.\n"
    )
    head = ("register", "word", "byte", "bits", "field", "access", "after reset", "meaning")
    return "\n".join([maps, table(head, fields), rules, identity])


def memory_pages(of: Plan) -> str:
    """Where memories are, and which word is which weight or bias."""
    windows = [
        (
            m.name,
            m.region.base,
            f"{m.byte:#x}",
            m.region.rows,
            m.region.lanes,
            m.region.lane_bits,
            f"`{m.format}`",
        )
        for m in memories(of)
    ]
    return "\n".join(
        [
            "Word m of row r is at base + (r << lane bits) + m.\n",
            table(("memory", "base", "byte", "rows", "lanes", "lane bits", "format"), windows),
            "Row r, lane m of the weights of junction i is edge e = r · z + m in the order of `connectivity.npz`, z "
            "being the lanes: from left neuron `left_<i>[e]` to right neuron e // d_in. Row r, lane m of the biases is "
            "neuron r · lanes + m; the last row may hold fewer.\n",
            table(
                ("junction", "z", "d_in", "row r", "lane m", "edge e", "left neuron", "right neuron", "word", "byte"),
                [row for j in of.junctions for row in _edges(of, j)],
            ),
        ]
    )


def _edges(of: Plan, j: JunctionPlan) -> Iterator[tuple[int | str, ...]]:
    """The first edges, the first of the second row, the last."""
    region = AddressMap.of(of).weights[j.number - 1]
    last = j.pattern.n_edges - 1
    for e in sorted({0, min(1, last), min(j.z, last), last}):
        address = region.address(e)
        row, lane = divmod(e, j.z)
        left, right = int(j.pattern.left[e]), e // j.d_in
        yield j.number, j.z, j.d_in, row, lane, e, left, right, address, f"{_STEP * address:#x}"
