"""The command line: a file for each command or family, and what they share; here alone options and consoles are known."""
