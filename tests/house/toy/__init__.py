"""An architecture that nobody built, on the core's x86 vCPU: all that vmm is told about it is in this folder."""
