"""A serial port whose registers are the core's: where its ends lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.bus import NativeLine
from vmm.core.clock import NativeTimer
from vmm.protocols import Line, Timer

if TYPE_CHECKING:
    from vmm._native import vmm_serial_wires


def connect(wires: vmm_serial_wires, *, irq: Line, timeout: Timer, console: bool) -> None:
    """To the interrupt's line, the timer of its receive timeout and, if it is the first of its machine, the console."""
    assert isinstance(irq, NativeLine) and isinstance(timeout, NativeTimer), "the core drives the core's"
    wires.line, wires.driver, wires.timer, wires.console = irq.number, irq.driver, timeout.slot, console
