"""What a delivery pushes on an x86 stack, field by field (SDM vol. 3A 6.12, 6.14.2; of real mode 20.1.4)."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.arch.architecture import Field, Interrupted
from vmm.arch.x86.vcpu import CR0_PE, DESC_B, DESC_L, VM, X86, in_long_mode
from vmm.core.event import Event
from vmm.errors import VmmError

RF = 1 << 16
"""Which a fault pushes set (SDM vol. 3A 6.8.3), and an event does not tell."""
RPL, LDT = 3, 1 << 2
GATE32 = 1 << 3
"""Of a gate's type."""
TASK_GATE = 5
OUTER = ("SP", "SS")
DATA = ("ES", "DS", "FS", "GS")
PREFIX = {2: "", 4: "E", 8: "R"}
SELECTORS = frozenset({"CS", "SS", *DATA})


def interrupted(cpu: X86, event: Event) -> Interrupted:
    """In the width of the code that CS of the frame selects; of a machine that has left real mode since then, as if it
    had been there before.
    """
    real = event.flags & VM or not cpu["cr0"] & CR0_PE
    return Interrupted(event.linear, 16 if real else _bits(cpu, event.cs))


def entered(cpu: X86, event: Event) -> int:
    """The width of the code that the gate leads to now."""
    if not cpu["cr0"] & CR0_PE:
        return 16
    if in_long_mode(cpu):
        return 64
    selector = _read(cpu, cpu.segment("idtr").base + 8 * event.number + 2, 2)
    return cpu.bits if selector is None else _bits(cpu, selector)


def _bits(cpu: X86, selector: int) -> int:
    """Of a code segment."""
    table = cpu.segment("ldtr" if selector & LDT else "gdtr")
    high = _read(cpu, table.base + (selector & ~7) + 4, 4)
    if high is None:
        return cpu.bits
    if in_long_mode(cpu) and high & DESC_L:
        return 64
    return 32 if high & DESC_B else 16


def stack(cpu: X86) -> tuple[int, int]:
    """The linear address of its top, and the bytes of a slot as its code pushes them."""
    segment, bits = cpu.segment("ss"), cpu.bits
    pointer = cpu["rsp"]
    if bits == 64:
        return pointer, 8
    return segment.base + (pointer & (0xFFFF_FFFF if segment.attributes & DESC_B else 0xFFFF)), bits // 8


def frame(cpu: X86, event: Event) -> Iterator[Field]:
    """From the stack's top on; none of a task switch, which keeps nothing there."""
    width = _width(cpu, event)
    if width is None:
        return
    bottom = _base(cpu, event) + event.sp
    for n, (name, delivered) in enumerate(_slots(event, width)):
        at = bottom + n * width
        value = _read(cpu, at, width)
        if name == "FLAGS" and value is not None and delivered is not None:
            delivered |= value & RF
        wide = name if name in SELECTORS or name == "error code" else PREFIX[width] + name
        yield Field(wide, at, width, value, delivered, leads=name == "IP" and not event.base)


def _slots(event: Event, width: int) -> Iterator[tuple[str, int | None]]:
    """As they lie, the one pushed last first."""
    if event.error is not None:
        yield "error code", event.error
    ones = (1 << 8 * width) - 1
    yield "IP", event.pc & ones
    yield "CS", event.cs
    yield "FLAGS", event.flags & ones
    if width == 8 or event.cpl != event.ss & RPL or event.flags & VM:
        yield from ((name, None) for name in OUTER)
    if event.flags & VM:
        yield from ((name, None) for name in DATA)


def _width(cpu: X86, event: Event) -> int | None:
    """Of a slot: 8 in long mode, 2 in real mode, else as the gate says."""
    if not cpu["cr0"] & CR0_PE:
        return 2
    if in_long_mode(cpu):
        return 8
    high = _read(cpu, cpu.segment("idtr").base + 8 * event.number + 4, 4)
    type = (high or 0) >> 8 & 0x1F
    if high is None or type == TASK_GATE:
        return None
    return 4 if type & GATE32 else 2


def _base(cpu: X86, event: Event) -> int:
    """Of the stack segment the frame lies in."""
    if not cpu["cr0"] & CR0_PE:
        return event.ss << 4
    segment = cpu.segment("ss")
    return segment.base if segment.selector == event.ss else 0


def _read(cpu: X86, at: int, size: int) -> int | None:
    try:
        return int.from_bytes(cpu.read(at, size), "little")
    except VmmError:
        return None
