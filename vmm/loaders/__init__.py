"""Image files into guest memory: `load` finds the format, one module a format does the work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from vmm.errors import VmmError, unknown
from vmm.loaders import boot_sector, elf, flat, multiboot
from vmm.loaders.image import Entry, Image, Loaded, Memory, Options, read_file
from vmm.loaders.symbols import Symbols

__all__ = ["Entry", "Loaded", "Memory", "Symbols", "identify", "load"]

LARGEST = 1 << 30
"""Bytes in an image file, debug information included."""


@dataclass(frozen=True)
class Format:
    """One row of the table of formats."""

    name: str
    matches: Callable[[Image], bool]
    load: Callable[[Image, Memory, Options], Loaded]
    takes_arguments: bool = False
    takes_address: bool = False


# In the order they are tried: a multiboot image is often an ELF, and anything at all can be a flat one.
FORMATS = (
    Format("multiboot", multiboot.matches, multiboot.load, takes_arguments=True),
    Format("elf", elf.matches, elf.load),
    Format("boot_sector", boot_sector.matches, boot_sector.load),
    Format("flat", lambda image: True, flat.load, takes_address=True),
)


def identify(data: bytes, path: str | PathLike[str]) -> str:
    """The name of the format of an image file with these bytes."""
    image = Image(Path(path), data)
    return next(row.name for row in FORMATS if row.matches(image))


def load(
    path: str | PathLike[str],
    memory: Memory,
    *,
    append: str = "",
    initrd: Sequence[str | PathLike[str]] = (),
    load_address: int | None = None,
    format: str | None = None,
) -> Loaded:
    """Put the image file at `path` into memory.

    `append` is the kernel command line and `initrd` the modules, each a path or "path arguments": for formats that
    pass them on. A `load_address` (physical, in bytes) says that the file is a flat image, whatever it looks like.
    Raises VmmError for whatever is wrong with the file or does not fit into RAM.
    """
    image = Image(Path(path), read_file(Path(path), "image", LARGEST))
    if not image.data:
        raise VmmError(f"{image.path}: empty image")
    if format is None:
        format = "flat" if load_address is not None else identify(image.data, path)
    row = next((row for row in FORMATS if row.name == format), None)
    if row is None:
        raise unknown("image format", format, [row.name for row in FORMATS])
    if load_address is not None and not row.takes_address:
        raise image.error(f"a load address is for flat images; this is loaded as {format}")
    if (append or initrd) and not row.takes_arguments:
        raise image.error(f"a {format} image takes neither a command line nor modules; multiboot does")
    return row.load(image, memory, Options(append, tuple(str(item) for item in initrd), load_address))
