"""Boot sectors: what PC firmware reads from the first disk, and all that follows them in the image.

The signature 55h AAh ends the first sector (BIOS Boot Specification 1.01, section 6.5.1). There is no firmware behind
the interrupt vectors here, and no disk: the whole image is loaded at once.
"""

from __future__ import annotations

from vmm.arch.x86.record import BOOT_SECTOR as ADDRESS
from vmm.arch.x86.record import EXTENDED_BIOS_DATA as LIMIT
from vmm.arch.x86.record import flat
from vmm.loaders.image import Image, Loaded, Options, check_architecture, place
from vmm.protocols import Memory

SECTOR = 512
SIGNATURE_AT = 510


def matches(image: Image) -> bool:
    return image.size % SECTOR == 0 and image.data[SIGNATURE_AT:SECTOR] == b"\x55\xaa"


def architecture(image: Image) -> str:
    return "x86"


def load(image: Image, memory: Memory, options: Options) -> Loaded:
    if not matches(image):
        raise image.error("not a boot sector: needs whole sectors of 512 bytes and 55 AA at offset 0x1fe")
    check_architecture(image, "x86", options.architecture, SIGNATURE_AT)
    if ADDRESS + len(image.data) > LIMIT:
        raise image.error(f"{len(image.data)} bytes do not fit between {ADDRESS:#x} and {LIMIT:#x}")
    highest = place(image, memory, "boot sector", ADDRESS, image.data)
    return Loaded("boot_sector", "x86", "pc", flat(ADDRESS, 0), None, highest)
