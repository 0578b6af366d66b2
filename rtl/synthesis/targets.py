"""The FPGAs that designs can be synthesized for: how Yosys maps to them, what there is on them, and what its cells are."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.errors import ArgumentError
from models.plugins import Plugins
from rtl.blocks.ram import DISTRIBUTED, ram_attributes

LUT, LUT_RAM, FF, DSP, BLOCK_RAM, CARRY = "LUT", "LUT RAM", "FF", "DSP", "block RAM", "carry"
SITES, LARGE_RAM, PINS = "LUT sites", "large RAM", "pins"


@dataclass(frozen=True)
class Resource:
    """A kind of resource in one family.

    Attributes
    ----------
    name
        The same in all families.
    unit
        What is counted.
    meaning
        Which cells count, and how.
    cells
        How much each cell of Yosys takes; ``PREFIX*`` stands for all cells whose names begin so. Empty for what exists only
        after packing.
    site
        Name in nextpnr's report, if it is counted there.
    """

    name: str
    unit: str
    meaning: str
    cells: Mapping[str, int]
    site: str | None = None

    def count(self, cells: Mapping[str, int]) -> int:
        """How much of this resource the cells take."""
        return sum(n * self._weight(cell) for cell, n in cells.items())

    def _weight(self, cell: str) -> int:
        if cell in self.cells:
            return self.cells[cell]
        return next((w for p, w in self.cells.items() if p.endswith("*") and cell.startswith(p[:-1])), 0)


@dataclass(frozen=True)
class Family:
    """FPGAs that share their cells and tools.

    Attributes
    ----------
    prepare
        Commands of Yosys before synthesis.
    synthesis
        Yosys' command; ``dsp`` and ``no_dsp`` are its options for multipliers in DSP blocks and in LUTs.
    placer, packer, extension
        Tool that places and routes, tool that makes the bitstream, ending of its file; ``None`` if no open tool exists.
    packs_registers
        Whether multiplier blocks have registers that Yosys leaves unused (:mod:`rtl.synthesis.dsp_registers`).
    opens_carries
        Whether Yosys ties the carry inputs of chains that nextpnr wants open (:mod:`rtl.synthesis.carry_chains`).
    location
        Constraint that puts ``pin`` at ``site``, for a placer that chooses no sites itself.
    doubt
        Why the placer's clock frequencies are not to be relied on; empty if nothing speaks against them.
    unplaced
        Why there is no placer, where there is none.
    """

    name: str
    synthesis: str
    resources: tuple[Resource, ...]
    prepare: tuple[str, ...] = ()
    dsp: str = ""
    no_dsp: str = "-nodsp"
    placer: str | None = None
    packer: str | None = None
    extension: str = ""
    packs_registers: bool = False
    opens_carries: bool = False
    location: str = ""
    doubt: str = ""
    unplaced: str = "no open place and route exists"


@dataclass(frozen=True)
class Target:
    """One FPGA in one package.

    Attributes
    ----------
    arguments
        Of the placer.
    pins
        That a design can use.
    frequency
        MHz that placement aims at if nothing is asked for.
    sites
        Of the wrapper's pins, for a placer that chooses none itself: every design is wrapped then.
    """

    name: str
    device: str
    family: Family
    arguments: tuple[str, ...] = ()
    pins: int | None = None
    frequency: float | None = None
    sites: tuple[str, ...] = ()


def target(name: str) -> Target:
    """A target by its name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in TARGETS:
        raise ArgumentError("target", name, "is not known", TARGETS)
    return TARGETS[name]


_INVERTERS = "inverters are LUTs among them"

ECP5 = Family(
    "ecp5",
    "synth_ecp5",
    (
        Resource(LUT, "LUT4", f"logic with up to four inputs; {_INVERTERS}", {"LUT4": 1}),
        Resource(
            LUT_RAM,
            "LUT4",
            "sites of distributed memory: four that store 16 words of 4 bits, and two that its write port occupies",
            {"TRELLIS_DPR16X4": 6},
        ),
        Resource(CARRY, "CCU2C", "carry cells of two bits; each takes two LUT sites", {"CCU2C": 1}),
        Resource(
            SITES, "LUT4", "after packing: logic, carry, distributed memory without its write ports", {}, "TRELLIS_COMB"
        ),
        Resource(FF, "FF", "flip-flops", {"TRELLIS_FF": 1}, "TRELLIS_FF"),
        Resource(DSP, "multipliers 18 x 18", "multipliers in DSP blocks", {"MULT18X18D": 1}, "MULT18X18D"),
        Resource(BLOCK_RAM, "blocks of 18 kbit", "block memories", {"DP16KD": 1, "PDPW16KD": 1}, "DP16KD"),
        Resource(PINS, "pins", "pins of the package, clock and reset included", {}, "TRELLIS_IO"),
    ),
    placer="nextpnr-ecp5",
    packs_registers=True,
    packer="ecppack",
    extension="bit",
)

ICE40 = Family(
    "ice40",
    "synth_ice40",
    (
        Resource(LUT, "LUT4", f"logic with up to four inputs; {_INVERTERS}", {"SB_LUT4": 1}),
        Resource(LUT_RAM, "LUT4", "the family has none: memories that are read without a clock become flip-flops", {}),
        Resource(CARRY, "SB_CARRY", "carry cells of one bit; each lies beside a LUT", {"SB_CARRY": 1}),
        Resource(SITES, "LUT4 with FF", "logic cells after packing", {}, "ICESTORM_LC"),
        Resource(FF, "FF", "flip-flops", {"SB_DFF*": 1}),
        Resource(DSP, "multipliers 16 x 16", "multiply-accumulate blocks", {"SB_MAC16": 1}, "ICESTORM_DSP"),
        Resource(BLOCK_RAM, "blocks of 4 kbit", "block memories", {"SB_RAM40_4K*": 1}, "ICESTORM_RAM"),
        Resource(LARGE_RAM, "blocks of 256 kbit", "single-port memories", {"SB_SPRAM256KA": 1}, "ICESTORM_SPRAM"),
        Resource(PINS, "pins", "pins of the package, clock and reset included", {}, "SB_IO"),
    ),
    # A wish for LUT RAM cannot be met here, and Yosys would refuse the memory.
    prepare=tuple(f"setattr -unset {name} m:*" for name in ram_attributes(DISTRIBUTED)),
    dsp="-dsp",
    no_dsp="",
    placer="nextpnr-ice40",
    packer="icepack",
    extension="bin",
)

NEXUS = Family(
    "nexus",
    "synth_nexus",
    (
        Resource(
            LUT,
            "LUT4",
            f"logic with up to four inputs, two for one with more; {_INVERTERS}",
            {"LUT4": 1, "INV": 1, "WIDEFN9": 2},
        ),
        Resource(LUT_RAM, "LUT4", "sites of distributed memory: four that store 16 words of 4 bits", {"DPR16X4": 4}),
        Resource(CARRY, "CCU2", "carry cells of two bits; each takes two LUT sites", {"CCU2": 1}),
        Resource(SITES, "LUT4", "after packing: logic, carry, distributed memory", {}, "OXIDE_COMB"),
        Resource(FF, "FF", "flip-flops", {"FD1P3*": 1}, "OXIDE_FF"),
        Resource(
            DSP,
            "multipliers 9 x 9",
            "multipliers in DSP blocks; one of 18 x 18 takes two",
            {
                "MULT9X9": 1,
                "MULT18X18": 2,
                "MULT18X36": 4,
                "MULT36X36": 8,
                "MULTPREADD18X18": 2,
                "MULTADDSUB18X18": 2,
                "MULTADDSUB9X9WIDE": 4,
            },
            "MULT9_CORE",
        ),
        Resource(BLOCK_RAM, "blocks of 18 kbit", "block memories", {"DP16K": 1, "PDP16K": 1, "PDPSC16K": 1}, "OXIDE_EBR"),
        Resource(
            LARGE_RAM,
            "blocks of 512 kbit",
            "memories with one or two ports",
            {"SP512K": 1, "DPSC512K": 1, "PDPSC512K": 1},
            "LRAM_CORE",
        ),
        Resource(PINS, "pins", "pins of 3.3 V in the package, clock and reset included", {}, "SEIO33_CORE"),
    ),
    placer="nextpnr-nexus",
    opens_carries=True,
    location="ldc_set_location -site {{{site}}} [get_ports {pin}]",
)

GOWIN = Family(
    "gowin",
    "synth_gowin -family gw2a",
    (
        Resource(
            LUT, "LUT4", f"logic with up to four inputs; {_INVERTERS}", {f"LUT{n}": 1 for n in range(1, 5)} | {"INV": 1}
        ),
        Resource(LUT_RAM, "LUT4", "sites of distributed memory: four that store 16 words of 4 bits", {"RAM16SDP4": 4}),
        Resource(CARRY, "ALU", "carry cells of one bit; each takes a LUT site", {"ALU": 1}),
        Resource(SITES, "LUT4", "after packing: logic, and what flip-flops without logic are fed through", {}, "LUT4"),
        Resource(FF, "FF", "flip-flops", {"DFF*": 1}, "DFF"),
        Resource(
            DSP,
            "multipliers 18 x 18",
            "multipliers in DSP blocks; one of 9 x 9 counts as much, though it takes half",
            {"MULT9X9": 1, "MULT18X18": 1, "MULT36X36": 4},
            "MULT18X18",
        ),
        Resource(
            BLOCK_RAM,
            "blocks of 18 kbit",
            "block memories",
            dict.fromkeys(("SP", "SPX9", "SDPB", "SDPX9B", "DPB", "DPX9B"), 1),
            "BSRAM",
        ),
        Resource(PINS, "pins", "pins of the package, clock and reset included", {}, "IOB"),
    ),
    placer="nextpnr-himbaechel-gowin",
    location='IO_LOC "{pin}" {site};',
    doubt="nextpnr's delays for Gowin promise about a fifth more than the vendor's tool",
)

GATEMATE = Family(
    "gatemate",
    "synth_gatemate -luttree -nomx8",
    (
        Resource(
            LUT,
            "LUT tree halves",
            "logic: a half has up to five inputs in a tree, or is a multiplexer of two; one of four takes a whole one",
            {"CC_L2T4": 1, "CC_L2T5": 1, "CC_LUT1": 1, "CC_LUT2": 1, "CC_MX2": 1, "CC_MX4": 2},
        ),
        Resource(LUT_RAM, "LUT", "the family has none: memories that are read without a clock become flip-flops", {}),
        Resource(CARRY, "CC_ADDF", "adders of one bit; each takes half a programmable element", {"CC_ADDF": 1}),
        Resource(FF, "FF", "flip-flops and latches", {"CC_DFF": 1, "CC_DLT": 1}),
        Resource(
            DSP, "multipliers", "multipliers, which are made of programmable elements: there are no blocks", {"CC_MULT": 1}
        ),
        Resource(
            BLOCK_RAM,
            "blocks of 20 kbit",
            "block memories; one of 40 kbit counts twice",
            {"CC_BRAM_20K": 1, "CC_BRAM_40K": 2},
        ),
    ),
    prepare=tuple(f"setattr -unset {name} m:*" for name in ram_attributes(DISTRIBUTED)),
    dsp="",
    no_dsp="-nomult",
    unplaced="its placer, nextpnr-himbaechel-gatemate 0.11.1, breaks off on designs of this kind",
)

XC7 = Family(
    "xc7",
    "synth_xilinx -family xc7 -flatten",
    (
        Resource(
            LUT,
            "LUT6",
            "logic with up to six inputs; inverters are cells of their own and counted as LUTs",
            {f"LUT{n}": 1 for n in range(1, 7)} | {"INV": 1},
        ),
        Resource(
            LUT_RAM,
            "LUT6",
            "LUTs that distributed memories and shift registers take",
            {
                "RAM32X1S*": 1,
                "RAM64X1S*": 1,
                "RAM128X1S*": 2,
                "RAM256X1S*": 4,
                "RAM32X1D*": 2,
                "RAM64X1D*": 2,
                "RAM128X1D*": 4,
                "RAM32M": 4,
                "RAM64M": 4,
                "SRL16E": 1,
                "SRLC16E": 1,
                "SRLC32E": 1,
            },
        ),
        Resource(CARRY, "CARRY4", "carry cells of four bits", {"CARRY4": 1}),
        Resource(FF, "FF", "flip-flops and latches", {f"{cell}*": 1 for cell in ("FDRE", "FDSE", "FDCE", "FDPE", "LD")}),
        Resource(DSP, "DSP48E1", "DSP blocks, 25 x 18", {"DSP48E1": 1}),
        Resource(
            BLOCK_RAM, "blocks of 18 kbit", "block memories; one of 36 kbit counts twice", {"RAMB18E1": 1, "RAMB36E1": 2}
        ),
    ),
)

TARGETS: Plugins[Target] = Plugins(
    "hwsim.targets",
    Target,
    {
        t.name: t
        for t in (
            Target("ecp5-25k", "LFE5U-25F, CABGA381, speed grade 6", ECP5, ("--25k", "--package", "CABGA381"), 197, 100.0),
            Target("ecp5-45k", "LFE5U-45F, CABGA554, speed grade 6", ECP5, ("--45k", "--package", "CABGA554"), 245, 100.0),
            Target("ecp5-85k", "LFE5U-85F, CABGA756, speed grade 6", ECP5, ("--85k", "--package", "CABGA756"), 365, 100.0),
            # Three of the package's 39 pins can only drive lamps.
            Target("ice40-up5k", "iCE40UP5K, SG48", ICE40, ("--up5k", "--package", "sg48"), 36, 25.0),
            # With a multiplier in the design, nextpnr 0.11.1 found no way from the clock pins that were tried to the clock's
            # net; from E10, which is none, it does. Nothing between registers depends on that way.
            Target(
                "nexus-40k",
                "LIFCL-40, CABGA400, speed grade 9",
                NEXUS,
                ("--device", "LIFCL-40-9BG400C"),
                111,
                100.0,
                ("E10", "G19", "E17", "G13"),
            ),
            # Pins are named, since nextpnr-himbaechel chooses none.
            Target(
                "gowin-18k",
                "GW2A-18, PBGA256, C8/I7",
                GOWIN,
                ("--device", "GW2A-LV18PG256C8/I7", "--vopt", "family=GW2A-18"),
                207,
                100.0,
                ("H11", "T10", "T13", "M11"),
            ),
            Target("gatemate-a1", "CCGM1A1", GATEMATE),
            Target("xc7", "7 series, any", XC7),
        )
    },
)
"""By name."""
