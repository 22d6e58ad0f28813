"""PCI configuration mechanism #1 of a host bridge with nothing behind it, not even itself.

Source: PCI Local Bus Specification 3.0, section 3.2.2.3.2 "Software Generation of Configuration Transactions".
"""

from __future__ import annotations

from typing import ClassVar

CONFIG_ADDRESS = 0xCF8
ADDRESS_WRITABLE = 0x80FFFFFC  # bits 30-24 are reserved, 1-0 always 0


class PciHost:
    """CONFIG_ADDRESS reads back; CONFIG_DATA answers all ones, "no device", for every function."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((CONFIG_ADDRESS, 1), (CONFIG_ADDRESS + 2, 6))
    """Not CF9h, where a byte is reset control; see reset_control.py."""
    port_width = 4

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.address = 0

    def port_read(self, port: int, size: int) -> int:
        """Only a whole doubleword at CF8h is CONFIG_ADDRESS; anything narrower is other I/O space."""
        return self.address if (port, size) == (CONFIG_ADDRESS, 4) else (1 << 8 * size) - 1

    def port_write(self, port: int, size: int, value: int) -> None:
        if (port, size) == (CONFIG_ADDRESS, 4):
            self.address = value & ADDRESS_WRITABLE
