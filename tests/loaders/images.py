"""Images made by hand from the formats' own tables, and RAM that refuses what no RAM can do."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

MIB = 0x100000
CODE = b"\xfa\xf4\xeb\xfd"  # cli; hlt; jmp to the hlt


class Ram:
    """RAM that begins with garbage: what must be zero has to be written."""

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


def multiboot_header(flags: int = 0, *addresses: int) -> bytes:
    return struct.pack(f"<III{len(addresses)}I", 0x1BADB002, flags, -(0x1BADB002 + flags) & 0xFFFFFFFF, *addresses)


def multiboot_elf(flags: int = 3, physical: int = MIB) -> bytes:
    return Elf([Part(physical, multiboot_header(flags) + CODE)], entry=physical + 12).build()


def boot_sector(code: bytes = CODE, sectors: int = 1) -> bytes:
    return code.ljust(510, b"\0") + b"\x55\xaa" + bytes(512 * (sectors - 1))
