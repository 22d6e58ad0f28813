"""The debug console of Bochs and QEMU at port E9h. Source: Bochs user manual, `port_e9_hack`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

PRESENT = 0xE9
"""What a read gives, by which a guest knows the console is there."""


class Debugcon:
    """Each byte written goes to `output`."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0xE9, 1),)
    port_width = 1

    def __init__(self, *, output: Callable[[bytes], None]) -> None:
        self._output = output

    def reset(self) -> None:
        """Nothing to forget."""

    def port_read(self, port: int, size: int) -> int:
        return PRESENT

    def port_write(self, port: int, size: int, value: int) -> None:
        self._output(bytes([value]))
