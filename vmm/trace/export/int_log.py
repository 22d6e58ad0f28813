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


class IntLog(Exporter):
    """Deliveries are numbered from 0; faults on the way, guest errors and a shutdown are remarks below them."""

    STREAM: ClassVar[bool] = True

    def __init__(self, file: Output, machine: Traced) -> None:
        super().__init__(file, machine)
        self._architecture = named(machine.architecture)
        self._delivered = 0

    def __call__(self, event: Event) -> None:
        if event.kind == "delivered":
            line = self._architecture.int_line(event, self._machine.cpu.exception_name)
            self._file.write(f"{self._delivered:6}: {line}\n")
            self._delivered += 1
        elif event.kind == "fault chain":
            self._remark(f"fault while delivering {event.number:#04x}: {event.value:#04x}")
        elif event.kind == "guest error":
            self._remark(f"guest error: {guest_error(event, self._machine)} at {self._machine.where(event.pc)}")
        elif event.kind == "stop" and event.number == NUMBERS["shutdown"]:
            self._remark(self._architecture.words().shutdown)

    def _remark(self, text: str) -> None:
        self._file.write(f"        {text}\n")
