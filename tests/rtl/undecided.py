"""Synchronisers that catch what changes near an edge early or late, at random: registers cannot in a simulation of Verilog."""

import re

_MODULE = re.compile(r"^// Synchroniser: .*\nmodule (\w+) \(.*\n((?:  .*\n)+?)\);\n(?s:.*?)^endmodule$", re.MULTILINE)

_BODY = """module {name} (
{ports});
  reg [{top}:0] first = {init}, last = {init};
  real changed [{top}:0];
  integer k, seed = {seed};
  initial for (k = 0; k <= {top}; k = k + 1) changed[k] = -1000.0;
  always @(i) begin
    for (k = 0; k <= {top}; k = k + 1) if (i[k] !== last[k]) changed[k] = $realtime;
    last = i;
  end
  initial o = {init};
  // A bit is late only once: what has been caught stays caught.
  always @(posedge {clock}) begin
    for (k = 0; k <= {top}; k = k + 1)
      first[k] <= i[k] ^ (first[k] !== i[k] && $realtime - changed[k] < {window} && $random(seed) % 2 != 0);
    o <= first;
    {reset}
  end
endmodule"""


def undecided(text: str, window: float) -> str:
    """The Verilog of a design in which every bit of every synchroniser that changed less than ``window`` ns ago is undecided."""
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
        facts = {"name": name, "ports": ports, "top": top, "init": init[1], "clock": clock[1]}
        return _BODY.format(**facts, seed=len(made), window=window, reset=reset)

    text = _MODULE.sub(one, text)
    assert len(made) > 4, made
    return text
