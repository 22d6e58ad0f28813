"""A player of sound with two buffers: while one plays, the driver fills the other.

It is of no manual: the least that has a deadline, which AC '97 and HDA controllers have in descriptors of many buffers.
The registers are words of 32 bits:

00 CONTROL    bit 0: play. Set, the first period begins; it plays what BUFFER has, both halves filled
04 PERIOD     how long one half plays, in microseconds of virtual time (0: as 1)
08 STATUS     bit 0: a half has been played, which is the interrupt; written 1 it is cleared
0C FILLED     written anything: the half that does not play is filled. Reads as 1 if it is
10 BUFFER     physical address of the first half; the second lies behind it
14 BYTES      of a half, at most 64 KiB
18 PERIODS    read only: halves that were begun since CONTROL was last set
1C UNDERRUNS  read only: of them, those that were not filled in time; silence is played
"""

from __future__ import annotations

from vmm.errors import VmmError
from vmm.protocols import Clock, Line, Memory

WORD = 0xFFFFFFFF
CONTROL, PERIOD, STATUS, FILLED, BUFFER, BYTES, PERIODS, UNDERRUNS = range(0, 0x20, 4)
PLAY = 1
PLAYED = 1
MOST_BYTES = 1 << 16
US = 1000
SIZE = 0x1000


class Audio:
    """The player; `irq` is a level, high while STATUS has its bit."""

    def __init__(self, *, clock: Clock, irq: Line, memory: Memory) -> None:
        self._clock, self._irq, self._memory = clock, irq, memory
        self._timer = clock.timer(self._over)
        self.reset()

    def reset(self) -> None:
        self.control = self.period = self.status = self.filled = 0
        self.buffer = self.bytes = self.periods = self.underruns = 0
        self.began_ns = 0
        self.playing = b""
        """What is heard in this period; empty: silence."""
        self._drive()

    @property
    def asserted(self) -> str:
        """What holds its line high; empty: nothing does."""
        return "STATUS bit 0" if self.status & PLAYED else ""

    def mmio_read(self, address: int, size: int) -> int:
        registers = (
            self.control, self.period, self.status, self.filled, self.buffer, self.bytes, self.periods, self.underruns,
        )  # fmt: skip
        offset = address % SIZE
        return registers[offset // 4] if offset < 4 * len(registers) and not offset % 4 else 0

    def mmio_write(self, address: int, size: int, value: int) -> None:
        offset, value = address % SIZE, value & WORD
        if offset == CONTROL:
            self._control(value & PLAY)
        elif offset == PERIOD:
            self.period = value
        elif offset == STATUS:
            self.status &= ~value
        elif offset == FILLED:
            self.filled = 1
        elif offset == BUFFER:
            self.buffer = value
        elif offset == BYTES:
            self.bytes = min(value, MOST_BYTES)
        self._drive()

    def _control(self, play: int) -> None:
        began, self.control = play and not self.control, play
        if began:
            self.periods = self.underruns = 0
            self.filled = 1
            self._begin(self._clock.now())
        elif not play:
            self._timer.cancel()
            self.playing = b""

    def _over(self) -> None:
        """The next half begins when this one ends, to the nanosecond, however late the driver is."""
        self.status |= PLAYED
        self._begin(self.began_ns + self._length)
        self._drive()

    @property
    def _length(self) -> int:
        return max(self.period, 1) * US

    def _begin(self, ns: int) -> None:
        self.began_ns = ns
        half = self.buffer + self.periods % 2 * self.bytes
        self.underruns += not self.filled
        self.playing = self._heard(half) if self.filled else b""
        self.periods += 1
        self.filled = int(self.periods == 1)  # both halves are filled when it begins to play
        self._timer.at(ns + self._length)

    def _heard(self, address: int) -> bytes:
        try:
            return self._memory.read(address, self.bytes)
        except VmmError:  # a guest may name any address; nothing is there to be heard
            return b""

    def _drive(self) -> None:
        self._irq.set(bool(self.status & PLAYED))
