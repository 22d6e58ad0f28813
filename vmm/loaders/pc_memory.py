"""Which addresses of a PC are RAM, as its firmware tells boot loaders (ACPI 6.5, 15.1 "INT 15H, E820H")."""

from __future__ import annotations

from vmm.arch.x86.record import EXTENDED_BIOS_DATA as LOWER_END
from vmm.loaders.image import MIB

USABLE, RESERVED = 1, 2
BELOW_1_MIB = (
    (0, LOWER_END, USABLE),
    (LOWER_END, 0xA0000, RESERVED),
    (0xF0000, MIB, RESERVED),
)
"""First byte, end, type: with the extended BIOS data area and the BIOS. RAM above 1 MiB follows."""


def memory_map(ram: int) -> list[tuple[int, int, int]]:
    """First byte, end and type of each range of a PC with `ram` bytes."""
    low = [(start, min(end, ram), kind) for start, end, kind in BELOW_1_MIB if start < ram]
    return [*low, (MIB, ram, USABLE)] if ram > MIB else low
