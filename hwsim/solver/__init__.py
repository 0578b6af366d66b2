"""Which parallelism fits a budget."""
