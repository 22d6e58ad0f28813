"""System control port B, port 61h: gate and output of timer counter 2, speaker, refresh toggle.

Source: Intel 82371SB (PIIX3) datasheet, "NSC - NMI Status and Control Register".
"""

from __future__ import annotations

from typing import ClassVar

from vmm.devices.i8254 import CLOCK as PIT_CLOCK
from vmm.devices.i8254 import I8254
from vmm.protocols import Clock

GATE2 = 0x01
SPEAKER_ENABLE = 0x02
WRITABLE = 0x0F  # with bits 2 and 3, the enables of PCI SERR# and ISA IOCHK#, which nothing here raises
REFRESH_TOGGLE = 0x10
OUT2 = 0x20

REFRESH_PERIOD = 18
"""Timer pulses between two memory refreshes: 15.085 us, which software uses as a delay without programming anything."""

SPEAKER_COUNTER = 2


class Port61:
    """One byte at port 61h in front of an 8254."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0x61, 1),)
    port_width = 1

    def __init__(self, *, clock: Clock, pit: I8254) -> None:
        self._clock = clock
        self._pit = pit
        self.reset()

    def reset(self) -> None:
        self.control = 0
        self._pit.set_gate(SPEAKER_COUNTER, False)

    @property
    def speaker(self) -> bool:
        """The level at the loudspeaker now."""
        return bool(self.control & SPEAKER_ENABLE) and self._pit.out(SPEAKER_COUNTER)

    def port_read(self, port: int, size: int) -> int:
        refreshes = PIT_CLOCK.ticks(self._clock.now()) // REFRESH_PERIOD
        refresh = REFRESH_TOGGLE if refreshes & 1 else 0
        return self.control | refresh | (OUT2 if self._pit.out(SPEAKER_COUNTER) else 0)

    def port_write(self, port: int, size: int, value: int) -> None:
        self.control = value & WRITABLE
        self._pit.set_gate(SPEAKER_COUNTER, bool(value & GATE2))
