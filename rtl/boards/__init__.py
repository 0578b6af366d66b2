"""From a configuration to a bitstream for a board that can be bought: clock, reset, serial line, lights, pins."""
