"""`int`, also for `-d int`: a line for every delivered interrupt or exception, in the columns that QEMU's users know.

The columns are the architecture's (vmm/arch/x86/int_line.py, vmm/arch/arm/int_line.py). On all of them: insns=
instructions begun before it; latency= of what had to wait, in instructions.
"""

from __future__ import annotations

from typing import ClassVar

from vmm.arch import named
from vmm.core.event import Event
from vmm.core.stops import NUMBERS
from vmm.trace.export.exporter import Exporter, Output, Traced
from vmm.trace.words import guest_error

TOLD = frozenset(("delivered", "fault chain", "guest error", "stop"))


class IntLog(Exporter[str]):
    """Deliveries are numbered from 0; faults on the way, guest errors and a shutdown are remarks below them."""

    SUFFIXES = (".int", ".log")
    STREAM: ClassVar[bool] = True

    def __init__(self, file: Output, machine: Traced) -> None:
        super().__init__(file, machine)
        self._architecture = named(machine.architecture)
        self._delivered = 0

    def told(self, events: list[Event]) -> str:
        return "".join([self._line(event) for event in events if event.kind in TOLD])

    def _line(self, event: Event) -> str:
        if event.kind == "delivered":
            line = self._architecture.int_line(event, self._machine.cpu.exception_name)
            self._delivered += 1
            return f"{self._delivered - 1:6}: {line}\n"
        if event.kind == "fault chain":
            return _remark(f"fault while delivering {event.number:#04x}: {event.value:#04x}")
        if event.kind == "guest error":
            return _remark(f"guest error: {guest_error(event, self._machine)} at {self._machine.where(event.pc)}")
        return _remark(self._architecture.words().shutdown) if event.number == NUMBERS["shutdown"] else ""


def _remark(text: str) -> str:
    return f"        {text}\n"
