"""Where: memories with ports, clock by clock."""
