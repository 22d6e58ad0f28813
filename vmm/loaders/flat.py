"""Raw bytes at an address, entered at the first one.

On x86 they stand without an address where a boot sector would, 7C00h in real mode, so that a 16-bit experiment needs no
signature. Below 1 MiB they are entered in real mode, as CS = 0 within the first 64 KiB and by paragraph above it; from
1 MiB on in protected mode. On ARM they stand where Linux's own raw kernels used to, and are handed what those are; one
in flash is firmware.
"""

from __future__ import annotations

from vmm.arch import named
from vmm.loaders import arm_image, zimage
from vmm.loaders.handover import Kernel, hand_over
from vmm.loaders.image import Image, Loaded, Options, place
from vmm.protocols import Memory

EFI = b"MZ"
"""Linux's images can begin with it, as EFI programs: the two bytes are part of an instruction without effect."""
LINUX_MAGIC_AT = {"arm": zimage.MAGIC_AT, "arm64": arm_image.MAGIC_AT}
"""Where Linux's own images have it, by the architecture they are for."""


def matches(image: Image) -> bool:
    return True


def architecture(image: Image) -> None:
    """It does not say."""


def load(image: Image, memory: Memory, options: Options) -> Loaded:
    boot = named(options.architecture).boot
    address = options.load_address
    if address is None:
        if options.architecture in LINUX_MAGIC_AT:
            _check_code(image, LINUX_MAGIC_AT[options.architecture])
        address = memory.base + boot.flat_offset
    if address < 0:
        raise image.error(f"load address {address} is negative")
    if address % boot.alignment:
        raise image.error(f"load address {address:#x} is not a multiple of {boot.alignment}, an instruction's size")
    end = place(image, memory, "flat image", address, image.data)
    in_ram = address >= memory.base
    return hand_over(image, memory, options, Kernel("flat", address, [(address, end)], linux=in_ram, flat=True))


def _check_code(image: Image, magic_at: int) -> None:
    """VmmError for a file that only looks flat because something spoiled a kernel."""
    if image.data.startswith(EFI):
        magic = image.data[magic_at : magic_at + 4].hex()
        raise image.error(f"an EFI program whose magic {magic!r} is not that of a Linux kernel", magic_at)
