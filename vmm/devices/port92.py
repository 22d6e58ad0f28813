"""System control port A, port 92h: fast A20 gate and fast INIT.

Source: IBM PS/2 Model 50/60 Technical Reference; Intel 82801AA (ICH) datasheet, "PORT92 - Fast A20 and Init Register".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

FAST_INIT = 0x01
A20 = 0x02


class Port92:
    """One latch, kept over INIT; `a20` is called with the gate's level at every write, `init` when bit 0 rises."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0x92, 1),)
    port_width = 1

    def __init__(self, *, init: Callable[[], None], a20: Callable[[bool], None]) -> None:
        self._init = init
        self._a20 = a20
        self.reset()

    def reset(self) -> None:
        """A20 open, as firmware leaves it."""
        self.latch = A20

    def initialised(self) -> None:
        """INIT was asserted, by whomever: the gate opens, for the reset vector has bit 20 set."""
        self.latch |= A20
        self._a20(True)

    def port_read(self, port: int, size: int) -> int:
        return self.latch

    def port_write(self, port: int, size: int, value: int) -> None:
        rising = value & ~self.latch
        self.latch = value
        self._a20(bool(value & A20))
        if rising & FAST_INIT:
            self._init()
