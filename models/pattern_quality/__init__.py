"""How good a pattern is: scatter, interleavers, statistics."""
