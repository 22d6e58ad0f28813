"""A DMA engine of four channels, which copy memory to memory, a burst after the other, and share one interrupt.

It is of no manual: the least that finishes while nobody looks, as engines in every microcontroller do. Registers are
words of 32 bits; channel n has its own from 20h n on:

00 SOURCE   physical address
04 TARGET   physical address
08 BYTES    to copy, at most 64 KiB
0C PACE     microseconds of a burst, of 16 bytes or what is left (0: as 1)
10 START    written anything: it begins, with what the others have by now. Reads as 1 while it copies
14 LEFT     read only: bytes that are not copied; of a channel that ended at an error what it still had to copy

80 STATUS   bit n: channel n is done, which is the interrupt; written 1 it is cleared
84 ERRORS   bit n: it has come to where no memory is, and was done there; written 1 it is cleared
"""

from __future__ import annotations

from dataclasses import dataclass

from vmm.errors import VmmError
from vmm.protocols import Clock, Line, Memory

WORD = 0xFFFFFFFF
CHANNELS = 4
CHANNEL = 0x20
SOURCE, TARGET, BYTES, PACE, START, LEFT = range(0, 0x18, 4)
STATUS, ERRORS = 0x80, 0x84
BURST = 16
MOST_BYTES = 1 << 16
US = 1000
SIZE = 0x1000


@dataclass
class Channel:
    """Registers, and the transfer that is under way."""

    source: int = 0
    target: int = 0
    bytes: int = 0
    pace: int = 0
    first: int = 0
    to: int = 0
    """Where it goes on, as START found SOURCE and TARGET, and moved on since."""
    left: int = 0
    due_ns: int | None = None
    """Of its next burst's end; None: it does nothing."""

    def begin(self, now: int) -> None:
        self.first, self.to, self.left = self.source, self.target, self.bytes
        self.due_ns = now + self.length

    @property
    def length(self) -> int:
        return max(self.pace, 1) * US


class Dma:
    """The engine; `irq` is a level, high while STATUS has a bit."""

    def __init__(self, *, clock: Clock, irq: Line, memory: Memory) -> None:
        self._clock, self._irq, self._memory = clock, irq, memory
        self._timer = clock.timer(self._bursts)
        self.reset()

    def reset(self) -> None:
        self.channels = [Channel() for _ in range(CHANNELS)]
        self.status = self.errors = 0
        self._drive()

    @property
    def asserted(self) -> str:
        """What holds its line high; empty: nothing does."""
        bits = [str(n) for n in range(CHANNELS) if self.status >> n & 1]
        return f"STATUS bit {' and '.join(bits)}" if bits else ""

    @property
    def owed(self) -> tuple[tuple[str, int, int], ...]:
        """What it is about to write: of which channel, physical address and bytes."""
        busy = [(n, each) for n, each in enumerate(self.channels) if each.due_ns is not None]
        return tuple((f"DMA channel {n}", each.to, each.left) for n, each in busy)

    def mmio_read(self, address: int, size: int) -> int:
        offset = address % SIZE
        if offset in (STATUS, ERRORS):
            return self.status if offset == STATUS else self.errors
        number, register = divmod(offset, CHANNEL)
        if number >= CHANNELS or register % 4:
            return 0
        of = self.channels[number]
        registers = (of.source, of.target, of.bytes, of.pace, int(of.due_ns is not None), of.left)
        return registers[register // 4] if register // 4 < len(registers) else 0

    def mmio_write(self, address: int, size: int, value: int) -> None:
        offset, value = address % SIZE, value & WORD
        number, register = divmod(offset, CHANNEL)
        if offset == STATUS:
            self.status &= ~value
        elif offset == ERRORS:
            self.errors &= ~value
        elif number < CHANNELS:
            self._set(self.channels[number], register, value)
        self._drive()

    def _set(self, channel: Channel, register: int, value: int) -> None:
        if register == SOURCE:
            channel.source = value
        elif register == TARGET:
            channel.target = value
        elif register == BYTES:
            channel.bytes = min(value, MOST_BYTES)
        elif register == PACE:
            channel.pace = value
        elif register == START and channel.due_ns is None:
            channel.begin(self._clock.now())

    def _bursts(self) -> None:
        """All that are over by now, the earliest first."""
        now = self._clock.now()
        for number, channel in sorted(enumerate(self.channels), key=lambda each: each[1].due_ns or 0):
            if channel.due_ns is not None and channel.due_ns <= now:
                self._burst(number, channel)
        self._drive()

    def _burst(self, number: int, channel: Channel) -> None:
        assert channel.due_ns is not None
        size = min(BURST, channel.left)
        try:
            self._memory.write(channel.to, self._memory.read(channel.first, size))
        except VmmError:  # a guest may name any address
            self.errors |= 1 << number
            self._is_done(number, channel)
            return
        channel.first, channel.to, channel.left = channel.first + size, channel.to + size, channel.left - size
        channel.due_ns += channel.length
        if not channel.left:
            self._is_done(number, channel)

    def _is_done(self, number: int, channel: Channel) -> None:
        channel.due_ns = None
        self.status |= 1 << number

    def _drive(self) -> None:
        self._irq.set(bool(self.status))
        due = [channel.due_ns for channel in self.channels if channel.due_ns is not None]
        if due:
            self._timer.at(min(due))
        else:
            self._timer.cancel()
