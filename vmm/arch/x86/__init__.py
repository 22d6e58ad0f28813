"""x86: 16, 32 and 64-bit code."""
