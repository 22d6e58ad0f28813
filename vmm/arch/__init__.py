"""The architectures there are: a folder each, their vCPUs, CPU models, registers and words."""
