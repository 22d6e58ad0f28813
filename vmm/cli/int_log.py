"""`-d int`: one line for every delivered interrupt or exception, in the columns that QEMU's users know.

v= vector, e= error code, i= 1 for a software interrupt, cpl= privilege it came from, IP= the address that the frame
returns to, SP= the stack pointer below the frame, CR2= of a page fault; latency= of what had to wait, in instructions.
"""

from __future__ import annotations

from typing import TextIO

from vmm.machine import NUMBERS
from vmm.trace import Event

PAGE_FAULT = 14


class IntLog:
    """An observer of trace events that writes to `file`."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._delivered = 0

    def __call__(self, event: Event) -> None:
        if event.kind == "delivered":
            print(f"{self._delivered:6}: {_frame(event)} {_cause(event)}", file=self._file)
            self._delivered += 1
        elif event.kind == "fault chain":
            print(f"        fault while delivering {event.number:#04x}: {event.value:#04x}", file=self._file)
        elif event.kind == "stop" and event.number == NUMBERS["shutdown"]:
            print("        triple fault: shutdown", file=self._file)


def _frame(event: Event) -> str:
    software = int(event.source == "software")
    return (
        f"v={event.number:02x} e={event.error or 0:04x} i={software} cpl={event.cpl} "
        f"IP={event.cs:04x}:{event.pc:016x} SP={event.ss:04x}:{event.sp:016x} insns={event.insns}"
    )


def _cause(event: Event) -> str:
    if event.source == "exception" and event.number == PAGE_FAULT:
        return f"CR2={event.value:016x} exception"
    if event.source in ("exception", "software"):
        return event.source
    return f"latency={event.value} {event.source}"
