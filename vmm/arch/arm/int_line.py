"""A delivery on ARM as a line of `-d int`.

cpu= vCPU, INTID= of an interrupt or EC= class and ESR= syndrome of an exception, from= the exception level and stack
pointer or the mode it came from, to= the exception level or mode it was taken to and the offset in its vector table,
ELR= (or LR=) where it returns to, SPSR= the state it returns to, FAR= of an abort, and in words what its fault was.
"""

from __future__ import annotations

from vmm.arch.arm import fault_status
from vmm.arch.arm.vcpu import mode_of
from vmm.arch.arm.words import CLASSES
from vmm.arch.words import ExceptionName, exception
from vmm.core.event import Event

ABORTS = (0x20, 0x21, 0x22, 0x24, 0x25, 0x34, 0x35)
"""Exception classes that leave an address in FAR (DDI0487 D13.2.40): aborts, PC alignment, watchpoints."""
MODES32 = {0x04: "und", 0x08: "svc", 0x0C: "abt", 0x10: "abt", 0x14: "hyp", 0x18: "irq", 0x1C: "fiq"}
"""The mode that a vector of AArch32 is taken to, by its offset (DDI0406 B1.8.1)."""


def aarch64(event: Event, exception_name: ExceptionName) -> str:
    where = f"from={mode_of(event.flags):4} to=el{event.target_el}+{event.vector_offset:03x} ELR={event.pc:016x}"
    return _line(event, exception_name, where, 16)


def aarch32(event: Event, exception_name: ExceptionName) -> str:
    to = MODES32.get(event.vector_offset, "?")
    where = f"from={mode_of(event.flags)} to={to}+{event.vector_offset:02x} LR={event.pc:08x}"
    return _line(event, exception_name, where, 8)


def _line(event: Event, exception_name: ExceptionName, where: str, digits: int) -> str:
    what, cause = f"INTID={event.number}", f"latency={event.value} {event.source}"
    if event.source in CLASSES:
        what, cause = f"EC={event.number:02x} ESR={event.error or 0:08x}", exception(event.number, exception_name)
        if event.number in ABORTS:
            cause = f"FAR={event.value:0{digits}x} {cause}{fault_status.told(event.number, event.error or 0)}"
    return f"cpu={event.vcpu} {what:18} {where} SPSR={event.flags:08x} insns={event.insns} {cause}"
