"""Judging connectivity patterns by scatter and other figures, and searching for better ones."""
