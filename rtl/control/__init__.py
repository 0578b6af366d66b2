"""Control: pace, position, addresses."""
