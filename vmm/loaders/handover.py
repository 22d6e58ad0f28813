"""What images without a boot protocol of their own are handed: an initrd and a device tree, where there is one.

The registers and the limits are Linux's (Documentation/arch/arm/booting.rst, Documentation/arch/arm64/booting.rst),
the usual places those of QEMU's boards. Other programs are entered alike and may ignore it all; those that QEMU does
not take for Linux, ELF and what lies in flash, look for the tree at the start of RAM, and it is there unless they are
(its arm_load_kernel).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vmm.arch import named
from vmm.errors import VmmError
from vmm.loaders.image import (
    MIB,
    PAGE,
    Image,
    Loaded,
    Options,
    Span,
    align,
    place,
    read_file,
)
from vmm.loaders.symbols import Symbols
from vmm.protocols import Memory

DISTANCE = 128 * MIB
"""From the start of RAM to the initrd: a kernel that unpacks itself needs less."""
TREE_ROOM = MIB
"""What must be free at the start of RAM for a tree to be put there: as much as QEMU's own takes, whatever is in it."""


@dataclass(frozen=True)
class Kernel:
    """An image that is in memory but has not been handed anything."""

    format: str
    pc: int
    """Physical, with Thumb's bit 0."""
    taken: Sequence[Span]
    """Memory that is not free: the image's own, and what it is going to use unasked."""
    symbols: Symbols | None = None
    linux: bool = True
    """It would be entered as Linux is; else it looks for the tree at the start of RAM."""
    flat: bool = False
    """It is entered as flat images are."""
    tree_alignment: int = PAGE
    reach: int | None = None
    """Bytes from the start of RAM that the image can see at first; None for all of it."""


def usual_place(memory: Memory) -> int:
    """Where the initrd begins, or without one the device tree, unless the image lies there."""
    return memory.base + min(memory.size // 2, DISTANCE)


def hand_over(image: Image, memory: Memory, options: Options, kernel: Kernel) -> Loaded:
    """Place the initrd and the device tree clear of the kernel; VmmError for what does not fit or cannot be read."""
    taken = list(kernel.taken)
    limit = memory.base + (memory.size if kernel.reach is None else min(memory.size, kernel.reach))
    initrd = place_initrd(image, memory, options, taken, limit)
    tree = 0
    if options.device_tree is not None:
        blob = options.device_tree(initrd)
        found = memory.base if _room_at_start(kernel, taken, memory, len(blob)) else None
        if found is None:
            found = _free(taken, memory, limit, len(blob), kernel.tree_alignment)
        if found is None:
            raise image.error(f"no room for a device tree of {len(blob)} bytes in {memory.base:#x}-{limit - 1:#x}")
        tree = found
        taken.append((tree, place(image, memory, "device tree", tree, blob)))
    architecture = named(options.architecture)
    enter = architecture.boot.flat if kernel.flat else architecture.boot.program
    highest = max(end for _, end in taken)
    entry = enter(kernel.pc, tree)
    return Loaded(kernel.format, architecture.name, architecture.board, entry, kernel.symbols, highest)


def place_initrd(image: Image, memory: Memory, options: Options, taken: list[Span], limit: int) -> Span | None:
    """Load the one there is, below `limit` and clear of what is `taken`, and add its span there; VmmError as above."""
    if not options.initrd:
        return None
    if len(options.initrd) > 1:
        raise VmmError(f"{options.initrd[1]}: a second initrd; {image.path.name} can be handed only one")
    path = Path(options.initrd[0])
    data = read_file(path, "initrd", memory.size)
    if not data:
        return None
    start = _free(taken, memory, limit, len(data), PAGE)
    if start is None:
        raise VmmError(
            f"{path}: no room for an initrd of {len(data)} bytes beside {image.title} "
            f"in {memory.base:#x}-{limit - 1:#x}"
        )
    span = start, place(image, memory, "initrd", start, data)
    taken.append(span)
    return span


def _room_at_start(kernel: Kernel, taken: Sequence[Span], memory: Memory, size: int) -> bool:
    """The tree belongs to the start of RAM, and nothing is in its way."""
    end = memory.base + max(size, TREE_ROOM)
    free = all(end <= first or behind <= memory.base for first, behind in taken)
    return not kernel.linux and free and end <= memory.base + memory.size


def _free(taken: Sequence[Span], memory: Memory, limit: int, size: int, alignment: int) -> int | None:
    """The first free place for `size` bytes from the usual one on, else from the start of RAM; None without any."""
    for first in (usual_place(memory), memory.base):
        address = align(first, alignment)
        for start, end in sorted(taken):
            if address < end and start < address + size:
                address = align(end, alignment)
        if address + size <= limit:
            return address
    return None
