"""Image files into guest memory: `load` finds the format, one module a format does the work."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from vmm.arch import DEFAULT, named
from vmm.arch.boot import Bios
from vmm.errors import VmmError, unknown
from vmm.loaders.image import (
    HEADERS_WITHIN,
    DeviceTree,
    Image,
    Loaded,
    Options,
    read_file,
    read_start,
)
from vmm.loaders.symbols import Symbols
from vmm.protocols import Memory

__all__ = ["Loaded", "Symbols", "architecture", "check", "identify", "load"]

WITHIN = 0x8800
"""Bytes from a file's beginning in which it shows what it is: an ISO's descriptor lies at 8000h."""
LARGEST = 1 << 30
"""Bytes in an image file, debug information included."""


class Format(NamedTuple):
    """One row of the table of formats; the module of its name does the work, and is imported when it is tried."""

    name: str
    takes_arguments: bool | None = False
    """It is handed a command line and modules; None: where its architecture has a device tree for them."""
    takes_address: bool = False
    sure: bool = True
    """What it looks for is in no other file by chance."""

    @property
    def _home(self) -> Any:
        return import_module(f"vmm.loaders.{self.name}")

    def matches(self, image: Image) -> bool:
        matches: bool = self._home.matches(image)
        return matches

    def architecture(self, image: Image) -> str | None:
        """What an image of this format is for; None if it does not say."""
        architecture: str | None = self._home.architecture(image)
        return architecture

    def load(self, image: Image, memory: Memory, options: Options) -> Loaded:
        """VmmError for whatever is wrong with it."""
        loaded: Loaded = self._home.load(image, memory, options)
        return loaded


# In the order they are tried: a multiboot image is often an ELF, and anything at all can be a flat one.
FORMATS = (
    Format("multiboot", True),
    Format("elf", None),
    Format("arm_image", True),
    Format("zimage", True),
    Format("bzimage", True),
    Format("boot_sector", sure=False),
    Format("flat", None, takes_address=True, sure=False),
)


def architecture(path: str | PathLike[str]) -> str | None:
    """What the image file at `path` is for, by its header; None for a flat one. VmmError if it cannot be read."""
    image = read_start(Path(path), "image", HEADERS_WITHIN, LARGEST)
    return _format_of(image).architecture(image)


def check(path: str | PathLike[str]) -> str | None:
    """VmmError for a file that shows that it is no image: what it is, and what to do with it. A line where it is one,
    but not taken for what it is.
    """
    image = read_start(Path(path), "image", WITHIN, LARGEST)
    _check(image)
    if _is_multiboot2(image) and _format_of(image).name == "elf":
        return (
            "a multiboot2 kernel, which is loaded as an ELF alone: no magic in EAX, no information; multiboot has both"
        )
    return None


def _check(image: Image) -> None:
    if not _format_of(image).sure:
        from vmm.loaders import foreign

        foreign.check(image)


def identify(data: bytes, path: str | PathLike[str]) -> str:
    """The name of the format of an image file with these bytes."""
    return _format_of(Image(Path(path), data)).name


def _format_of(image: Image) -> Format:
    return next(row for row in FORMATS if row.matches(image))


def load(
    path: str | PathLike[str],
    memory: Memory,
    *,
    append: str = "",
    initrd: Sequence[str | PathLike[str]] = (),
    load_address: int | None = None,
    format: str | None = None,
    architecture: str = DEFAULT,
    device_tree: DeviceTree | None = None,
    bios: Bios | None = None,
    called: str | None = None,
) -> Loaded:
    """Put the image file at `path` into the memory of a machine of this `architecture`.

    `append` is the kernel command line and `initrd` the modules, each a path or "path arguments": for formats that
    pass them on. Linux is handed one initrd, a path: on ARM `device_tree` is asked for the tree that tells the image
    where it lies, and the command line; a bzImage finds it, and what `bios` says, in its zero page. A `load_address`
    (physical, in bytes) says that the file is a flat image, whatever it looks like; `called` is what messages call it.
    Raises VmmError for whatever is wrong with the file or does not fit into RAM.
    """
    image = Image(Path(path), read_file(Path(path), "image", LARGEST), called=called)
    if not image.data:
        raise VmmError(f"{image.title}: empty image")
    if format is None and load_address is None:
        _check(image)
    if format is None:
        format = "flat" if load_address is not None else identify(image.data, path)
    row = next((row for row in FORMATS if row.name == format), None)
    if row is None:
        raise unknown("image format", format, [row.name for row in FORMATS])
    if load_address is not None and not row.takes_address:
        raise image.error(f"a load address is for flat images; this is loaded as {format}")
    takes = named(architecture).boot.device_tree if row.takes_arguments is None else row.takes_arguments
    if (append or initrd) and not takes:
        raise image.error(f"{_title(image, format)} takes neither a command line nor modules; multiboot does")
    modules = tuple(str(item) for item in initrd)
    return row.load(image, memory, Options(append, modules, load_address, architecture, device_tree, bios))


TITLES = {"elf": "an ELF that is not multiboot", "boot_sector": "a boot sector", "flat": "a flat image"}
MULTIBOOT2 = bytes.fromhex("d65052e8")
"""Magic of Multiboot2 Specification 2.0, 3.1.1, in an image's first 32 KiB."""


def _is_multiboot2(image: Image) -> bool:
    return MULTIBOOT2 in image.data[: 32 << 10]


def _title(image: Image, format: str) -> str:
    if format == "elf" and _is_multiboot2(image):
        return "a multiboot2 kernel, which is loaded as an ELF alone,"
    return TITLES.get(format, f"{format} image")
