"""When and where: configuration, schedule, memories, the cycle-level machine, exploration and the command line."""
