"""A bank of NOR flash that is programmed by commands: two 16-bit chips side by side on a bus of 32 bits.

Source: Common Flash Interface, JEDEC JESD68.01; Intel's basic command set (CFI command set 0001h) as the datasheet of
the 28F256J3 has it, sections "Command Operations" and "Status Register". Ids and geometry are those of QEMU's `virt`:
erase blocks of 256 KiB, buffers of 4 KiB, both chips together.

Both chips do the same: a command is the lowest byte of what is written, and status, ids and query data are read from
each. An operation takes no time, so the chips are ready whenever they are asked; its suspension and the locking of
blocks are accepted and mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from vmm.protocols import Memory

CHIPS = 2
LANE = 2
"""Bytes of the bus that a chip has."""
WIDTH = CHIPS * LANE
BLOCK = 0x40000
BUFFER = 0x1000

PROGRAM, PROGRAM_TOO = 0x40, 0x10
ERASE, BUFFERED, LOCK = 0x20, 0xE8, 0x60
READ_ARRAY, READ_STATUS, READ_ID, QUERY, CLEAR_STATUS = 0xFF, 0x70, 0x90, 0x98, 0x50
SUSPEND = 0xB0
CONFIRM = 0xD0
LOCK_BLOCK = 0x01

READY = 0x80
ERASE_FAILED, PROGRAM_FAILED = 0x20, 0x10
WRONG_SEQUENCE = ERASE_FAILED | PROGRAM_FAILED

ARRAY, STATUS, ID = "array", "status", "id"
"""With QUERY's table, what a bank is read as."""

IDS = {0: 0x89, 1: 0x18}
"""Manufacturer, Intel, and device; all else, such as the lock of a block, is 0."""


def query_table(size: int) -> dict[int, int]:
    """By word of a chip, what a bank of `size` bytes answers to the CFI query (JESD68.01, tables 3 to 6)."""
    blocks, of_chip = size // BLOCK, BLOCK // CHIPS
    fields = {
        0x10: b"QRY",
        0x13: (0x0001).to_bytes(2, "little"),  # the command set
        0x15: (0x0031).to_bytes(2, "little"),  # its extended table
        0x1B: bytes((0x45, 0x55)),  # volts of the supply: at least 4.5, at most 5.5
        0x1F: bytes((0x07, 0x07, 0x0A, 0x00)),  # log2 of usual times: word and buffer, us; block, ms; no chip erase
        0x23: bytes((0x04, 0x04, 0x04, 0x00)),  # log2 of how many times as long at most
        0x27: bytes(((size // CHIPS).bit_length() - 1,)),  # log2 of bytes
        0x28: (0x0002).to_bytes(2, "little"),  # 8 or 16 bits wide
        0x2A: ((BUFFER // CHIPS).bit_length() - 1).to_bytes(2, "little"),
        0x2C: bytes((1,)),  # regions of blocks
        0x2D: (blocks - 1).to_bytes(2, "little") + (of_chip // 256).to_bytes(2, "little"),
        0x31: b"PRI10",
        0x3F: bytes((1,)),  # protection registers
    }
    return {first + n: byte for first, data in fields.items() for n, byte in enumerate(data)}


class Pflash:
    """The bank of `size` bytes at `base`, whose contents are in `memory`.

    The bus reads them there, but while `answers` was last called with True: then it asks here. It is called so again
    where what is answered has changed, for the guest may execute it. Stores always come here.
    """

    def __init__(self, *, memory: Memory, base: int, size: int, answers: Callable[[bool], None]) -> None:
        self._memory, self._answers = memory, answers
        self.base, self.size = base, size
        self._query = query_table(size)
        self.mode = ARRAY
        self.status = READY
        self.reset()

    def reset(self) -> None:
        """As at power-on; the contents stay."""
        self.status = READY
        self._next: Callable[[int, int, int], None] = self._command
        self._words: list[tuple[int, int, int]] = []  # of a buffer: address, bytes, value
        self._expected = 0  # of them
        self._read_as(ARRAY)

    def mmio_read(self, address: int, size: int) -> int:
        if self.mode == ARRAY:
            return int.from_bytes(self._memory.read(address, size), "little")
        return sum(self._answer(address + n) << 8 * n for n in range(size))

    def mmio_write(self, address: int, size: int, value: int) -> None:
        before = self.mode, self.status
        for offset in range(0, size, WIDTH):  # the bus has no more lines
            part = min(size, WIDTH)
            self._next(address + offset, part, value >> 8 * offset & (1 << 8 * part) - 1)
        if ARRAY not in (self.mode, before[0]) and (self.mode, self.status) != before:
            self._answers(True)

    def _answer(self, address: int) -> int:
        """One byte of what both chips say."""
        word, high = (address - self.base) // WIDTH & 0xFF, address % LANE
        if high:
            return 0
        table = {STATUS: {word: self.status}, ID: IDS}.get(self.mode, self._query)
        return table.get(word, 0)

    def _read_as(self, mode: str) -> None:
        if (mode == ARRAY) != (self.mode == ARRAY):
            self._answers(mode != ARRAY)
        self.mode = mode

    # ---- commands, cycle by cycle: each is the method that the next store goes to ----

    def _command(self, address: int, size: int, value: int) -> None:
        command = value & 0xFF
        first = {
            PROGRAM: self._program, PROGRAM_TOO: self._program, ERASE: self._erase, BUFFERED: self._count,
            LOCK: self._lock,
        }.get(command)  # fmt: skip
        if command == CLEAR_STATUS:
            self.status = READY
        if first:
            self._next = first
        in_status = first or command in (READ_STATUS, SUSPEND, CONFIRM)
        self._read_as(STATUS if in_status else {READ_ID: ID, QUERY: "query"}.get(command, ARRAY))

    def _done(self, errors: int = 0) -> None:
        """An operation is over; status is read until another command."""
        self.status |= errors
        self._next = self._command
        self._words = []

    def _program(self, address: int, size: int, value: int) -> None:
        self._store(address, size, value)
        self._done()

    def _erase(self, address: int, size: int, value: int) -> None:
        if value & 0xFF != CONFIRM:
            self._done(WRONG_SEQUENCE)
            return
        offset = (address - self.base) // BLOCK * BLOCK
        self._memory.write(self.base + offset, b"\xff" * BLOCK)
        self._done()

    def _lock(self, address: int, size: int, value: int) -> None:
        self._done(0 if value & 0xFF in (CONFIRM, LOCK_BLOCK) else WRONG_SEQUENCE)

    def _count(self, address: int, size: int, value: int) -> None:
        """Words less one, the same for each chip."""
        self._expected = (value & 0xFFFF) + 1
        self._next = self._fill
        if self._expected > BUFFER:
            self._done(WRONG_SEQUENCE)

    def _fill(self, address: int, size: int, value: int) -> None:
        self._words.append((address, size, value))
        if len(self._words) == self._expected:
            self._next = self._confirm

    def _confirm(self, address: int, size: int, value: int) -> None:
        blocks = {(at - self.base) // BLOCK for at, _, _ in self._words}
        if value & 0xFF != CONFIRM or len(blocks) > 1:
            self._done(WRONG_SEQUENCE)
            return
        for word in self._words:
            self._store(*word)
        self._done()

    def _store(self, address: int, size: int, value: int) -> None:
        """Programming only clears bits."""
        kept = int.from_bytes(self._memory.read(address, size), "little")
        self._memory.write(address, (kept & value).to_bytes(size, "little"))
