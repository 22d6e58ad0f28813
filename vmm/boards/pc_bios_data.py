"""What a PC's firmware leaves for those who come after it: the BIOS data area, and in CMOS how much RAM there is.

Source: IBM Personal System/2 and Personal Computer BIOS Interface Technical Reference, "BIOS Data Area" and "Extended
BIOS Data Area"; IBM PC/AT Technical Reference, "CMOS RAM". The last two pairs of CMOS memory size are later firmware's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from vmm.arch.x86.record import EXTENDED_BIOS_DATA
from vmm.devices import crtc
from vmm.protocols import Memory

KIB, MIB = 1 << 10, 1 << 20
AREA, AREA_SIZE = 0x400, 0x100
BASE_KIB = 640
"""What there is below the display's memory, whoever uses it."""
MOST = 0xFFFF
"""In a CMOS pair of more than it can say."""

COPROCESSOR, COLOUR_80, SERIAL_PORTS_AT = 0x02, 0x20, 9  # of the equipment word
KEYS, KEYS_END = 0x1E, 0x3E  # of the keyboard's ring, from 40h:0
ENHANCED_KEYBOARD = 0x10
SERIAL_TIMEOUT = 10
CURSOR_SHAPE = 0x0607
"""First and last line of the cursor, as for a cell of 8 lines."""
MODE = 3

EQUIPMENT, SUM_OF, SUM_AT = 0x14, range(0x10, 0x2E), 0x2E
"""The sum of the bytes in `SUM_OF` is the one pair whose high byte comes first."""


def data_area(serial: Sequence[int]) -> bytes:
    """40h:0 to 40h:FFh of a PC with serial ports at these ports, no parallel port and no disk."""
    area = bytearray(AREA_SIZE)
    for offset, size, value in _fields(serial):
        area[offset : offset + size] = value.to_bytes(size, "little")
    return bytes(area)


def _fields(serial: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(offset, bytes, value) of what is not 0."""
    for n, port in enumerate(serial):
        yield 0x00 + 2 * n, 2, port
        yield 0x7C + n, 1, SERIAL_TIMEOUT
    yield 0x0E, 2, EXTENDED_BIOS_DATA >> 4
    yield 0x10, 2, COPROCESSOR | COLOUR_80 | len(serial) << SERIAL_PORTS_AT
    yield 0x13, 2, EXTENDED_BIOS_DATA // KIB
    for offset, value in ((0x1A, KEYS), (0x1C, KEYS), (0x80, KEYS), (0x82, KEYS_END)):
        yield offset, 2, value
    yield 0x96, 1, ENHANCED_KEYBOARD
    yield 0x49, 1, MODE
    yield 0x4A, 2, crtc.COLUMNS
    yield 0x4C, 2, 0x1000  # bytes of a page
    yield 0x60, 2, CURSOR_SHAPE
    yield 0x63, 2, crtc.PORT
    yield 0x84, 1, crtc.ROWS - 1
    yield 0x85, 2, crtc.CELL_LINES
    yield 0x87, 1, 0x60  # 256 KiB or more of display memory
    yield 0x88, 1, 0xF9  # switches: a colour display, no feature connector
    yield 0x89, 1, 0x51  # a VGA with 400 lines


def cmos(ram: int) -> Mapping[int, int]:
    """The bytes of a PC with so many bytes of RAM."""
    extended = min((ram - MIB) // KIB, MOST)
    above_16_mib = min(max(ram - 16 * MIB, 0) // (64 * KIB), MOST)
    pairs = {0x15: BASE_KIB, 0x17: extended, 0x30: extended, 0x34: above_16_mib}
    content = {EQUIPMENT: COPROCESSOR}
    for register, value in pairs.items():
        content |= {register: value & 0xFF, register + 1: value >> 8}
    total = sum(content.get(register, 0) for register in SUM_OF)
    return content | {SUM_AT: total >> 8, SUM_AT + 1: total & 0xFF}


def hand_over(memory: Memory, serial: Sequence[int]) -> None:
    """Write the data area and its extension, of which nothing but its size is used."""
    memory.write(AREA, data_area(serial))
    memory.write(EXTENDED_BIOS_DATA, bytes((1,)).ljust(KIB, b"\0"))  # its first byte: KiB
