"""A disk of 4 KiB blocks that reads and writes memory by itself, and interrupts when it has: what a pager swaps to.

It is of no manual: the least with which demand paging can be done, a command at a time. Registers are words of 32 bits:

00 BLOCK     number, below 65536
04 ADDRESS   physical, of the 4 KiB that the block is copied to or from
08 COMMAND   written 1: read the block into memory; 2: write memory to the block. Reads as what it is at; 0: nothing,
             and only then it takes another one
0C STATUS    bit 0: it has done it, which is the interrupt; bit 1: in vain. Written 1 they are cleared
10 SEEK      microseconds of a command (0: as 1)

Both copy at the end of that time. A block that was never written reads as zeros.
"""

from __future__ import annotations

from typing import ClassVar

from vmm.errors import VmmError
from vmm.protocols import Clock, Line, Memory

WORD = 0xFFFFFFFF
BLOCK, ADDRESS, COMMAND, STATUS, SEEK = range(0, 0x14, 4)
READ, WRITE = 1, 2
DONE, IN_VAIN = 1, 2
BYTES = 4096
BLOCKS = 65536
MOST = BLOCKS * BYTES
US = 1000
SIZE = 0x1000


class Disk:
    """The disk; `irq` is a level, high while STATUS has bit 0."""

    OUTSIDE: ClassVar = ("insert",)

    def __init__(self, *, clock: Clock, irq: Line, memory: Memory) -> None:
        self._irq, self._clock, self._memory = irq, clock, memory
        self._timer = clock.timer(self._over)
        self.blocks: dict[int, bytes] = {}
        self.reset()

    def reset(self) -> None:
        """What was written stays."""
        self.block = self.address = self.command = self.status = self.seek = 0
        self._at = 0, 0
        self._timer.cancel()
        self._drive()

    def insert(self, block: int, data: bytes) -> None:
        """What lies on the disk from a block on, the last filled up with zeros; VmmError where there is no room."""
        if not isinstance(data, bytes) or not isinstance(block, int) or not 0 <= block * BYTES <= MOST - len(data):
            raise VmmError(f"a disk has {BLOCKS} blocks of {BYTES} bytes")
        for at in range(0, len(data), BYTES):
            self.blocks[block + at // BYTES] = data[at : at + BYTES].ljust(BYTES, b"\0")

    @property
    def asserted(self) -> str:
        """What holds its line high; empty: nothing does."""
        return "STATUS bit 0" if self.status & DONE else ""

    @property
    def owed(self) -> tuple[tuple[str, int, int], ...]:
        """What it is about to write: by which name, physical address and bytes."""
        return (("the disk", self._at[1], BYTES),) if self.command == READ else ()

    def mmio_read(self, address: int, size: int) -> int:
        registers = (self.block, self.address, self.command, self.status, self.seek)
        offset = address % SIZE
        return registers[offset // 4] if offset < 4 * len(registers) and not offset % 4 else 0

    def mmio_write(self, address: int, size: int, value: int) -> None:
        offset, value = address % SIZE, value & WORD
        if offset == BLOCK:
            self.block = value
        elif offset == ADDRESS:
            self.address = value
        elif offset == COMMAND:
            self._begin(value)
        elif offset == STATUS:
            self.status &= ~value
        elif offset == SEEK:
            self.seek = value
        self._drive()

    def _begin(self, command: int) -> None:
        if self.command or command not in (READ, WRITE):
            return
        self.command, self._at = command, (self.block, self.address)
        self._timer.at(self._clock.now() + max(self.seek, 1) * US)

    def _over(self) -> None:
        command, self.command = self.command, 0
        self.status |= DONE if self._copied(command, *self._at) else DONE | IN_VAIN
        self._drive()

    def _copied(self, command: int, block: int, address: int) -> bool:
        """A guest may name any block and address."""
        if block >= BLOCKS:
            return False
        try:
            if command == READ:
                self._memory.write(address, self.blocks.get(block, bytes(BYTES)))
            else:
                self.blocks[block] = self._memory.read(address, BYTES)
        except VmmError:
            return False
        return True

    def _drive(self) -> None:
        self._irq.set(bool(self.status & DONE))
