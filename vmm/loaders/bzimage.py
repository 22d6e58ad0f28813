"""Linux kernels for PCs: `bzImage` (Documentation/arch/x86/boot.rst, zero-page.rst).

Its real-mode code, which asks the BIOS, is left out: the kernel is entered behind it, by the 32-bit boot protocol or,
where it has that entry, by the 64-bit one, and finds what it would have asked for in its zero page.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from vmm.arch.boot import Bios, Entry
from vmm.arch.x86.record import EXTENDED_BIOS_DATA as LOWER_END
from vmm.loaders.handover import place_initrd
from vmm.loaders.image import MIB, Image, Loaded, Options, Span, align, check_architecture, check_room, place
from vmm.loaders.pc_memory import memory_map
from vmm.protocols import Memory

MAGIC, MAGIC_AT = b"HdrS", 0x202
SECTOR, PARAGRAPH = 512, 16
JUMP_REACH_AT, HEADER_AT, HEADER_MOST = 0x201, 0x1F1, 0x290
"""The second byte of a jump, which says where the setup header ends, and where it begins; where the next field is."""
OLDEST = 0x0202
"""The first protocol with a pointer to the command line."""
FIRST_64 = 0x0200
"""From the kernel's start to its 64-bit entry."""


class Field(NamedTuple):
    """Of the setup header."""

    at: int
    size: int
    since: int = 0
    """The first protocol that has it."""
    default: int = 0
    """What it stands for in those before."""


SETUP_SECTORS = Field(0x1F1, 1)
PARAGRAPHS = Field(0x1F4, 4, 0x0204)
VERSION = Field(0x206, 2)
LOADER = Field(0x210, 1)
LOAD_FLAGS = Field(0x211, 1)
CODE32_START = Field(0x214, 4)
INITRD_AT = Field(0x218, 4)
INITRD_SIZE = Field(0x21C, 4)
COMMAND_LINE_AT = Field(0x228, 4)
INITRD_LAST = Field(0x22C, 4, 0x0203, 0x37FFFFFF)
ALIGNMENT = Field(0x230, 4, 0x0205)
RELOCATABLE = Field(0x234, 1, 0x0205)
EXTRA_FLAGS = Field(0x236, 2, 0x020C)
COMMAND_LINE_MOST = Field(0x238, 4, 0x0206, 255)
PREFERRED = Field(0x258, 8, 0x020A)
RUNNING_SIZE = Field(0x260, 4, 0x020A)

DEFAULT_SETUP_SECTORS = 4
LOADED_HIGH = 1 << 0
KERNEL_64 = 1 << 0
UNDEFINED_LOADER = 0xFF

# Of the zero page beside the header.
SCREEN_AT = 0x00
RSDP = Field(0x70, 8)
RANGES_COUNT = Field(0x1E8, 1)
RANGES_AT = 0x2D0
SCREEN_INFO = struct.Struct("<6xBB6xBBH")
"""Mode, columns, lines, a VGA, height of a character."""
RANGE = struct.Struct("<QQI")

# Below 640 KiB, clear of the vectors and of what the BIOS keeps.
ZERO_PAGE, GDT, TABLES, COMMAND_LINE = 0x10000, 0x11000, 0x12000, 0x20000
PAGE = 0x1000
DATA, CODE_32, CODE_64 = 0x00CF93000000FFFF, 0x00CF9B000000FFFF, 0x00AF9B000000FFFF
LARGE_PAGE, MAPPED = 0x200000, 1 << 32
PRESENT_WRITABLE, LARGE = 0x3, 0x80


def matches(image: Image) -> bool:
    return image.data[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC


def architecture(image: Image) -> str:
    return "x86"


def load(image: Image, memory: Memory, options: Options) -> Loaded:
    if not matches(image):
        found = image.data[MAGIC_AT : MAGIC_AT + len(MAGIC)]
        raise image.error(f"not a bzImage: magic {found.hex()} instead of {MAGIC.hex()}", MAGIC_AT)
    check_architecture(image, "x86", options.architecture, MAGIC_AT)
    kernel, taken = _place_kernel(image, memory, _code(image))
    _place_command_line(image, memory, options.append)
    limit = min(memory.size, _get(image, INITRD_LAST) + 1)
    initrd = place_initrd(image, memory, options, taken, limit)
    place(image, memory, "zero page", ZERO_PAGE, _zero_page(image, memory, options, kernel, initrd))
    enter = _entry_64 if _get(image, EXTRA_FLAGS) & KERNEL_64 else _entry_32
    return Loaded("bzimage", "x86", "pc", enter(image, memory, kernel), None, max(end for _, end in taken))


def _get(image: Image, field: Field) -> int:
    """What the header says, by its version."""
    if field.since and _get(image, VERSION) < field.since:
        return field.default
    return int.from_bytes(image.data[field.at : field.at + field.size], "little")


def _put(page: bytearray, field: Field, value: int) -> None:
    page[field.at : field.at + field.size] = value.to_bytes(field.size, "little")


def _code(image: Image) -> bytes:
    """All that is not real-mode code."""
    version, flags = _get(image, VERSION), _get(image, LOAD_FLAGS)
    size = (1 + (_get(image, SETUP_SECTORS) or DEFAULT_SETUP_SECTORS)) * SECTOR
    if len(image.data) <= size:
        raise image.error(f"truncated: {len(image.data)} bytes, and {size} come before the kernel", SETUP_SECTORS.at)
    if version < OLDEST:
        raise image.error(
            f"boot protocol {_shown(version)} is too old; {_shown(OLDEST)} and later boot here", VERSION.at
        )
    if not flags & LOADED_HIGH:
        raise image.error("a zImage, whose place is below 1 MiB; a bzImage boots here", LOAD_FLAGS.at)
    count = _get(image, PARAGRAPHS) * PARAGRAPH
    if count > len(image.data) - size:
        raise image.error(
            f"truncated: the kernel is of {count} bytes, the file has {len(image.data) - size}", PARAGRAPHS.at
        )
    code = image.data[size : size + count] if count else image.data[size:]
    if _get(image, EXTRA_FLAGS) & KERNEL_64 and len(code) <= FIRST_64:
        raise image.error(f"a 64-bit entry at {FIRST_64:#x} of a kernel of {len(code)} bytes", EXTRA_FLAGS.at)
    return code


def _shown(version: int) -> str:
    return f"{version >> 8}.{version & 0xFF:02}"


def _place_kernel(image: Image, memory: Memory, code: bytes) -> tuple[int, list[Span]]:
    """Where its code is now, and what of memory is not free."""
    preferred, size = _get(image, PREFERRED), max(_get(image, RUNNING_SIZE), len(code))
    if not _get(image, RELOCATABLE):
        load_at, run_at = MIB, preferred or MIB
    else:
        alignment = max(_get(image, ALIGNMENT), 1)
        load_at = align(max(preferred, MIB), alignment)
        if load_at + size > memory.size:
            load_at = align(MIB, alignment)
        run_at = load_at
    end = place(image, memory, "kernel", load_at, code)
    run_end = check_room(image, memory, "running kernel", run_at, size, PREFERRED.at)
    return load_at, [(0, MIB), (load_at, end), (run_at, run_end)]


def _place_command_line(image: Image, memory: Memory, text: str) -> None:
    line = text.encode(errors="surrogateescape")
    most = min(_get(image, COMMAND_LINE_MOST), LOWER_END - COMMAND_LINE - 1)
    if len(line) > most:
        raise image.error(f"a command line of {len(line)} bytes is too long: this kernel takes {most}")
    place(image, memory, "command line", COMMAND_LINE, line + b"\0")


def _zero_page(image: Image, memory: Memory, options: Options, kernel: int, initrd: Span | None) -> bytes:
    page = bytearray(PAGE)
    end = min(MAGIC_AT + image.data[JUMP_REACH_AT], HEADER_MOST)
    page[HEADER_AT:end] = image.data[HEADER_AT:end]
    start, behind = initrd or (0, 0)
    _put(page, LOADER, UNDEFINED_LOADER)
    _put(page, CODE32_START, kernel)
    _put(page, COMMAND_LINE_AT, COMMAND_LINE)
    _put(page, INITRD_AT, start)
    _put(page, INITRD_SIZE, behind - start)
    if options.bios:
        _tell(page, options.bios)
    ranges = [RANGE.pack(first, end - first, kind) for first, end, kind in memory_map(memory.size)]
    _put(page, RANGES_COUNT, len(ranges))
    page[RANGES_AT : RANGES_AT + len(ranges) * RANGE.size] = b"".join(ranges)
    return bytes(page)


def _tell(page: bytearray, bios: Bios) -> None:
    screen = SCREEN_INFO.pack(bios.mode, bios.columns, bios.rows, 1, bios.cell_lines)
    page[SCREEN_AT : SCREEN_AT + len(screen)] = screen
    _put(page, RSDP, bios.rsdp)


def _entry_32(image: Image, memory: Memory, kernel: int) -> Entry:
    """Section "32-bit Boot Protocol": __BOOT_CS is 10h, __BOOT_DS 18h."""
    return Entry("protected32", 0, kernel, {"esi": ZERO_PAGE}, _place_gdt(image, memory, CODE_32))


def _entry_64(image: Image, memory: Memory, kernel: int) -> Entry:
    """Section "64-bit Boot Protocol": the same selectors, and all that is in use mapped to itself."""
    directories = [TABLES + (2 + n) * PAGE for n in range(MAPPED // LARGE_PAGE // 512)]
    tables = [_table([TABLES + PAGE]), _table(directories)]
    pages = [page | LARGE for page in range(0, MAPPED, LARGE_PAGE)]
    tables += [_table(pages[n : n + 512]) for n in range(0, len(pages), 512)]
    place(image, memory, "page tables", TABLES, b"".join(tables))
    registers = {"cr3": TABLES, "rsi": ZERO_PAGE}
    return Entry("long64", 0, kernel + FIRST_64, registers, _place_gdt(image, memory, CODE_64))


def _table(entries: list[int]) -> bytes:
    return struct.pack(f"<{len(entries)}Q", *(entry | PRESENT_WRITABLE for entry in entries)).ljust(PAGE, b"\0")


def _place_gdt(image: Image, memory: Memory, code: int) -> tuple[int, int]:
    table = struct.pack("<4Q", 0, 0, code, DATA)
    place(image, memory, "GDT", GDT, table)
    return GDT, len(table) - 1
