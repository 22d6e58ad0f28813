"""Several vCPUs of an ARM machine: turns, time, exclusives, and maintenance that reaches the others."""
