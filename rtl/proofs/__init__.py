"""Formal proofs of what the components state about themselves."""
