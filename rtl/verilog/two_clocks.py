"""What goes with a design whose ports have a clock of their own: constraints of the paths between the clocks, and words.

We have no vendor's tool: what the constraints name is tested, what the tools make of them is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rtl.blocks.crossing import Crossing
from rtl.blocks.synchroniser import Synchroniser
from rtl.crossed import ACCESSES, BEATS, BUS, Crossed
from rtl.verilog.emission import BUS_CLOCK, CLOCKS, TOP, Verilog

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
    periods = "".join(
        f"set {clock} [get_property -min PERIOD [get_clocks -of_objects [get_ports {clock}]]]\n" for clock in (CLOCKS[0], BUS_CLOCK)
    )
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
            f"# The paths between {CLOCKS[0]} and {BUS_CLOCK} of the module {emitted.top}, wherever it is in a design. The clocks must",
            "# not be in groups of asynchronous ones: that would put all of this out of force. No Quartus has read it yet.",
            *lines,
            "",
        ]
    )


def _instances(emitted: Verilog, path: tuple[str, ...]) -> list[str]:
    """Each with its module, as Quartus names them."""
    return [f"{emitted.module((emitted.top, *path[: k + 1]))}:{name}" for k, name in enumerate(path)]


def clock_section() -> list[str]:
    """What the description says of the two clocks."""
    latency = Crossed.latency
    return [
        "### Two clocks\n",
        f"`{BUS_CLOCK}` is the clock of `s_axis`, `m_axis`, `s_axi` and `interrupt`, `{CLOCKS[0]}` that of the accelerator. They may "
        "have any ratio, phase and jitter, and need not be constant. Every channel passes a queue with Gray-coded counts and "
        f"two registers each way ({BEATS} beats of a stream, {ACCESSES} words of an access). What goes in comes {latency} "
        f"clocks of `{CLOCKS[0]}` later than it would with one clock, what comes out, {latency} clocks of `{BUS_CLOCK}`, and one "
        "more where a change is caught late; a register is read or written with one such delay each way. The interrupt "
        f"follows its cause by one clock of `{CLOCKS[0]}` and two or three of `{BUS_CLOCK}`. A beat passes in every clock of the "
        "slower one. Results, weights and counts are what they are with one clock, but for where bubbles fall.\n",
        "EMPTY, WAITING's causes and the interrupts count beats between the clocks, too: a packet that has been taken at "
        "`s_axis` is in front of the accelerator for every access that is made behind it, and a result waits until it has been "
        "taken at `m_axis`. WAITING itself counts whole samples at the accelerator's side.\n",
        f"Both resets reset everything, in this order whichever is pulled: the ports are closed (no ready, no valid), the "
        "accelerator and its side of the queues are reset, then the bus's side, then the accelerator goes on, then the ports "
        f"open. `aresetn` is synchronous to `{CLOCKS[0]}`, `bus_aresetn` to `{BUS_CLOCK}`; one clock is enough, and the other reset "
        "may stay as it is (tie it to 1 if there is none). Both clocks must run meanwhile: a reset waits for a clock that stands. "
        "Before 12 clocks of each have passed, one after the other, the ports are open again. At power-up the same happens by "
        f"itself. A reset by `aresetn` takes back what the bus has been promised (valid, answers): reset what is at the bus, too. "
        f"`aresetn` closes the ports after one clock of `{CLOCKS[0]}` and three of `{BUS_CLOCK}`.\n",
        f"`{VIVADO_CROSSING}` and `{QUARTUS_CROSSING}` bound the paths between the clocks, and how far the bits of a count may run "
        f"apart; read them behind the definitions of both clocks, and declare no asynchronous groups. nextpnr takes none and "
        "leaves such paths alone; what they need holds in any placement whose wires are shorter than a clock. The first "
        "registers are marked `ASYNC_REG`.\n",
    ]
