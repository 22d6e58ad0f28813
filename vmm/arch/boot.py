"""How images are entered that say no more than where their code is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """The vCPU's state at the image's first instruction. Registers not named are 0, interrupts are off.

    "reset": the architecture's reset vector, all else ignored. "real": `cs` is a segment and the other segment
    registers are 0. "protected32": paging is off and all segments are flat, 4 GiB, 32 bits wide; `cs` is
    left to the vCPU. "long64": 64-bit mode, with the page tables that `registers` have in CR3. "arm" and "arm64": `cs`
    is 0, the MMU is off, the exception level or mode is the vCPU's choice.
    """

    mode: str
    """One that the architecture's vCPU knows."""
    cs: int
    pc: int
    """Offset in `cs`: IP or EIP. On ARM the physical address; bit 0 says that it is Thumb code, as for BX."""
    registers: Mapping[str, int] = field(default_factory=dict)
    """By lower-case name, with values of the register's own width."""
    gdt: tuple[int, int] | None = None
    """Linear address and limit of the table that protected32's and long64's segments are from, if there is one."""


@dataclass(frozen=True)
class Bios:
    """What a PC's firmware tells who loads an image."""

    rsdp: int
    """Physical address of ACPI's root pointer."""
    mode: int
    """The BIOS's number of the display's mode, which is of text."""
    columns: int
    rows: int
    cell_lines: int
    """Height of a character."""


@dataclass(frozen=True)
class Boot:
    """What an ELF or flat image of an architecture finds. Addresses are physical."""

    program: Callable[[int, int], Entry]
    """The state an ELF is entered in, at this address; the second number is where the device tree lies, 0 without."""
    flat: Callable[[int, int], Entry]
    """The same of a flat image, from its own address."""
    flat_offset: int
    """Where a flat image stands that nobody gave an address, in bytes from the start of RAM."""
    device_tree: bool = False
    """Images are handed one, and in it their command line and an initrd."""
    alignment: int = 1
    """Of instructions, in bytes."""
    thumb: bool = False
    """Bit 0 of an entry address says that the code there is T32, aligned to 2 bytes."""
