"""The GICv3 Interrupt Translation Service as a guest sees it: its register frames and its command queue.

Source: Arm IHI 0069, chapter 5 "Locality-specific Peripheral Interrupts and the ITS" and the GITS_* registers of
chapter 12.

Commands take no time: a queue is empty again when the write that filled it is done. A command that is wrong is skipped,
the queue goes on, and the error is told to `guest_error` alone (no SErrors: GITS_TYPER.SEIS is 0). The queue stalls
(GITS_CREADR.Stalled) only where there is no command to skip: in memory that is not there, or with GITS_CWRITER beyond
its end. GITS_CWRITER.Retry, or another GITS_CBASER, ends the stall.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from vmm.errors import VmmError
from vmm.intc.its_commands import (
    ENTRY_SIZE,
    EVENT_BITS,
    INT,
    PACKET,
    TABLE_BITS,
    VALID,
    Command,
    Fault,
    Redistributors,
    Translations,
    error_code,
)
from vmm.protocols import Memory

FRAMES_SIZE = 0x20000  # bytes: the control frame, then the translation frame

CTLR = 0x0000  # and IIDR in the upper half
TYPER = 0x0008
CBASER = 0x0080
CWRITER = 0x0088
CREADR = 0x0090
BASER0 = 0x0100
BASERS = 8
IDS = 0xFFD0
TRANSLATER = 0x10040

CTLR_ENABLED = 1 << 0
CTLR_QUIESCENT = 1 << 31

IIDR_ARM = 0x43B

TYPER_PHYSICAL = 1 << 0
TYPER_VALUE = TYPER_PHYSICAL | (ENTRY_SIZE - 1) << 4 | (EVENT_BITS - 1) << 8 | (TABLE_BITS - 1) << 13
"""PTA 0: targets are processor numbers. HCC 0 and CIL 0: collections live in memory only, with 16-bit numbers."""

CBASER_WRITABLE = 0xB8EF_FFFF_FFFF_FCFF
CBASER_ADDRESS = 0x000F_FFFF_FFFF_F000
CBASER_PAGES = 0xFF  # of 4 KiB, minus one
CBASER_PAGE_SIZE = 0x1000

QUEUE_OFFSET = 0xFFFE0  # GITS_CWRITER and GITS_CREADR
CWRITER_RETRY = 1 << 0
CREADR_STALLED = 1 << 0

PERIPHERAL_IDS = (0x44, 0, 0, 0, 0x94, 0xB4, 0x3B, 0, 0x0D, 0xF0, 0x05, 0xB1)
"""PIDR4-7, PIDR0-3, CIDR0-3: Arm, GICv3."""

CPU_DEVICE_ID = 0
"""A write to GITS_TRANSLATER by a vCPU carries no DeviceID of its own; it counts as this device's."""

NO_QUEUE = error_code(0, Fault.NOT_MEMORY)
"""What `guest_error` hears when a queue stalls; there is no command 0."""


class Its:
    """An ITS at any multiple of its size, for `cpus` processors.

    `guest_error` is called with the encoding of each command or translation that was refused (5.5 and `Fault`).
    `reserved` is called with the absolute address of an access to no register, or of a width or direction the register
    does not have; such a read gives 0, such a write changes nothing.
    """

    OUTSIDE: ClassVar = ("translate",)

    def __init__(
        self,
        *,
        memory: Memory,
        redistributors: Redistributors,
        cpus: int,
        guest_error: Callable[[int], None],
        reserved: Callable[[int], None],
    ) -> None:
        self._memory = memory
        self._guest_error = guest_error
        self._reserved = reserved
        self._translations = Translations(memory=memory, redistributors=redistributors, cpus=cpus)
        self._tables = (self._translations.devices, self._translations.collections)
        self.reset()

    def reset(self) -> None:
        """As out of reset: disabled, no queue, no tables; guest memory stays as it is."""
        self.enabled = False
        self.stalled = False
        self.cbaser = self.cwriter = self.creadr = 0
        for table in self._tables:
            table.configure(0)

    def translate(self, device_id: int, event_id: int) -> None:
        """A message from a device: its 32-bit EventID with the 32-bit DeviceID the bus adds. Ignored while disabled."""
        if self.enabled:
            self._execute(Command(INT | device_id << 32, event_id, 0, 0))

    def mmio_read(self, address: int, size: int) -> int:
        offset = address % FRAMES_SIZE
        value = self._read(offset & ~7)
        if value is None or not _is_register_access(offset, size):
            self._reserved(address)
            return 0
        return value >> 8 * (offset & 7) & (1 << 8 * size) - 1

    def mmio_write(self, address: int, size: int, value: int) -> None:
        offset = address % FRAMES_SIZE
        if offset == TRANSLATER and size in (2, 4):
            self.translate(CPU_DEVICE_ID, value)
            return
        old = self._read(offset & ~7)
        if old is None or not _is_register_access(offset, size):
            self._reserved(address)
            return
        shift = 8 * (offset & 7)
        mask = (1 << 8 * size) - 1 << shift
        self._write(offset & ~7, old & ~mask | value << shift & mask)

    # ---- registers, a doubleword at a time ----

    def _read(self, offset: int) -> int | None:
        """None where no register is."""
        if BASER0 <= offset < BASER0 + 8 * BASERS:
            number = (offset - BASER0) // 8
            return self._tables[number].baser if number < len(self._tables) else 0
        if IDS <= offset < FRAMES_SIZE // 2:
            number = (offset - IDS) // 4
            return PERIPHERAL_IDS[number] | PERIPHERAL_IDS[number + 1] << 32
        return {
            CTLR: (CTLR_ENABLED if self.enabled else CTLR_QUIESCENT) | IIDR_ARM << 32,
            TYPER: TYPER_VALUE,
            CBASER: self.cbaser,
            CWRITER: self.cwriter,
            CREADR: self.creadr | (CREADR_STALLED if self.stalled else 0),
        }.get(offset)

    def _write(self, offset: int, value: int) -> None:
        if offset == CTLR:
            self.enabled = bool(value & CTLR_ENABLED)
            self._run_queue()
        elif offset == CWRITER:
            self.cwriter = value & QUEUE_OFFSET
            self.stalled = self.stalled and not value & CWRITER_RETRY
            self._run_queue()
        # To move the queue or a table under a running ITS is UNPREDICTABLE: here it is ignored.
        elif not self.enabled:
            self._configure(offset, value)

    def _configure(self, offset: int, value: int) -> None:
        if offset == CBASER:
            self.cbaser = value & CBASER_WRITABLE
            self.creadr = 0
            self.stalled = False
        for number, table in enumerate(self._tables):
            if offset == BASER0 + 8 * number:
                table.configure(value)

    # ---- the command queue ----

    def _run_queue(self) -> None:
        """Carry out what the guest has queued: less than the queue's length, as both offsets are within it."""
        if not self.enabled or not self.cbaser & VALID or self.stalled:
            return
        size = CBASER_PAGE_SIZE * ((self.cbaser & CBASER_PAGES) + 1)
        if self.cwriter >= size:
            self._stall()
        while self.creadr != self.cwriter and not self.stalled:
            try:
                packet = self._memory.read((self.cbaser & CBASER_ADDRESS) + self.creadr, PACKET.size)
            except VmmError:
                self._stall()
                return
            self._execute(Command(*PACKET.unpack(packet)))
            self.creadr = (self.creadr + PACKET.size) % size

    def _stall(self) -> None:
        self.stalled = True
        self._guest_error(NO_QUEUE)

    def _execute(self, command: Command) -> None:
        error = self._translations.execute(command)
        if error is not None:
            self._guest_error(error)


def _is_register_access(offset: int, size: int) -> bool:
    """The registers of the control frame take aligned words and doublewords."""
    return size in (4, 8) and offset % size == 0
