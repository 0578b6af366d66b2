"""When: which lane reads which address in which clock, and when its results land."""
