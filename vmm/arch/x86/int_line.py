"""A delivery on x86 as a line of `-d int`, in the columns that QEMU's users know.

v= vector, e= error code, i= 1 for a software interrupt, cpl= privilege it came from, IP= the address that the frame
returns to, SP= the stack pointer below the frame, CR2= of a page fault.
"""

from __future__ import annotations

from vmm.core.event import Event

PAGE_FAULT = 14


def line(event: Event) -> str:
    software = int(event.source == "software")
    return (
        f"v={event.number:02x} e={event.error or 0:04x} i={software} cpl={event.cpl} "
        f"IP={event.cs:04x}:{event.pc:016x} SP={event.ss:04x}:{event.sp:016x} insns={event.insns} {_cause(event)}"
    )


def _cause(event: Event) -> str:
    if event.source == "exception" and event.number == PAGE_FAULT:
        return f"CR2={event.value:016x} exception"
    if event.source in ("exception", "software"):
        return event.source
    return f"latency={event.value} {event.source}"
