"""Reset control register, port CF9h. Source: Intel 82371AB (PIIX4) datasheet, "RC - Reset Control Register"."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from vmm.protocols import EndRun

PORT = 0xCF9
HARD = 0x02
RESET_CPU = 0x04


class ResetControl:
    """A write with bit 2 set calls `stop` with "reset" if bit 1 asks for a hard reset, else `init`."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((PORT, 1),)
    port_width = 1

    def __init__(self, *, init: Callable[[], None], stop: EndRun) -> None:
        self._init = init
        self._stop = stop
        self.reset()

    def reset(self) -> None:
        self.type = 0

    def port_read(self, port: int, size: int) -> int:
        """Bit 2 never reads as 1, so each write that sets it is an edge."""
        return self.type if port == PORT else 0xFF

    def port_write(self, port: int, size: int, value: int) -> None:
        if port != PORT:  # the rest of an access that is wider
            return
        self.type = value & HARD
        if not value & RESET_CPU:
            return
        if self.type:
            self._stop("reset")
        else:
            self._init()
