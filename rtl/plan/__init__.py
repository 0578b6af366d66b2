"""The plan that components are built from."""
