"""What every loader is given and what it returns.

The state in which each format is entered; interrupts are off and A20 is open in all of them:

| format      | mode        | at                   | registers                                       |
|-------------|-------------|----------------------|-------------------------------------------------|
| boot_sector | real        | 0000:7C00            | DL = drive, AX and SP as PC firmware leaves them |
| flat        | real        | `load_address`       | as boot_sector                                  |
| flat, from 1 MiB on | protected32 | `load_address` |                                                |
| elf         | protected32 | ELF's physical entry |                                                 |
| multiboot   | protected32 | header's or ELF's entry | EAX = 2BADB002h, EBX = information           |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from vmm.errors import VmmError
from vmm.loaders.symbols import Symbols

PAGE = 0x1000
MIB = 0x100000
ZEROS = bytes(MIB)


class Memory(Protocol):
    """Guest RAM from physical address 0."""

    size: int
    """Bytes."""

    def read(self, address: int, size: int) -> bytes: ...

    def write(self, address: int, data: bytes) -> None: ...


@dataclass(frozen=True)
class Entry:
    """The vCPU's state at the image's first instruction. Registers not named are 0, interrupts are off.

    "reset": the architecture's reset vector, all else ignored. "real": `cs` is a segment and the other segment
    registers are 0. "protected32": paging is off and all segments are flat, 4 GiB, 32 bits wide; `cs` is
    left to the vCPU.
    """

    mode: Literal["real", "protected32", "reset"]
    cs: int
    pc: int
    """Offset in `cs`: IP or EIP."""
    registers: Mapping[str, int] = field(default_factory=dict)
    """By lower-case name, with values of the register's own width."""


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


@dataclass(frozen=True)
class Image:
    """A file and its bytes."""

    path: Path
    data: bytes

    def error(self, what: str, offset: int | None = None) -> VmmError:
        """The line for a defect of this file, at `offset` bytes into it."""
        return VmmError(f"{self.path}: {what}" if offset is None else f"{self.path}: offset {offset:#x}: {what}")


@dataclass(frozen=True)
class Options:
    """What `vmm.loaders.load` was asked for beside the image."""

    append: str = ""
    initrd: tuple[str, ...] = ()
    load_address: int | None = None


def read_file(path: Path, what: str, limit: int) -> bytes:
    """The bytes of the `what` at `path`, at most `limit` of them; VmmError for all else that may be there."""
    try:
        if not path.exists():
            raise VmmError(f"{path}: {what} not found")
        if not path.is_file():
            raise VmmError(f"{path}: {what} expected, but this is {'a directory' if path.is_dir() else 'no file'}")
        size = path.stat().st_size
        if size > limit:
            raise VmmError(f"{path}: {what} of {size} bytes does not fit: there is room for {limit}")
        return path.read_bytes()
    except OSError as error:
        raise VmmError(f"{path}: cannot read {what}: {error.strerror}") from error


def place(image: Image, memory: Memory, what: str, address: int, data: bytes, size: int | None = None) -> int:
    """Write `data`, zeros behind it up to `size` bytes, and return the end address; VmmError if RAM is too small."""
    size = len(data) if size is None else size
    end = address + size
    if end > memory.size:
        raise image.error(f"{what} at {address:#x}-{end - 1:#x} is outside RAM (0-{memory.size - 1:#x})")
    if data:
        memory.write(address, data)
    for start in range(address + len(data), end, MIB):
        memory.write(start, ZEROS[: min(MIB, end - start)])
    return end


def align(address: int, alignment: int = PAGE) -> int:
    """`address`, or the next multiple of `alignment`."""
    return -(-address // alignment) * alignment
