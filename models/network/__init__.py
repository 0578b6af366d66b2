"""The network and its parameters."""
