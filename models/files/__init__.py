"""Files: how those that others wrote are read, and where what can be made again is kept."""
