"""QEMU's firmware configuration device in memory, as its virt board has it, without DMA.

Source: QEMU documentation, docs/specs/fw_cfg.rst, "Register Locations" and "Data Register". What the device holds is
at home in `vmm.devices.fw_cfg`. The DMA address register reads as 0 instead of its signature and the item ID does not
announce it, so drivers use the data register.
"""

from __future__ import annotations

from vmm.devices.fw_cfg import Items

MEMORY = (0x09020000, 0x18)
"""Where QEMU's virt has it; any multiple of 32 will do."""

DATA = 0x00
SELECTOR = 0x08


class FwCfgMmio(Items):
    """The items behind a data register of up to 8 bytes and a big-endian selector of 2."""

    def mmio_read(self, address: int, size: int) -> int:
        """The data register gives the next `size` bytes of the selected item in the order of memory."""
        if address & 0x1F != DATA:
            return 0
        return int.from_bytes(bytes(self.next_byte() for _ in range(size)), "little")

    def mmio_write(self, address: int, size: int, value: int) -> None:
        """A halfword at the selector selects an item; data is read-only."""
        if address & 0x1F == SELECTOR and size == 2:
            self.select(int.from_bytes(value.to_bytes(2, "little"), "big"))
