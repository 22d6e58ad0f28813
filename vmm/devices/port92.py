"""System control port A, port 92h: fast A20 gate and fast reset. Source: IBM PS/2 Model 50/60 Technical Reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from vmm.wiring import Stop

FAST_RESET = 0x01
A20 = 0x02


class Port92:
    """One latch; `a20` is called with the gate's level at every write, `stop` with "reset" when bit 0 rises."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0x92, 1),)
    port_width = 1

    def __init__(self, *, stop: Stop, a20: Callable[[bool], None]) -> None:
        self._stop = stop
        self._a20 = a20
        self.reset()

    def reset(self) -> None:
        """A20 open, as firmware leaves it."""
        self.latch = A20

    def port_read(self, port: int, size: int) -> int:
        return self.latch

    def port_write(self, port: int, size: int, value: int) -> None:
        rising = value & ~self.latch
        self.latch = value
        self._a20(bool(value & A20))
        if rising & FAST_RESET:
            self._stop("reset")
