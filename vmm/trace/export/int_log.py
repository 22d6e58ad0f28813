"""`int`, also for `-d int`: a line for every delivered interrupt or exception, in the columns that QEMU's users know.

On x86: v= vector, e= error code, i= 1 for a software interrupt, cpl= privilege it came from, IP= the address that the
frame returns to, SP= the stack pointer below the frame, CR2= of a page fault.

On ARM: cpu= vCPU, INTID= of an interrupt or EC= class and ESR= syndrome of an exception, from= the exception level and
stack pointer or the mode it came from, to= the exception level or mode it was taken to and the offset in its vector
table, ELR= (or LR=) where it returns to, SPSR= the state it returns to, FAR= of an abort.

On both: insns= instructions begun before it; latency= of what had to wait, in instructions.
"""

from __future__ import annotations

from vmm.arch.arm.vcpu import mode_of
from vmm.core.stops import NUMBERS
from vmm.trace.events import Event
from vmm.trace.export.exporter import Exporter, Output, Traced
from vmm.trace.words import exception, guest_error, is_exception

PAGE_FAULT = 14
ABORTS = (0x20, 0x21, 0x22, 0x24, 0x25, 0x34, 0x35)
"""Exception classes that leave an address in FAR (DDI0487 D13.2.40): aborts, PC alignment, watchpoints."""
MODES32 = {0x04: "und", 0x08: "svc", 0x0C: "abt", 0x10: "abt", 0x14: "hyp", 0x18: "irq", 0x1C: "fiq"}
"""The mode that a vector of AArch32 is taken to, by its offset (DDI0406 B1.8.1)."""


class IntLog(Exporter):
    """Deliveries are numbered from 0; faults on the way, guest errors and a shutdown are remarks below them."""

    def __init__(self, file: Output, machine: Traced) -> None:
        super().__init__(file, machine)
        self._line = {"x86": _x86, "arm64": self._arm64, "arm": self._arm}[machine.architecture]
        self._delivered = 0

    def __call__(self, event: Event) -> None:
        if event.kind == "delivered":
            self._file.write(f"{self._delivered:6}: {self._line(event)}\n")
            self._delivered += 1
        elif event.kind == "fault chain":
            self._remark(f"fault while delivering {event.number:#04x}: {event.value:#04x}")
        elif event.kind == "guest error":
            self._remark(f"guest error: {guest_error(event)} at {self._machine.where(event.pc)}")
        elif event.kind == "stop" and event.number == NUMBERS["shutdown"]:
            self._remark("triple fault: shutdown" if self._machine.architecture == "x86" else "shutdown")

    def _remark(self, text: str) -> None:
        self._file.write(f"        {text}\n")

    def _arm64(self, event: Event) -> str:
        where = f"from={mode_of(event.flags):4} to=el{event.target_el}+{event.vector_offset:03x} ELR={event.pc:016x}"
        return self._of_arm(event, where, 16)

    def _arm(self, event: Event) -> str:
        to = MODES32.get(event.vector_offset, "?")
        where = f"from={mode_of(event.flags)} to={to}+{event.vector_offset:02x} LR={event.pc:08x}"
        return self._of_arm(event, where, 8)

    def _of_arm(self, event: Event, where: str, digits: int) -> str:
        what, cause = f"INTID={event.number}", _cause(event)
        if is_exception(event.source):
            what, cause = f"EC={event.number:02x} ESR={event.error or 0:08x}", exception(event.number, self._machine)
        if is_exception(event.source) and event.number in ABORTS:
            cause = f"FAR={event.value:0{digits}x} {cause}"
        return f"cpu={event.vcpu} {what:18} {where} SPSR={event.flags:08x} insns={event.insns} {cause}"


def _x86(event: Event) -> str:
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
