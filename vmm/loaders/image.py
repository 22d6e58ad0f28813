"""What every loader is given and what it returns.

The state in which each format is entered; interrupts are off and A20 is open in all of them:

| format      | mode        | at                   | registers                                       |
|-------------|-------------|----------------------|-------------------------------------------------|
| boot_sector | real        | 0000:7C00            | DL = drive, AX and SP as PC firmware leaves them |
| flat        | real        | `load_address`       | as boot_sector                                  |
| flat, from 1 MiB on | protected32 | `load_address` |                                                |
| elf         | protected32 | ELF's physical entry |                                                 |
| multiboot   | protected32 | header's or ELF's entry | EAX = 2BADB002h, EBX = information           |
| bzimage     | protected32 | kernel's start       | ESI = zero page                              |
| bzimage of 64 bits | long64 | 200h behind its start | RSI = zero page                            |
| elf, flat, zimage on ARM | arm | see each         | R0 = 0, R1 = FFFFFFFFh, R2 = device tree        |
| elf, flat, arm_image on AArch64 | arm64 | see each | X0 = device tree                               |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vmm.arch import DEFAULT, named
from vmm.arch.boot import Bios, Entry
from vmm.errors import VmmError
from vmm.loaders.symbols import Symbols
from vmm.protocols import Memory

HEADERS_WITHIN = 8192
"""Bytes from a file's beginning in which the header of any format lies (multiboot 0.6.96, 3.1)."""
PAGE = 0x1000
MIB = 0x100000
ZEROS = bytes(MIB)

Span = tuple[int, int]
"""The first address of a range and the one behind its last."""
DeviceTree = Callable[[Span | None], bytes]
"""The flattened device tree of a machine whose initrd lies at the span, if it has one."""


@dataclass(frozen=True)
class Loaded:
    """An image that is now in memory."""

    format: str
    arch: str
    board: str
    """The board it is made for."""
    entry: Entry
    symbols: Symbols | None
    highest: int
    """Physical address behind the last byte that was written or reserved."""

    def place(self, linear: int) -> tuple[str | None, str | None]:
        """The symbol (`name`, `name+0x12`) and the source line (`file.S:12`) of a linear address; None: not known."""
        return self.symbols.place(linear) if self.symbols else (None, None)

    def symbol(self, linear: int) -> str | None:
        """The name of the symbol that it lies in, wherever in it."""
        found = self.symbols.symbol_at(linear) if self.symbols else None
        return found.name if found else None


@dataclass(frozen=True)
class Image:
    """A file and its bytes."""

    path: Path
    data: bytes
    whole: int | None = None
    """Bytes in the file, where `data` is only its beginning."""
    called: str | None = None
    """What users call it, where that is not its path: the source that it was made of."""

    @property
    def title(self) -> str:
        """What messages call it."""
        return self.called or str(self.path)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return len(self.data) if self.whole is None else self.whole

    def error(self, what: str, offset: int | None = None) -> VmmError:
        """The line for a defect of this file, at `offset` bytes into it."""
        return VmmError(f"{self.title}: {what}" if offset is None else f"{self.title}: offset {offset:#x}: {what}")


@dataclass(frozen=True)
class Options:
    """What `vmm.loaders.load` was asked for beside the image."""

    append: str = ""
    initrd: tuple[str, ...] = ()
    load_address: int | None = None
    architecture: str = DEFAULT
    """The machine's."""
    device_tree: DeviceTree | None = None
    bios: Bios | None = None


def check_architecture(image: Image, found: str, machine: str, offset: int) -> None:
    """VmmError for an image of an architecture that is not the machine's; its header says so at `offset`."""
    if found == machine:
        return
    its, ours = named(found), named(machine)
    remedy = f"--cpu {its.cpu}" if its.board == ours.board else f"--board {its.board}"
    raise image.error(f"{its.article} {its.title} image; this machine is {ours.title} (use {remedy})", offset)


def read_file(path: Path, what: str, limit: int) -> bytes:
    """The bytes of the `what` at `path`, at most `limit` of them; VmmError for all else that may be there."""
    return _read(path, what, limit)[0]


def read_start(path: Path, what: str, count: int, limit: int) -> Image:
    """The first `count` bytes of the `what` at `path`; errors as in `read_file`."""
    data, size = _read(path, what, limit, count)
    return Image(path, data, size)


def _read(path: Path, what: str, limit: int, count: int = -1) -> tuple[bytes, int]:
    try:
        if not path.exists():
            raise VmmError(f"{path}: {what} not found")
        if not path.is_file():
            raise VmmError(f"{path}: {what} expected, but this is {'a directory' if path.is_dir() else 'no file'}")
        size = path.stat().st_size
        if size > limit:
            raise VmmError(f"{path}: {what} of {size} bytes does not fit: there is room for {limit}")
        with path.open("rb") as file:
            return file.read(count), size
    except OSError as error:
        raise VmmError(f"{path}: cannot read {what}: {error.strerror}") from error


def place(
    image: Image,
    memory: Memory,
    what: str,
    address: int,
    data: bytes,
    size: int | None = None,
    offset: int | None = None,
) -> int:
    """Write `data`, zeros behind it up to `size` bytes, and return the end address.

    VmmError if that is outside RAM, naming the `offset` in the file that asked for it.
    """
    size = len(data) if size is None else size
    end = check_room(image, memory, what, address, size, offset)
    if data:
        memory.write(address, data)
    for start in range(address + len(data), end, MIB):
        memory.write(start, ZEROS[: min(MIB, end - start)])
    return end


def check_room(image: Image, memory: Memory, what: str, address: int, size: int, offset: int | None = None) -> int:
    """The end address of something that is or will be in memory; VmmError as of `place`."""
    end = address + size
    ram_end = memory.base + memory.size
    in_flash = address >= 0 and end <= memory.rom_size
    if not in_flash and (address < memory.base or end > ram_end):
        ram = f"{hex(memory.base) if memory.base else 0}-{ram_end - 1:#x}"
        raise image.error(f"{what} at {address:#x}-{end - 1:#x} is outside RAM ({ram})", offset)
    return end


def align(address: int, alignment: int = PAGE) -> int:
    """`address`, or the next multiple of `alignment`."""
    return -(-address // alignment) * alignment
