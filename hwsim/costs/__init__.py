"""What a design costs: operations, energy, area."""
