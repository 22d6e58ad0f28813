"""Images made by hand from the formats' own tables, and RAM that refuses what no RAM can do."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

MIB = 0x100000
CODE = b"\xfa\xf4\xeb\xfd"  # cli; hlt; jmp to the hlt
LOOP = {"arm": b"\xfe\xff\xff\xea", "arm64": b"\0\0\0\x14"}  # b .
ARM_BASE = 0x40000000


class Ram:
    """RAM that begins with garbage: what must be zero has to be written."""

    base = 0
    rom_size = 0

    def __init__(self, size: int = 4 * MIB) -> None:
        self.size = size
        self.bytes = bytearray(b"\xcc") * size

    def read(self, address: int, size: int) -> bytes:
        assert 0 <= address <= address + size <= self.size
        return bytes(self.bytes[address : address + size])

    def write(self, address: int, data: bytes) -> None:
        assert 0 <= address <= address + len(data) <= self.size
        self.bytes[address : address + len(data)] = data

    def u32(self, address: int) -> int:
        return int.from_bytes(self.read(address, 4), "little")

    def text(self, address: int) -> str:
        return bytes(self.bytes[address : self.bytes.index(0, address)]).decode()


class ArmRam:
    """RAM of any size from 1 GiB on; keeps what was written, and no two writes may overlap."""

    def __init__(self, size: int = 64 * MIB, base: int = ARM_BASE) -> None:
        self.base = base
        self.rom_size = 0
        self.size = size
        self.writes: dict[int, bytes] = {}

    def write(self, address: int, data: bytes) -> None:
        assert self.base <= address <= address + len(data) <= self.base + self.size
        assert all(address + len(data) <= start or start + len(old) <= address for start, old in self.writes.items())
        self.writes[address] = data

    def read(self, address: int, size: int) -> bytes:
        """Of one write."""
        return next(
            data[address - start : address - start + size]
            for start, data in self.writes.items()
            if start <= address and address + size <= start + len(data)
        )


class Tree:
    """Stands for a board: returns a blob and remembers what it was told."""

    def __init__(self, blob: bytes = b"\xd0\x0d\xfe\xed tree") -> None:
        self.blob = blob
        self.told: list[tuple[int, int] | None] = []

    def __call__(self, initrd: tuple[int, int] | None) -> bytes:
        self.told.append(initrd)
        return self.blob


@dataclass
class Part:
    """One program header and its bytes."""

    physical: int
    data: bytes = CODE
    memory_size: int | None = None
    virtual: int | None = None
    type: int = 1


@dataclass
class Elf:
    """An ELF file; every field that a test wants to be wrong can be set."""

    parts: list[Part] = field(default_factory=lambda: [Part(MIB)])
    bits: int = 32
    entry: int | None = None
    machine: int | None = None
    kind: int = 2
    order: int = 1

    def build(self) -> bytes:
        wide = self.bits == 64
        header_size, entry_size = (64, 56) if wide else (52, 32)
        ident = b"\x7fELF" + bytes([2 if wide else 1, self.order, 1]) + bytes(9)
        machine = (62 if wide else 3) if self.machine is None else self.machine
        entry = (self.parts[0].virtual or self.parts[0].physical) if self.entry is None else self.entry
        header = ident + struct.pack(
            "<HHIQQQIHHHHHH" if wide else "<HHIIIIIHHHHHH",
            self.kind, machine, 1, entry, header_size, 0, 0, header_size, entry_size, len(self.parts), 0, 0, 0,
        )  # fmt: skip
        offset = header_size + entry_size * len(self.parts)
        table = body = b""
        for part in self.parts:
            size = len(part.data) if part.memory_size is None else part.memory_size
            virtual = part.physical if part.virtual is None else part.virtual
            place = (offset + len(body), virtual, part.physical, len(part.data), size)
            if wide:
                table += struct.pack("<IIQQQQQQ", part.type, 5, *place, 4096)
            else:
                table += struct.pack("<IIIIIIII", part.type, *place, 5, 4096)
            body += part.data
        return header + table + body


def arm_elf(arch: str = "arm64", physical: int = ARM_BASE, entry: int | None = None, size: int = 64) -> bytes:
    bits, machine = {"arm": (32, 40), "arm64": (64, 183)}[arch]
    return Elf([Part(physical, LOOP[arch], memory_size=size)], bits, entry, machine).build()


def arm_image(text_offset: int = 0, image_size: int = 0x3000, flags: int = 0xA, magic: bytes = b"ARM\x64") -> bytes:
    """A kernel of 4 KiB pages that may stand anywhere."""
    header = LOOP["arm64"] * 2 + struct.pack("<6Q", text_offset, image_size, flags, 0, 0, 0) + magic + bytes(4)
    return header.ljust(0x1000, b"\x11")


def zimage(start: int = 0, end: int = 0x1000, order: int = 0x04030201, magic: int = 0x016F2818) -> bytes:
    header = LOOP["arm"] * 9 + struct.pack("<IIII", magic, start, end, order)
    return header.ljust(0x1000, b"\x22")


BZIMAGE = {
    "setup_sects": (0x1F1, 1, 1), "syssize": (0x1F4, 4, None), "boot_flag": (0x1FE, 2, 0xAA55),
    "short_jump": (0x200, 1, 0xEB), "jump": (0x201, 1, 0x6A), "header": (0x202, 4, 0x53726448),
    "version": (0x206, 2, 0x20F), "kernel_version": (0x20E, 2, 0), "loadflags": (0x211, 1, 1),
    "ramdisk_image": (0x218, 4, 0), "ramdisk_size": (0x21C, 4, 0), "initrd_addr_max": (0x22C, 4, 0x7FFFFFFF),
    "kernel_alignment": (0x230, 4, 2 * MIB), "relocatable": (0x234, 1, 1), "xloadflags": (0x236, 2, 0),
    "cmdline_size": (0x238, 4, 2047), "pref_address": (0x258, 8, 2 * MIB), "init_size": (0x260, 4, MIB),
    "handover_offset": (0x264, 4, 0),
}  # fmt: skip
"""Offset, size and usual value of the setup header's fields (boot.rst, "The Real-Mode Kernel Header")."""


def bzimage(code: bytes = CODE.ljust(0x210, b"\x33"), **fields: int) -> bytes:
    """A boot sector and one of setup, filled with garbage where the header is not, and the code."""
    setup = bytearray(b"\xcc" * 1024)
    for name, (offset, size, usual) in BZIMAGE.items():
        value = fields.pop(name, -(-len(code) // 16) if usual is None else usual)
        setup[offset : offset + size] = value.to_bytes(size, "little")
    assert not fields
    return bytes(setup) + code


def multiboot_header(flags: int = 0, *addresses: int) -> bytes:
    return struct.pack(f"<III{len(addresses)}I", 0x1BADB002, flags, -(0x1BADB002 + flags) & 0xFFFFFFFF, *addresses)


def multiboot_elf(flags: int = 3, physical: int = MIB) -> bytes:
    return Elf([Part(physical, multiboot_header(flags) + CODE)], entry=physical + 12).build()


def boot_sector(code: bytes = CODE, sectors: int = 1) -> bytes:
    return code.ljust(510, b"\0") + b"\x55\xaa" + bytes(512 * (sectors - 1))
