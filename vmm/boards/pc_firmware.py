"""The PC as firmware hands it over: controllers set up, vectors that end what they are given, and what follows a reset.

Images for PCs rely on it: the 8259A pair at vectors 08h and 70h, the 8254 ticking 18.2 times a second on IRQ 0, an
interrupt vector table whose every entry leads to an IRET, the BIOS data area of pc_bios_data.py, and the tables of
pc_tables.py. From the reset vector it goes
on as CMOS 0Fh says, the shutdown status: 05h and 0Ah jump through the pointer at 40h:67h, 05h after an end of interrupt
at both 8259As; anything else boots. The status is 0 from then on. Source: IBM PC/AT Technical Reference, "BIOS"; the
addresses of the stubs are the ones compatible firmware uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vmm.devices import boot_port
from vmm.protocols import Memory, PortDevice

SEGMENT = 0xF000
IRET_AT, MASTER_EOI_AT, SLAVE_EOI_AT = 0xFF53, 0xFEA5, 0xFEB0
POST_AT, RESET_AT = 0xE05B, 0xFFF0
POST = (
    "b00f",  # mov al,0fh: shutdown status
    "e670",  # out 70h,al
    "e471",  # in al,71h
    "88c4",  # mov ah,al
    "b00f",  # mov al,0fh
    "e670",  # out 70h,al
    "30c0",  # xor al,al
    "e671",  # out 71h,al
    "80fc05",  # cmp ah,5
    "740c",  # je eoi
    "80fc0a",  # cmp ah,0ah
    "740d",  # je resume
    "ba" + boot_port.PORT.to_bytes(2, "little").hex(),  # mov dx,boot port
    "ee",  # out dx,al
    "f4",  # halt: hlt
    "ebfd",  # jmp halt
    "b020",  # eoi: mov al,20h
    "e6a0",  # out 0a0h,al
    "e620",  # out 20h,al
    "b84000",  # resume: mov ax,40h
    "8ed8",  # mov ds,ax
    "ff2e6700",  # jmp far [67h]
)
STUBS = {
    IRET_AT: bytes.fromhex("cf"),  # iret
    MASTER_EOI_AT: bytes.fromhex("50 b020 e620 58 cf"),  # push ax; mov al,20h; out 20h,al; pop ax; iret
    SLAVE_EOI_AT: bytes.fromhex("50 b020 e6a0 e620 58 cf"),  # the same at A0h first
    POST_AT: bytes.fromhex("".join(POST)),
    RESET_AT: bytes.fromhex("ea 5be0 00f0"),  # jmp far f000h:e05bh
}
MASTER_VECTOR, SLAVE_VECTOR = 0x08, 0x70

PIC_SETUP = (
    (0, 0, 0x11), (0, 1, MASTER_VECTOR), (0, 1, 0x04), (0, 1, 0x01), (0, 1, 0xF8),  # timer, keyboard, cascade
    (1, 0, 0x11), (1, 1, SLAVE_VECTOR), (1, 1, 0x02), (1, 1, 0x01), (1, 1, 0xFF),
)  # fmt: skip
"""(chip, A0, value): ICW1-4 and the mask."""

PIT_SETUP = ((0x43, 0x34), (0x40, 0x00), (0x40, 0x00))
"""(port, value): counter 0, mode 2, 65536 ticks."""


def _stub(vector: int) -> int:
    if MASTER_VECTOR <= vector < MASTER_VECTOR + 8:
        return MASTER_EOI_AT
    if SLAVE_VECTOR <= vector < SLAVE_VECTOR + 8:
        return SLAVE_EOI_AT
    return IRET_AT


def hand_over(
    memory: Memory,
    pic_write: Callable[[int, int, int], None],
    pit: PortDevice | None,
    tables: Mapping[int, bytes],
) -> None:
    """Leave RAM and controllers as firmware does when it starts an image; `tables` by physical address."""
    for offset, code in STUBS.items():
        memory.write((SEGMENT << 4) + offset, code)
    table = b"".join(_stub(vector).to_bytes(2, "little") + SEGMENT.to_bytes(2, "little") for vector in range(256))
    memory.write(0, table)
    for address, blob in tables.items():
        memory.write(address, blob)
    for chip, a0, value in PIC_SETUP:
        pic_write(chip, a0, value)
    if pit is not None:
        for port, value in PIT_SETUP:
            pit.port_write(port, 1, value)
