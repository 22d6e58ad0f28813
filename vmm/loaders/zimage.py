"""Compressed Linux kernels for ARM: `zImage` (Linux, arch/arm/boot/compressed/head.S).

The header stands behind eight instructions and a branch. The code runs anywhere in the first 128 MiB of RAM, unpacks
the kernel to the start of RAM and leaves alone what lies from 128 MiB on.
"""

from __future__ import annotations

import struct

from vmm.arch import named
from vmm.loaders.handover import Kernel, hand_over, usual_place
from vmm.loaders.image import MIB, Image, Loaded, Options, check_architecture, place
from vmm.protocols import Memory

HEADER = struct.Struct("<36x4sIII")
"""Nine instructions, magic, start, end, byte order; old kernels have code in place of the last."""
MAGIC_AT, START_AT, END_AT, ORDER_AT = 0x24, 0x28, 0x2C, 0x30
MAGIC = bytes.fromhex("18286f01")
BIG_ENDIAN = 0x01020304
"""The byte order word 04030201h of a big-endian kernel, whose other fields are little-endian."""
LOWMEM = 760 * MIB
"""What a kernel with its usual 3 GiB of user space maps for good."""


def matches(image: Image) -> bool:
    return image.data[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC


def architecture(image: Image) -> str:
    return "arm"


def load(image: Image, memory: Memory, options: Options) -> Loaded:
    if not matches(image):
        found = image.data[MAGIC_AT : MAGIC_AT + len(MAGIC)]
        raise image.error(f"not a zImage: magic {found.hex()} instead of {MAGIC.hex()}", MAGIC_AT)
    check_architecture(image, "arm", options.architecture, MAGIC_AT)
    if len(image.data) < HEADER.size:
        raise image.error(f"truncated: {len(image.data)} bytes are less than a zImage header")
    _, start, end, order = HEADER.unpack_from(image.data)
    if order == BIG_ENDIAN:
        raise image.error("a big-endian kernel; only little-endian ones boot here", ORDER_AT)
    if end <= start:
        raise image.error(f"zImage end {end:#x} is not behind its start {start:#x}", END_AT)
    if end - start > len(image.data):
        raise image.error(f"truncated: the zImage is of {end - start} bytes, the file of {len(image.data)}", END_AT)
    if start % 4:
        raise image.error(f"zImage start {start:#x} is no instruction's: not a multiple of 4", START_AT)
    address = start or memory.base + named("arm").boot.flat_offset
    file_end = place(image, memory, "zImage", address, image.data, offset=START_AT)
    unpacked = (memory.base, usual_place(memory))
    kernel = Kernel("zimage", address, [unpacked, (address, file_end)], reach=LOWMEM)
    return hand_over(image, memory, options, kernel)
