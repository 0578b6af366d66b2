"""Memories of a junction."""
