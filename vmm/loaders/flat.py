"""Raw bytes at an address, entered at the first one.

On x86 they stand without an address where a boot sector would, 7C00h in real mode, so that a 16-bit experiment needs no
signature. Below 1 MiB they are entered in real mode, as CS = 0 within the first 64 KiB and by paragraph above it; from
1 MiB on in protected mode. On ARM they stand where Linux's own raw kernels used to, and are handed what those are.
"""

from __future__ import annotations

from vmm.loaders import arm_boot, arm_image, boot_sector, zimage
from vmm.loaders.image import MIB, Entry, Image, Loaded, Options, place
from vmm.protocols import Memory

SEGMENT = 0x10000

GZIP = b"\x1f\x8b"
EFI = b"MZ"
"""Linux's images can begin with it, as EFI programs: the two bytes are part of an instruction without effect."""
LINUX_MAGIC_AT = {"arm": zimage.MAGIC_AT, "arm64": arm_image.MAGIC_AT}


def load(image: Image, memory: Memory, options: Options) -> Loaded:
    if options.load_address is not None and options.load_address < 0:
        raise image.error(f"load address {options.load_address} is negative")
    if options.architecture != "x86":
        return _load_arm(image, memory, options)
    address = boot_sector.ADDRESS if options.load_address is None else options.load_address
    highest = place(image, memory, "flat image", address, image.data)
    return Loaded("flat", "x86", "pc", _entry(address), None, highest)


def _entry(address: int) -> Entry:
    if address >= MIB:
        return Entry("protected32", 0, address)
    if address < SEGMENT:
        return Entry("real", 0, address, boot_sector.REGISTERS)
    return Entry("real", address >> 4, address & 0xF, boot_sector.REGISTERS)


def _load_arm(image: Image, memory: Memory, options: Options) -> Loaded:
    address = options.load_address
    if address is None:
        _check_code(image, LINUX_MAGIC_AT[options.architecture])
        address = memory.base + arm_boot.OFFSETS[options.architecture]
    if address % 4:
        raise image.error(f"load address {address:#x} is not a multiple of 4, an instruction's size")
    end = place(image, memory, "flat image", address, image.data)
    return arm_boot.hand_over(image, memory, options, arm_boot.Kernel("flat", address, [(address, end)]))


def _check_code(image: Image, magic_at: int) -> None:
    """VmmError for files that only look flat because something spoiled or packed a kernel."""
    if image.data.startswith(GZIP):
        raise image.error("compressed with gzip; unpack it first")
    if image.data.startswith(EFI):
        magic = image.data[magic_at : magic_at + 4].hex()
        raise image.error(f"an EFI program whose magic {magic!r} is not that of a Linux kernel", magic_at)
