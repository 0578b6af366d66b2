"""Synchronisers that catch what changes near an edge early or late, at random, as registers of Verilog do not."""

import re

_MODULE = re.compile(r"^// Synchroniser: .*\nmodule (\w+) \(.*\n((?:  .*\n)+?)\);\n(?s:.*?)^endmodule$", re.MULTILINE)

_BODY = """module {name} (
{ports});
  reg [{top}:0] first = {init}, last = {init};
  real changed [{top}:0];
  real edge_at = 0.0, step = 0.0;
  integer k, seed = {seed};
  always @(posedge {top_module}.{source}) begin
    step = $realtime - edge_at;
    edge_at = $realtime;
  end
  initial for (k = 0; k <= {top}; k = k + 1) changed[k] = -1000.0;
  always @(i) begin
    for (k = 0; k <= {top}; k = k + 1) if (i[k] !== last[k]) changed[k] = $realtime;
    last = i;
  end
  initial o = {init};
  // A bit is late only once: what has been caught stays caught.
  always @(posedge {clock}) begin
    for (k = 0; k <= {top}; k = k + 1)
      first[k] <= i[k] ^ (first[k] !== i[k] && $realtime - changed[k] < {share} * step && $random(seed) < 0);
    o <= first;
    {reset}
  end
endmodule"""


_SHARE = 0.7
"""Of a period, which may be 15 % longer than that before and must not have passed."""


def undecided(text: str, bench: str) -> str:
    """The Verilog of a design with two clocks, whose synchronisers do not decide about bits that have just changed.

    That is for most of a period of the clock at which they change. ``bench`` is the module around it, with both clocks.
    """
    made = []

    def one(found: re.Match[str]) -> str:
        name, ports = found[1], re.sub(r"\(\*.*?\*\) ", "", found[2])
        width = re.search(r"input (?:\[(\d+):0\] )?i,", ports)
        assert width is not None
        held = re.search(r"if \((\w+)\)", found[0])
        init = re.search(r"initial first = (\S+);", found[0])
        assert init is not None
        clock = re.search(r"posedge (\w+)", found[0])
        assert clock is not None
        ports = re.sub(r"^  output (?!reg)", "  output reg ", ports, flags=re.MULTILINE)
        top = int(width[1] or 0)
        if top == 0:  # so that it has bits that can be named
            ports = ports.replace("input i,", "input [0:0] i,").replace("output reg o", "output reg [0:0] o")
        made.append(name)
        reset = f"if ({held[1]}) begin first <= {init[1]}; o <= {init[1]}; end" if held else ""
        facts = {"name": name, "ports": ports, "top": top, "init": init[1], "clock": clock[1], "top_module": bench}
        source = "aclk" if clock[1] == "bus_aclk" else "bus_aclk"
        return _BODY.format(**facts, seed=len(made), source=source, share=_SHARE, reset=reset)

    text = _MODULE.sub(one, text)
    assert len(made) > 4, made
    return text
