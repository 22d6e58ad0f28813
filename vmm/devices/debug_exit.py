"""QEMU's isa-debug-exit: a write ends the run with a status. Source: QEMU hw/misc/debugexit.c, as its users rely on."""

from __future__ import annotations

from typing import ClassVar

from vmm.protocols import EndRun


class DebugExit:
    """A write of v, up to 32 bits, stops with "exit" and status v * 2 + 1, never 0; reads give 0."""

    PORTS: ClassVar[tuple[tuple[int, int], ...]] = ((0xF4, 4),)
    port_width = 4

    def __init__(self, *, stop: EndRun) -> None:
        self._stop = stop

    def reset(self) -> None:
        """Nothing to forget."""

    def port_read(self, port: int, size: int) -> int:
        return 0

    def port_write(self, port: int, size: int, value: int) -> None:
        self._stop("exit", (value << 1 | 1) & 0xFFFFFFFF)
