"""What a study leaves for readers."""
