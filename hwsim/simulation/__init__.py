"""The machine on real data, beside the reference."""
