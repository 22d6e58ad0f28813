"""Multiboot images (Multiboot Specification 0.6.96): a header in the first 8 KiB asks for a defined 32-bit start.

The kernel is an ELF file, or raw bytes whose header says where they go. Modules follow it on pages of their own, then
come the information structure and what it points to; all of that from 1 MiB on, clear of what a low kernel uses.

A disk's first sectors may hold a kernel with its header, and it is a disk all the same: of a file with the signature of
a boot sector the header counts where the file is a kernel from its first byte on.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from vmm.arch.boot import Entry
from vmm.arch.x86.record import EXTENDED_BIOS_DATA as LOWER_END
from vmm.loaders import boot_sector, elf
from vmm.loaders.image import HEADERS_WITHIN, MIB, Image, Loaded, Options, align, check_architecture, place, read_file
from vmm.loaders.pc_memory import memory_map
from vmm.loaders.symbols import Symbols
from vmm.protocols import Memory

HEADER_MAGIC = 0x1BADB002
ENTRY_MAGIC = 0x2BADB002

PAGE_ALIGN, MEMORY_INFO, VIDEO_MODE, ADDRESSES = 1 << 0, 1 << 1, 1 << 2, 1 << 16
REQUIRED = 0xFFFF
"""The flags that a loader must refuse when it does not know them (section 3.1.2)."""

HEADER = struct.Struct("<III")
HEADER_ADDRESSES = struct.Struct("<5I")

HAS_MEMORY, HAS_COMMAND_LINE, HAS_MODULES, HAS_MEMORY_MAP, HAS_LOADER_NAME = 1 << 0, 1 << 2, 1 << 3, 1 << 6, 1 << 9
INFORMATION = struct.Struct("<30I")
"""Section 3.3, through the framebuffer fields, which stay 0."""
MODULE = struct.Struct("<IIII")
MEMORY_MAP_ENTRY = struct.Struct("<IQQI")
LOADER_NAME = b"vmm\0"


@dataclass(frozen=True)
class Header:
    """Where the header stands in the file, and its flags."""

    offset: int
    flags: int


@dataclass(frozen=True)
class Module:
    """A file in memory for the kernel, and its command line."""

    command_line: str
    start: int
    end: int


def matches(image: Image) -> bool:
    header = find_header(image)
    if header is None or (boot_sector.matches(image) and not _is_whole(image, header)):
        return False
    return elf.architecture(image) in (None, "x86")


def _is_whole(image: Image, header: Header) -> bool:
    """The file is the header's kernel: an ELF, or the header is in its first sector, or asks for all of the file."""
    if elf.matches(image) or header.offset < boot_sector.SECTOR:
        return True
    at = header.offset + HEADER.size
    if not header.flags & ADDRESSES or at + HEADER_ADDRESSES.size > len(image.data):
        return False
    header_address, start, *_ = HEADER_ADDRESSES.unpack_from(image.data, at)
    return bool(header_address - start == header.offset)


def find_header(image: Image) -> Header | None:
    """The first header whose checksum is right."""
    start = image.data[:HEADERS_WITHIN]
    magic = HEADER_MAGIC.to_bytes(4, "little")
    offset = start.find(magic)
    while offset >= 0 and offset + HEADER.size <= len(start):
        _, flags, checksum = HEADER.unpack_from(start, offset)
        if offset % 4 == 0 and (HEADER_MAGIC + flags + checksum) & 0xFFFFFFFF == 0:
            return Header(offset, flags)
        offset = start.find(magic, offset + 1)
    return None


def architecture(image: Image) -> str:
    return "x86"


def load(image: Image, memory: Memory, options: Options) -> Loaded:
    header = find_header(image)
    if header is None:
        raise image.error(f"not a multiboot image: no header with a right checksum in its first {HEADERS_WITHIN} bytes")
    check_architecture(image, "x86", options.architecture, header.offset)
    unknown = header.flags & REQUIRED & ~(PAGE_ALIGN | MEMORY_INFO | VIDEO_MODE)
    if unknown:
        raise image.error(f"multiboot header requires unknown features {unknown:#x}", header.offset + 4)
    entry, kernel_end = _load_kernel(image, memory, header)
    modules = []
    highest = max(kernel_end, MIB)
    for item in options.initrd:
        modules.append(_load_module(image, memory, item, align(highest)))
        highest = modules[-1].end
    information, highest = _write_information(image, memory, align(highest), options.append, modules)
    registers = {"eax": ENTRY_MAGIC, "ebx": information}
    symbols = Symbols(image.title, image.data) if elf.matches(image) else None
    return Loaded("multiboot", "x86", "pc", Entry("protected32", 0, entry, registers), symbols, highest)


def _load_kernel(image: Image, memory: Memory, header: Header) -> tuple[int, int]:
    """The physical entry point and the end of the kernel, once it is in memory."""
    if header.flags & ADDRESSES:
        return _load_by_header(image, memory, header)
    if not elf.matches(image):
        raise image.error("multiboot header has no load addresses, and the image is not ELF", header.offset + 4)
    entry, spans = elf.load_segments(image, memory, "x86")
    return entry, max(end for _, end in spans)


def _load_by_header(image: Image, memory: Memory, header: Header) -> tuple[int, int]:
    at = header.offset + HEADER.size
    if at + HEADER_ADDRESSES.size > len(image.data):
        raise image.error("truncated: the multiboot header's addresses are missing", at)
    header_address, start, load_end, bss_end, entry = HEADER_ADDRESSES.unpack_from(image.data, at)
    first = header.offset - (header_address - start)
    if header_address < start or first < 0:
        raise image.error(f"multiboot header address {header_address:#x} contradicts load address {start:#x}", at)
    size = load_end - start if load_end else len(image.data) - first
    if size <= 0 or first + size > len(image.data):
        raise image.error(f"multiboot load end {load_end:#x} is not behind {start:#x} and within the file", at + 8)
    if bss_end and bss_end < start + size:
        raise image.error(f"multiboot bss end {bss_end:#x} is before the load end {start + size:#x}", at + 12)
    end = max(start + size, bss_end)
    if not start <= entry < end:
        raise image.error(f"multiboot entry {entry:#x} is outside the kernel ({start:#x}-{end - 1:#x})", at + 16)
    return entry, place(image, memory, "kernel", start, image.data[first : first + size], end - start)


def _load_module(image: Image, memory: Memory, item: str, address: int) -> Module:
    """`item` is "path" or "path arguments"; the module's command line is that with the path's last part."""
    name, _, arguments = item.partition(" ")
    if arguments and not _is_file(name):
        name, arguments = item, ""
    path = Path(name)
    data = read_file(path, "module", max(memory.size - address, 0))
    return Module(f"{path.name} {arguments}".strip(), address, place(image, memory, f"module {name}", address, data))


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # arguments of a path with blanks may be longer than a file name can be
        return False


def _write_information(
    image: Image, memory: Memory, address: int, append: str, modules: list[Module]
) -> tuple[int, int]:
    """Write the information structure to `address`, and behind it what it points to; its address and the end."""
    block = _Block(address + INFORMATION.size)
    command_line = block.add(_text(f"{image.path.name} {append}".strip()))
    loader_name = block.add(LOADER_NAME)
    lines = [block.add(_text(module.command_line)) for module in modules]
    table = [MODULE.pack(module.start, module.end, line, 0) for module, line in zip(modules, lines, strict=True)]
    module_table = block.add(b"".join(table))
    ranges = b"".join(_map_entry(*row) for row in memory_map(memory.size))
    fields = {
        0: HAS_MEMORY | HAS_COMMAND_LINE | HAS_MODULES | HAS_MEMORY_MAP | HAS_LOADER_NAME,
        1: min(memory.size, LOWER_END) // 1024,
        2: max(memory.size - MIB, 0) // 1024,
        4: command_line,
        5: len(modules),
        6: module_table,
        11: len(ranges),
        12: block.add(ranges),
        16: loader_name,
    }
    structure = INFORMATION.pack(*(fields.get(index, 0) for index in range(INFORMATION.size // 4)))
    return address, place(image, memory, "multiboot information", address, structure + block.data)


class _Block:
    """Bytes that grow from an address; each addition starts at a multiple of 4."""

    def __init__(self, address: int) -> None:
        self.address = address
        self.data = b""

    def add(self, data: bytes) -> int:
        """Append `data`; its address."""
        self.data += bytes(align(len(self.data), 4) - len(self.data))
        at = self.address + len(self.data)
        self.data += data
        return at


def _map_entry(start: int, end: int, kind: int) -> bytes:
    """Its first field is its size, not counting that field."""
    return MEMORY_MAP_ENTRY.pack(MEMORY_MAP_ENTRY.size - 4, start, end - start, kind)


def _text(text: str) -> bytes:
    return text.encode(errors="surrogateescape") + b"\0"
