"""Training runs: the loop, the engines behind it, what a run leaves."""
