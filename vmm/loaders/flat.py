"""Raw bytes at an address, entered at the first one.

Without an address they stand where a boot sector would, 7C00h in real mode, so that a 16-bit experiment needs no
signature. Below 1 MiB they are entered in real mode, as CS = 0 within the first 64 KiB and by paragraph above it; from
1 MiB on in protected mode.
"""

from __future__ import annotations

from vmm.loaders import boot_sector
from vmm.loaders.image import MIB, Entry, Image, Loaded, Memory, Options, place

SEGMENT = 0x10000


def load(image: Image, memory: Memory, options: Options) -> Loaded:
    address = boot_sector.ADDRESS if options.load_address is None else options.load_address
    if address < 0:
        raise image.error(f"load address {address} is negative")
    highest = place(image, memory, "flat image", address, image.data)
    return Loaded("flat", "x86", "pc", _entry(address), None, highest)


def _entry(address: int) -> Entry:
    if address >= MIB:
        return Entry("protected32", 0, address)
    if address < SEGMENT:
        return Entry("real", 0, address, boot_sector.REGISTERS)
    return Entry("real", address >> 4, address & 0xF, boot_sector.REGISTERS)
