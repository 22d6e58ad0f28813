"""Guest memory by physical address, as the machine itself has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.native import ffi, lib
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm._native import View, vmm_machine


class PhysicalMemory:
    """Guest RAM, and flash where a board has some, by physical address."""

    def __init__(self, native: vmm_machine) -> None:
        self._native = native
        self.base = native.ram_base
        """Of RAM."""
        self.size = native.ram_size
        """Of RAM, in bytes."""
        self.rom_size = native.rom_size
        """Bytes of flash from physical address 0."""

    def _view(self, address: int, size: int) -> View:
        within = 0 <= address < 1 << 64 and size >= 0
        pointer = lib.vmm_memory(self._native, address, size) if within else ffi.NULL
        if pointer == ffi.NULL:
            end = self.base + self.size
            raise VmmError(f"physical {address:#x}+{size:#x} is outside RAM ({self.base:#x}-{end - 1:#x})")
        return ffi.buffer(pointer, size)

    def read(self, address: int, size: int) -> bytes:
        """VmmError outside RAM and flash."""
        return bytes(self._view(address, size))

    def check(self, address: int, size: int) -> None:
        """VmmError outside RAM and flash."""
        self._view(address, size)

    def write(self, address: int, data: bytes) -> None:
        """VmmError outside RAM and flash."""
        view = self._view(address, len(data))
        lib.vmm_memory_reached(self._native, address, len(data), True)
        view[:] = data
        lib.vmm_memory_written(self._native, address, len(data))


class DeviceMemory(PhysicalMemory):
    """As devices reach it, whose reads are felt, too: by a transaction that has written there."""

    def read(self, address: int, size: int) -> bytes:
        """VmmError outside RAM and flash."""
        view = self._view(address, size)
        lib.vmm_memory_reached(self._native, address, size, False)
        return bytes(view)
