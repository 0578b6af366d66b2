"""The description of weights and biases that pass through the streams."""

from rtl.plan.plan import Plan
from rtl.ports.parameter_order import order
from rtl.ports.register_map import CONTROL


def parameter_section(of: Plan) -> list[str]:
    """What PARAMETERS does, and what is in a packet; nothing of a design without it."""
    hardware = of.config.hardware
    assert hardware is not None
    if not hardware.parameter_stream:
        return []
    words, beat = len(order(of)), hardware.beat_bits // 8
    size = -(-4 * words // beat) * beat
    memories = ", ".join(f"WEIGHTS_{j.number}, BIASES_{j.number}" for j in of.junctions)
    return [
        "### Parameters through the streams\n",
        "While LOAD of PARAMETERS is set, packets on `s_axis` are weights and biases; writing 1 to SEND sends all of them "
        f"as a packet on `m_axis`. It is {words:,} words of 32 bits, little-endian, extended by their sign, in "
        f"{size // beat:,} beats: {memories}, each lane by lane, of a lane all rows in turn. Words that do not exist are "
        "left out; bytes behind the last word mean nothing, and are sent as 0. A word takes a clock, or as many as it has "
        "beats; more in memories with fewer rows than there are clocks from a row's read to its write.\n",
        "Setting LOAD or SEND is refused unless the accelerator stands, no sample is on its way or offered and no result "
        "waits; so is setting both. Until both read as 0 again, accesses to weights and biases are refused, and setting RUN "
        f"of CONTROL (word {CONTROL}); all other registers are served. To load: set LOAD, send the packet, wait for LOADED, "
        "clear LOAD, wait until PARAMETERS reads as 0, see that neither MISFRAMED nor REFUSED has counted. If LOAD is "
        "cleared, a packet that has begun comes to its end first; SEND is taken back by a reset only.\n",
        "Words are written as they come, up to the first one that does not fit its format, and nothing of the packet from "
        "that one on. If `tlast` comes early, the words before it are written; if it comes late, what lies between is "
        "skipped. MISFRAMED counts a packet of a wrong length, REFUSED one of the right length with a word that does not "
        "fit. The next packet begins anew.\n",
    ]
