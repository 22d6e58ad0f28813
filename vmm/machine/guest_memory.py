"""Guest memory by symbol or linear address, as the first vCPU maps it."""

from __future__ import annotations

from vmm.arch.vcpu import Vcpu
from vmm.errors import VmmError
from vmm.machine.boot_image import BootImage


class GuestMemory:
    """Of one machine; `cpu` as scripts have it."""

    def __init__(self, cpu: Vcpu, image: BootImage) -> None:
        self._cpu, self._image = cpu, image

    def address(self, where: str | int) -> int:
        """A symbol of the loaded image, or an address as it is; VmmError for a symbol that it has not."""
        if isinstance(where, int):
            return where
        loaded = self._image.loaded
        if loaded is None or loaded.symbols is None:
            raise VmmError(f"no symbol {where!r}: the image has no symbol table")
        return loaded.symbols.address(where)

    def where(self, linear: int) -> str:
        """A linear address with its symbol and source line, as far as the image tells."""
        place = self._image.loaded.place(linear) if self._image.loaded else ()
        return " ".join([f"{linear:#x}", *filter(None, place)])

    def read(self, where: str | int, size: int) -> bytes:
        """`size` bytes; VmmError at the first address that is not mapped."""
        return self._cpu.read(self.address(where), size)

    def write(self, where: str | int, data: bytes) -> None:
        """VmmError at the first address that is not mapped."""
        self._cpu.write(self.address(where), data)

    def u8(self, where: str | int) -> int:
        """The byte there."""
        return self.read(where, 1)[0]

    def u16(self, where: str | int) -> int:
        """The 16-bit little-endian word there."""
        return int.from_bytes(self.read(where, 2), "little")

    def u32(self, where: str | int) -> int:
        """The 32-bit little-endian word there."""
        return int.from_bytes(self.read(where, 4), "little")

    def u64(self, where: str | int) -> int:
        """The 64-bit little-endian word there."""
        return int.from_bytes(self.read(where, 8), "little")
