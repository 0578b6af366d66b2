"""A configuration: its sections, the rules that join them, the file it is read from."""
