"""ELF executables for x86, ARM and AArch64 (System V ABI, gABI 4.1, chapters 4 and 5; ELF for the Arm Architecture).

A dozen fields are all that booting needs, and they are read here: importing pyelftools takes longer than a small
guest's whole run. Symbols and lines, wanted only when someone asks, come from pyelftools (symbols.py).
"""

from __future__ import annotations

import shlex
import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from vmm.arch import ARCHITECTURES, named
from vmm.loaders.handover import Kernel, hand_over
from vmm.loaders.image import (
    Image,
    Loaded,
    Options,
    Span,
    check_architecture,
    place,
)
from vmm.loaders.symbols import Symbols
from vmm.protocols import Memory

MAGIC = b"\x7fELF"
EI_CLASS, EI_DATA, EI_VERSION, EI_NIDENT = 4, 5, 6, 16
ELFDATA2LSB, ELFDATA2MSB, EV_CURRENT = 1, 2, 1
ET_REL, ET_EXEC = 1, 2
PT_LOAD = 1

OBJECT_TYPES = {ET_REL: "a relocatable object; link it first", 3: "position independent; link it with -static -no-pie"}
LINKERS = {
    3: "ld -m elf_i386 -N -Ttext=0x100000",
    62: "ld -m elf_x86_64 -N -Ttext=0x100000",
    40: "ld.lld -Ttext=0x40010000",
    183: "ld.lld -Ttext=0x40080000",
}
"""By e_machine, what links an object to where its board has RAM."""
OTHERS = {
    2: "SPARC", 4: "68000", 8: "MIPS", 15: "PA-RISC", 20: "PowerPC", 21: "64-bit PowerPC", 22: "S/390", 42: "SuperH",
    43: "64-bit SPARC", 50: "Itanium", 83: "AVR", 94: "Xtensa", 105: "MSP430", 189: "MicroBlaze", 243: "RISC-V",
    247: "BPF", 258: "LoongArch",
}  # fmt: skip
"""Of e_machine, those that people meet (gABI, and the registry that followed it)."""
MACHINE_AT, ENTRY_AT = 18, 24


@dataclass(frozen=True)
class Layout:
    """The two headers in one of ELF's classes."""

    header: struct.Struct
    """e_type to e_phnum, behind e_ident."""
    size: int
    """e_ehsize."""
    segment: struct.Struct
    fields: tuple[str, ...]


# Elf64_Phdr has p_flags second so that the 64-bit fields are aligned.
LAYOUTS = {
    1: Layout(
        struct.Struct("<HHIIIIIHHH"), 52, struct.Struct("<8I"),
        ("type", "offset", "virtual", "physical", "file_size", "memory_size", "flags", "align"),
    ),
    2: Layout(
        struct.Struct("<HHIQQQIHHH"), 64, struct.Struct("<2I6Q"),
        ("type", "flags", "offset", "virtual", "physical", "file_size", "memory_size", "align"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Segment:
    """A PT_LOAD program header; addresses and sizes in bytes."""

    index: int
    type: int
    flags: int
    offset: int
    virtual: int
    physical: int
    file_size: int
    memory_size: int
    align: int

    @property
    def end(self) -> int:
        return self.physical + self.memory_size


def matches(image: Image) -> bool:
    return image.data.startswith(MAGIC)


def architecture(image: Image) -> str | None:
    """What e_machine says; None for another machine, or another kind of file."""
    if not matches(image) or len(image.data) < MACHINE_AT + 2:
        return None
    order: Literal["big", "little"] = "big" if image.data[EI_DATA] == ELFDATA2MSB else "little"
    return _machines().get(int.from_bytes(image.data[MACHINE_AT : MACHINE_AT + 2], order))


def _machines() -> dict[int, str]:
    """The architecture of each e_machine that boots here."""
    return {number: name for name, row in ARCHITECTURES.items() for number in row.elf}


def load(image: Image, memory: Memory, options: Options) -> Loaded:
    entry, spans = load_segments(image, memory, options.architecture)
    symbols = Symbols(image.title, image.data)
    return hand_over(image, memory, options, Kernel("elf", entry, spans, symbols, linux=False))


def load_segments(image: Image, memory: Memory, machine: str) -> tuple[int, list[Span]]:
    """Put every PT_LOAD segment at its physical address; the physical entry point and where the segments lie."""
    entry, segments = parse(image, machine)
    for segment in segments:
        data = image.data[segment.offset : segment.offset + segment.file_size]
        place(image, memory, f"segment {segment.index}", segment.physical, data, segment.memory_size)
    boot = named(machine).boot
    thumb = entry & 1 if boot.thumb else 0
    pc = _physical(image, entry - thumb, segments)
    if pc % (2 if thumb else boot.alignment):
        raise image.error(f"no instruction can be at the entry point {entry:#x}: it is not aligned", ENTRY_AT)
    return pc + thumb, [(segment.physical, segment.end) for segment in segments]


def parse(image: Image, machine: str) -> tuple[int, list[Segment]]:
    """The entry point (virtual) and the PT_LOAD segments of an executable for `machine`; VmmError for all else."""
    data = image.data
    if not matches(image):
        raise image.error("not an ELF file")
    layout = LAYOUTS.get(data[EI_CLASS]) if len(data) > EI_CLASS else None
    if len(data) < EI_NIDENT or (layout is not None and len(data) < layout.size):
        raise image.error(f"truncated: {len(data)} bytes are less than an ELF header")
    if layout is None:
        raise image.error(f"unknown ELF class {data[EI_CLASS]}; 1 is 32-bit, 2 is 64-bit", EI_CLASS)
    if data[EI_DATA] != ELFDATA2LSB:
        order = "big-endian" if data[EI_DATA] == ELFDATA2MSB else f"of unknown byte order {data[EI_DATA]}"
        raise image.error(f"the ELF file is {order}; only little-endian ones boot here", EI_DATA)
    if data[EI_VERSION] != EV_CURRENT:
        raise image.error(f"unknown ELF version {data[EI_VERSION]}", EI_VERSION)
    kind, number, _, entry, offset, _, _, size, entry_size, count = layout.header.unpack_from(data, EI_NIDENT)
    machines = _machines()
    if number not in machines:
        other = f"{number}, {OTHERS[number]}" if number in OTHERS else f"{number}"
        known = ", ".join(f"{known} ({name})" for known, name in machines.items())
        raise image.error(f"an image for ELF machine {other}; those that boot here are {known}", MACHINE_AT)
    check_architecture(image, machines[number], machine, MACHINE_AT)
    if kind != ET_EXEC:
        link = _link(image, number) if kind == ET_REL else ""
        raise image.error(f"not an executable but {OBJECT_TYPES.get(kind, f'ELF type {kind}')}{link}", 16)
    if size != layout.size:
        raise image.error(f"the ELF header claims {size} bytes instead of {layout.size}")
    segments = _segments(image, layout, offset, entry_size, count)
    if not segments:
        raise image.error("nothing to load: no PT_LOAD segment of any size")
    return entry, segments


def _link(image: Image, number: int) -> str:
    output = shlex.quote(f"{image.path.stem}.elf")
    return f": {LINKERS[number]} -o {output} {shlex.quote(str(image.path))}" if number in LINKERS else ""


def _segments(image: Image, layout: Layout, offset: int, entry_size: int, count: int) -> list[Segment]:
    table_end = offset + entry_size * count
    if count and entry_size != layout.segment.size:
        raise image.error(f"program headers claim {entry_size} bytes each instead of {layout.segment.size}")
    if count and offset < layout.size:
        raise image.error("the program header table overlaps the ELF header", offset)
    if count and table_end > len(image.data):
        raise image.error(f"truncated: program headers end at {table_end:#x}, the file at {len(image.data):#x}", offset)
    found = []
    for index in range(count):
        at = offset + index * entry_size
        values = dict(zip(layout.fields, layout.segment.unpack_from(image.data, at), strict=True))
        segment = Segment(index=index, **values)
        if segment.type != PT_LOAD or segment.memory_size == 0 == segment.file_size:
            continue
        if segment.file_size > segment.memory_size:
            raise image.error(f"segment {index} has more bytes in the file than in memory", at)
        if segment.offset + segment.file_size > len(image.data):
            end = segment.offset + segment.file_size
            raise image.error(f"truncated: segment {index} ends at {end:#x}, the file at {len(image.data):#x}", at)
        found.append(segment)
    by_address = sorted(found, key=lambda segment: segment.physical)
    for low, high in pairwise(by_address):
        if low.end > high.physical:
            raise image.error(f"segments {low.index} and {high.index} overlap at {high.physical:#x}")
    return found


def _physical(image: Image, entry: int, segments: list[Segment]) -> int:
    """Where the entry point is: a virtual address or, where that means nothing, physical already."""
    for segment in segments:
        if segment.virtual <= entry < segment.virtual + segment.memory_size:
            return entry - segment.virtual + segment.physical
    if any(segment.physical <= entry < segment.end for segment in segments):
        return entry
    no_start = "" if entry else "; has it a _start?"
    raise image.error(f"the entry point {entry:#x} is in no loaded segment{no_start}")
