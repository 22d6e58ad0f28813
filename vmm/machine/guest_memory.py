"""Guest memory by location (`vmm.loaders.location`), as the first vCPU maps it."""

from __future__ import annotations

from vmm.arch.vcpu import Vcpu
from vmm.loaders.location import address_of
from vmm.machine.boot_image import BootImage


class GuestMemory:
    """Of one machine; `cpu` as scripts have it."""

    def __init__(self, cpu: Vcpu, image: BootImage) -> None:
        self._cpu, self._image = cpu, image

    def address(self, where: str | int) -> int:
        """The linear address of a location: `symbol`, `symbol+0x10`, `file.c:94`, `"0x1002dc"`, what `where` gives, or
        a number. VmmError for what the loaded image has not, with the nearest that it has.
        """
        loaded = self._image.loaded
        return address_of(where, loaded.symbols if loaded else None)

    def where(self, place: str | int) -> str:
        """A linear address, or another location's, with its symbol and source line, as far as the image tells; what it
        gives is a location itself.
        """
        linear = self.address(place) if isinstance(place, str) else place
        names = self._image.loaded.place(linear) if self._image.loaded else ()
        return " ".join([f"{linear:#x}", *filter(None, names)])

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
