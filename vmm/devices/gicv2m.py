"""GICv2m MSI frame: a write becomes an edge on an SPI.

Source: Arm Server Base System Architecture (DEN0029), appendix "GICv2m Architecture".
"""

from __future__ import annotations

from collections.abc import Sequence

from vmm.protocols import Line

MEMORY = (0x08020000, 0x1000)
"""Where QEMU's virt has it; any multiple of 4 KiB will do."""

MSI_TYPER = 0x008
MSI_SETSPI_NS = 0x040
MSI_IIDR = 0xFCC

TYPER_BASE_SHIFT = 16
INTID = 0x3FF  # of what is written to MSI_SETSPI_NS


class Gicv2m:
    """A frame of the SPIs at `lines`, in order from interrupt id `first_intid` (32 is SPI 0)."""

    def __init__(self, *, lines: Sequence[Line], first_intid: int) -> None:
        self._lines = lines
        self._first = first_intid
        self._registers = {
            MSI_TYPER: first_intid << TYPER_BASE_SHIFT | len(lines),
            MSI_IIDR: 0,  # no JEP106 code, architecture version 0
        }

    def reset(self) -> None:
        """Nothing to forget."""

    def mmio_read(self, address: int, size: int) -> int:
        return self._registers.get(address & 0xFFF, 0)

    def mmio_write(self, address: int, size: int, value: int) -> None:
        """An interrupt id that is not the frame's is ignored."""
        index = (value & INTID) - self._first
        if address & 0xFFF == MSI_SETSPI_NS and 0 <= index < len(self._lines):
            self._lines[index].set(True)
            self._lines[index].set(False)
