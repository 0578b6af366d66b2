"""Fixed-point formats and the number system."""
