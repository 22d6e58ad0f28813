"""What firmware does last, as a port of our own: a write starts the image, as when the PC was switched on."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

PORT = 0x2020


class BootPort:
    """A byte, whatever it is, calls `boot`; reads as open bus."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((PORT, 1),)
    port_width = 1

    def __init__(self, *, boot: Callable[[], None]) -> None:
        self._boot = boot

    def reset(self) -> None:
        """Nothing to forget."""

    def port_read(self, port: int, size: int) -> int:
        return 0xFF

    def port_write(self, port: int, size: int, value: int) -> None:
        if port == PORT:
            self._boot()
