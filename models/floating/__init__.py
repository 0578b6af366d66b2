"""The reference in floating point."""
