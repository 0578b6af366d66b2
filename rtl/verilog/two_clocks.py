"""What goes with a design whose ports have a clock of their own: constraints of the paths between the clocks, and words.

We have no vendor's tool: what the constraints name is tested, what the tools make of them is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rtl.blocks.crossing import Crossing
from rtl.blocks.synchroniser import Synchroniser
from rtl.crossed import ACCESSES, BEATS, BUS, Crossed
from rtl.verilog.emission import BUS_CLOCK, CLOCKS, TOP, Verilog
from rtl.verilog.markdown import table

VIVADO_CROSSING, QUARTUS_CROSSING = f"{TOP}_crossing.xdc", f"{TOP}_crossing.sdc"


@dataclass(frozen=True)
class Way:
    """Registers at one clock that others at the other clock look at.

    Attributes
    ----------
    source, to
        Instance names from the top module down, then the register: as the Verilog has it. The source of words that a RAM
        holds is the RAM.
    begins, ends
        The clocks.
    counted
        Whether it is a word whose bits must not run apart by a step of the source.
    stored
        Whether it is a RAM's.
    """

    source: tuple[str, ...]
    to: tuple[str, ...]
    begins: str
    ends: str
    counted: bool = False
    stored: bool = False


def ways(emitted: Verilog) -> Iterator[Way]:
    """All that crosses; there is nothing else between the clocks."""
    of = emitted.component
    if not isinstance(of, Crossed):
        return
    for crossing in of.crossings.values():
        yield _synchronised(emitted, crossing.to_reader)
        yield _synchronised(emitted, crossing.to_writer)
        yield _stored(emitted, crossing)
    for between in (of.reset.ordered, of.reset.obeyed, of.reset.asked, of.raised):
        yield _synchronised(emitted, between)


def _clocks(source: str, to: str) -> tuple[str, str]:
    """Of domains: those of the bus are named after it."""
    begins, ends = (BUS_CLOCK if domain.startswith(BUS) else CLOCKS[0] for domain in (source, to))
    return begins, ends


def _synchronised(emitted: Verilog, between: Synchroniser) -> Way:
    *outside, instance, port = emitted.path(between.i)
    source = (*outside[1:], f"{instance}__{port}")  # a register that is a part's input is named after the part
    counted = len(between.first) > 1
    return Way(source, emitted.path(between.first)[1:], *_clocks(between.source, between.to), counted)


def _stored(emitted: Verilog, crossing: Crossing) -> Way:
    to = emitted.path(crossing.r_data)[1:]
    return Way((*to[:-1], "ram"), to, *_clocks(crossing.source, crossing.to), stored=True)


def constraint_files(emitted: Verilog) -> dict[str, str]:
    """By name; none of a design with one clock."""
    known = list(ways(emitted))
    return {VIVADO_CROSSING: _vivado(emitted.top, known), QUARTUS_CROSSING: _quartus(emitted, known)} if known else {}


def _vivado(top: str, known: list[Way]) -> str:
    clocks = CLOCKS[0], BUS_CLOCK
    periods = "".join(f"set {c} [get_property -min PERIOD [get_clocks -of_objects [get_ports {c}]]]\n" for c in clocks)
    lines = []
    for way in known:
        to = f"[get_cells {{{'/'.join(way.to)}_reg*}}]"
        if way.stored:  # a word lies there before the count that tells of it has passed the registers
            source, most = f"[get_clocks -of_objects [get_ports {way.begins}]]", way.ends
        else:
            source, most = f"[get_cells {{{'/'.join(way.source)}_reg*}}]", way.begins
        lines.append(f"set_max_delay -datapath_only -from {source} -to {to} ${most}\n")
        if way.counted:
            lines.append(f"set_bus_skew -from {source} -to {to} ${way.begins}\n")
    return f"""# read_xdc -ref {top} {VIVADO_CROSSING}
# The paths between {CLOCKS[0]} and {BUS_CLOCK} of the module {top}, to be read behind the definitions of both clocks (late).
# Their clocks must not be declared asynchronous: that would put all of this out of force. No Vivado has read it yet.
{periods}{"".join(lines)}"""


_SKEW = "-get_skew_value_from_clock_period src_clock_period -skew_value_multiplier 0.8"
_NET = "-max -get_value_from_clock_period dst_clock_period -value_multiplier 0.8"


def _quartus(emitted: Verilog, known: list[Way]) -> str:
    lines = []
    for way in known:
        place = "|".join(_instances(emitted, way.source[:-1]))
        begin = f"{{*{place}{'|' if place else ''}{way.source[-1]}*}}"
        end = f"{{*{'|'.join(_instances(emitted, way.to[:-1]))}|{way.to[-1]}*}}"
        source, to = f"[get_{'keepers' if way.stored else 'registers'} {begin}]", f"[get_registers {end}]"
        lines += [f"set_max_delay -from {source} -to {to} 100", f"set_min_delay -from {source} -to {to} -100"]
        lines.append(f"set_net_delay -from {source} -to {to} {_NET}")
        if way.counted:
            lines.append(f"set_max_skew -from {source} -to {to} {_SKEW}")
    return "\n".join(
        [
            f"# The paths between {CLOCKS[0]} and {BUS_CLOCK} of the module {emitted.top}, wherever it is in a design.",
            "# The clocks must not be in groups of asynchronous ones: that would put all of this out of force.",
            "# No Quartus has read it yet.",
            *lines,
            "",
        ]
    )


def _instances(emitted: Verilog, path: tuple[str, ...]) -> list[str]:
    """Each with its module, as Quartus names them."""
    return [f"{emitted.module((emitted.top, *path[: k + 1]))}:{name}" for k, name in enumerate(path)]


def clock_section() -> list[str]:
    """What the description says of the two clocks."""
    latency, core = Crossed.latency, CLOCKS[0]
    return [
        "### Two clocks\n",
        f"`{BUS_CLOCK}` is the clock of `s_axis`, `m_axis`, `s_axi` and `interrupt`, `{core}` that of the accelerator. They "
        "may have any ratio, phase and jitter. Every channel passes a queue whose sides know each other's counts as Gray "
        f"codes behind two registers: {BEATS} beats of a stream, {ACCESSES} words of an access.\n",
        table(
            ("what passes", "adds"),
            [
                ("a beat of `s_axis`, an access", f"{latency} clocks of `{core}`"),
                ("a beat of `m_axis`, an answer", f"{latency} clocks of `{BUS_CLOCK}`"),
                ("`interrupt`", f"1 clock of `{core}`, 2 of `{BUS_CLOCK}`"),
            ],
        ),
        "Up to one clock less, as the edges lie, and one more where a change is caught late. A beat passes in every clock "
        "of the slower of the two. Results and weights are what they are with one clock, but for where bubbles fall.\n",
        "What is between the clocks counts: for an access that is made behind it a packet that has been taken at `s_axis` "
        "is in front of the accelerator (EMPTY, DRAINED), and a result waits (RESULT) until it is taken at `m_axis`. "
        "WAITING counts the samples that have reached the accelerator's side.\n",
        "Each reset resets all of it, and one clock of its own is enough. Whichever is pulled, the ports are closed "
        "(neither ready nor valid), the accelerator is reset, then the queues, then the accelerator goes on, and the ports "
        "open when that is known: before 12 clocks of each have passed, one after the other. So nothing of what was under "
        "way is left on either side, and the other reset may stay as it is, or be tied to 1. Both clocks must run: a reset "
        f"waits for one that stands. `aresetn` closes the ports after a clock of `{core}` and three of `{BUS_CLOCK}`, "
        "whatever was promised there: let it reset what is at the bus, too. At power-up this happens by itself.\n",
        f"`{VIVADO_CROSSING}` and `{QUARTUS_CROSSING}` bound the paths between the clocks, and how far the bits of a count "
        "may run apart: less than a step of it. Read them behind the definitions of both clocks, and declare no "
        "asynchronous groups. nextpnr knows no such bounds: there, look that no wire between the clocks is longer than a "
        "clock.\n",
    ]
