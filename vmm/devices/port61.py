"""System control port B, port 61h: gate and output of timer counter 2, speaker, refresh toggle.

Source: Intel 82371SB (PIIX3) datasheet, "NSC - NMI Status and Control Register". Guests wait here for time to go by:
what changes by itself are waves of the core's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from vmm.core.wave_byte import WaveByte
from vmm.devices.i8254 import CLOCK as PIT_CLOCK
from vmm.devices.i8254 import I8254

if TYPE_CHECKING:
    from vmm._native import vmm_machine

GATE2 = 0x01
SPEAKER_ENABLE = 0x02
WRITABLE = 0x0F  # with bits 2 and 3, the enables of PCI SERR# and ISA IOCHK#, which nothing here raises
REFRESH_TOGGLE, OUT2 = 4, 5  # bits

REFRESH_PERIOD = 18
"""Timer pulses between two memory refreshes: 15.085 us, which software uses as a delay without programming anything."""

SPEAKER_COUNTER = 2


class Port61:
    """One byte at port 61h in front of an 8254."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0x61, 1),)
    port_width = 1

    def __init__(self, machine: vmm_machine, *, pit: I8254) -> None:
        self._pit = pit
        self.byte = WaveByte(machine)
        self._refresh = self.byte.wave(REFRESH_TOGGLE)
        pit.connect(SPEAKER_COUNTER, self.byte.wave(OUT2))
        self.reset()

    def reset(self) -> None:
        self._refresh.start(
            origin_ns=0, hz_num=PIT_CLOCK.num, hz_den=PIT_CLOCK.den, level=False,
            first_tick=REFRESH_PERIOD, high_ticks=REFRESH_PERIOD, low_ticks=REFRESH_PERIOD,
        )  # fmt: skip
        self.port_write(0x61, 1, 0)

    @property
    def speaker(self) -> bool:
        """The level at the loudspeaker now."""
        return bool(self.byte.fixed & SPEAKER_ENABLE) and self._pit.out(SPEAKER_COUNTER)

    def port_read(self, port: int, size: int) -> int:
        return self.byte.read()

    def port_write(self, port: int, size: int, value: int) -> None:
        self.byte.fixed = value & WRITABLE
        self._pit.set_gate(SPEAKER_COUNTER, bool(value & GATE2))
