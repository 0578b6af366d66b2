"""Mutation: single faults of the generated design, each caught by co-simulation, proved to be none, or open."""
