"""ARM: AArch64 and ARMv7-A."""
