"""Linux kernels for AArch64: `Image` (Documentation/arch/arm64/booting.rst, section 4).

A header of 64 bytes says how far from a 2 MiB boundary the image stands and how much memory it needs from there on.
"""

from __future__ import annotations

import struct

from vmm.arch import named
from vmm.loaders.handover import Kernel, hand_over
from vmm.loaders.image import MIB, Image, Loaded, Options, align, check_architecture, place
from vmm.protocols import Memory

HEADER = struct.Struct("<8xQQQ24x4s4x")
"""Two instructions, text_offset, image_size, flags, reserved words, magic, the offset of a PE header."""
TEXT_OFFSET_AT, IMAGE_SIZE_AT, FLAGS_AT, MAGIC_AT = 0x08, 0x10, 0x18, 0x38
MAGIC = b"ARM\x64"
BIG_ENDIAN = 1 << 0
BLOCK = 2 * MIB
"""What early kernels map at once, for themselves and for the device tree."""


def matches(image: Image) -> bool:
    return image.data[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC


def architecture(image: Image) -> str:
    return "arm64"


def load(image: Image, memory: Memory, options: Options) -> Loaded:
    if not matches(image):
        found = image.data[MAGIC_AT : MAGIC_AT + len(MAGIC)]
        raise image.error(f"not an arm64 Image: magic {found.hex()} instead of {MAGIC.hex()}", MAGIC_AT)
    check_architecture(image, "arm64", options.architecture, MAGIC_AT)
    if len(image.data) < HEADER.size:
        raise image.error(f"truncated: {len(image.data)} bytes are less than an Image header")
    text_offset, image_size, flags, _ = HEADER.unpack_from(image.data)
    if image_size == 0:  # before Linux 3.17: no flags either, and text_offset in whichever byte order
        text_offset = named("arm64").boot.flat_offset
    elif flags & BIG_ENDIAN:
        raise image.error("a big-endian kernel; only little-endian ones boot here", FLAGS_AT)
    if text_offset % 4:
        raise image.error(f"text offset {text_offset:#x} is no instruction's: not a multiple of 4", TEXT_OFFSET_AT)
    address = align(memory.base, BLOCK) + text_offset
    size = max(image_size, len(image.data))
    end = place(image, memory, "kernel", address, image.data, size, IMAGE_SIZE_AT)
    kernel = Kernel("arm_image", address, [(memory.base, end)], tree_alignment=BLOCK)
    return hand_over(image, memory, options, kernel)
