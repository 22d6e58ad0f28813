"""Virtio over MMIO: slots with nothing plugged in. Source: virtio 1.1, section 4.2.2 "MMIO Device Register Layout".

As on QEMU's virt, whose transports are legacy ones unless told otherwise (section 4.2.4): the version is 1.
"""

from __future__ import annotations

SLOTS = 32
SLOT_SIZE = 0x200

MEMORY = (0x0A000000, SLOTS * SLOT_SIZE)
"""Where QEMU's virt has them; any multiple of a slot's size will do."""

MAGIC_VALUE = 0x000
VERSION = 0x004
DEVICE_ID = 0x008
VENDOR_ID = 0x00C

EMPTY = {
    MAGIC_VALUE: 0x74726976,  # "virt"
    VERSION: 1,
    DEVICE_ID: 0,  # a placeholder, which drivers pass over
    VENDOR_ID: 0x554D4551,  # "QEMU"
}


class EmptyVirtioMmio:
    """Slots in which a driver finds no device; what it writes is ignored."""

    def reset(self) -> None:
        """Nothing to forget."""

    def mmio_read(self, address: int, size: int) -> int:
        return EMPTY.get(address % SLOT_SIZE, 0)

    def mmio_write(self, address: int, size: int, value: int) -> None:
        """Nobody is there to hear it."""
