"""The reference in fixed point."""
