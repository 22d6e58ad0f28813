"""A machine: a board, its vCPUs, memory and a clock, and what scripts do to it."""
