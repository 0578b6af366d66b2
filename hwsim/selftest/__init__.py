"""Random designs through every engine, compared integer by integer, and the smallest one that fails."""
