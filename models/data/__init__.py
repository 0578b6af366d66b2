"""Data sets: loading, checking and generating samples; nothing here touches a network or a built-in path."""
