"""Cells of netlists as Yosys writes them."""


def register(d, q, clock, *, enable=None, reset=None, init="RESET"):
    """A register of one bit: always enabled if there is no bit for it, never reset likewise."""
    connections = {"DI": [d], "CLK": [clock], "Q": [q]}
    connections |= {} if enable is None else {"CE": [enable]}
    connections |= {} if reset is None else {"LSR": [reset]}
    return {
        "type": "TRELLIS_FF",
        "parameters": {
            "CEMUX": "1" if enable is None else "CE",
            "CLKMUX": "CLK",
            "REGSET": init,
            "SRMODE": "LSR_OVER_CE",
        },
        "port_directions": {name: "output" if name == "Q" else "input" for name in connections},
        "connections": connections,
    }
