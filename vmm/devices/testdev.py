"""The memory and port half of QEMU's pc-testdev: device memory that is RAM, and a port that remembers.

Source: QEMU, hw/misc/pc-testdev.c, "I/O ports and memory" in its opening comment. Its lines are the core's own.
"""

from __future__ import annotations

from typing import ClassVar

MEMORY = (0xFF000000, 0x10000)
DATA_PORTS_END = 0xE4
"""E0h-E3h remember; E4h-E7h take a page number to flush, of which nothing is to be seen here."""


class TestMemory:
    """64 KiB of device memory."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.bytes = bytearray(MEMORY[1])

    def mmio_read(self, address: int, size: int) -> int:
        offset = address - MEMORY[0]
        return int.from_bytes(self.bytes[offset : offset + size], "little")

    def mmio_write(self, address: int, size: int, value: int) -> None:
        offset = address - MEMORY[0]
        self.bytes[offset : offset + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")


class TestPort:
    """What is written can be read back."""

    port_width = 4
    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0xE0, 8),)

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.data = 0

    def port_read(self, port: int, size: int) -> int:
        return self.data & (1 << 8 * size) - 1

    def port_write(self, port: int, size: int, value: int) -> None:
        if port < DATA_PORTS_END:
            self.data = value
