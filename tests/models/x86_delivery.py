"""A second opinion on how an x86 enters an interrupt or exception handler, without paging.

Written from the pseudo-code "INT n/INTO/INT3/INT1: Call to Interrupt Procedure" (Intel SDM vol. 2A), with the checks in
its order, and from vol. 3A chapter 6 (exceptions, double faults) and 17.3.1.1 (RF). It shares nothing with the product.

Where the manual leaves room, the model decides:

1. A stack "has room" when each item to be pushed lies inside the segment by itself; a 16-bit stack pointer wraps.
2. In long mode a code segment that is not 64-bit code is looked at before its present bit, as vol. 3A 5.8.3.1 does for
   call gates; the pseudo-code of INT leaves that check out.
3. RF in the pushed flags is 1 for a fault and as it is for anything else; #DB counts as a trap.
4. The upper half of a 32-bit slot that holds a selector is zero.
5. A task register or LDTR that is not present has no byte within its limit.

Left out: task gates, virtual-mode extensions (CR4.VME), shadow stacks, the accessed bit of descriptors.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Mode = Literal["real", "protected", "long"]
Kind = Literal["external", "exception", "int n", "int3", "into"]

TF, IF, NT, RF, VM, AC = 1 << 8, 1 << 9, 1 << 14, 1 << 16, 1 << 17, 1 << 18
IOPL_SHIFT = 12

DE, DB, DF, TS, NP, SS, GP, PF = 0, 1, 8, 10, 11, 12, 13, 14
CONTRIBUTORY = {DE, TS, NP, SS, GP}
"""Vol. 3A table 6-4; of the others, page faults are a class of their own and the rest is benign."""
WITH_ERROR_CODE = {DF, TS, NP, SS, GP, PF, 17}
NOT_FAULTS = {DB, 2, 3, 4, DF, 18}
"""Traps, aborts and what can be either (vol. 3A table 6-1)."""

ACCESSED, WRITABLE_OR_READABLE, CONFORMING_OR_DOWN, CODE = 1 << 8, 1 << 9, 1 << 10, 1 << 11
NOT_SYSTEM, PRESENT, LONG, BIG, PAGES = 1 << 12, 1 << 15, 1 << 21, 1 << 22, 1 << 23
"""Bits of a descriptor's second doubleword."""


@dataclass
class Segment:
    """A segment register with its hidden part: limit in bytes, attributes as bits 8-23 of the second doubleword."""

    selector: int = 0
    base: int = 0
    limit: int = 0
    attributes: int = 0

    @property
    def dpl(self) -> int:
        return self.attributes >> 13 & 3

    @property
    def present(self) -> bool:
        return bool(self.attributes & PRESENT)

    @property
    def type(self) -> int:
        return self.attributes >> 8 & 15

    @property
    def is_code(self) -> bool:
        return bool(self.attributes & NOT_SYSTEM and self.attributes & CODE)

    @property
    def is_conforming(self) -> bool:
        return self.is_code and bool(self.attributes & CONFORMING_OR_DOWN)

    @property
    def is_writable_data(self) -> bool:
        return (
            bool(self.attributes & NOT_SYSTEM)
            and not self.attributes & CODE
            and bool(self.attributes & WRITABLE_OR_READABLE)
        )

    @property
    def is_big(self) -> bool:
        return bool(self.attributes & BIG)

    def holds(self, offset: int, size: int) -> bool:
        """Whether all of [offset, offset + size) may be accessed (vol. 3A 5.3)."""
        last = offset + size - 1
        if self.attributes & NOT_SYSTEM and not self.attributes & CODE and self.attributes & CONFORMING_OR_DOWN:
            return offset > self.limit and last <= (0xFFFFFFFF if self.is_big else 0xFFFF)
        return last <= self.limit


@dataclass
class Cpu:
    """What delivery reads and changes. `ip` is the instruction at whose boundary, or in which, the event happens."""

    mode: Mode
    cpl: int
    ip: int
    sp: int
    flags: int
    memory: bytearray = field(repr=False)
    segments: dict[str, Segment] = field(default_factory=dict)

    @property
    def virtual(self) -> bool:
        return self.mode == "protected" and bool(self.flags & VM)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How hypothesis shows it: without the memory."""
        printer.text(repr(self))

    def read(self, address: int, size: int) -> int:
        return int.from_bytes(self.memory[address : address + size], "little")


@dataclass(frozen=True)
class Event:
    """`length`: bytes of the instruction that caused it, when the return address is the one after it."""

    vector: int
    kind: Kind
    error: int | None = None
    length: int = 0

    @property
    def is_software(self) -> bool:
        return self.kind in ("int n", "int3", "into")

    @property
    def ext(self) -> int:
        return 0 if self.is_software else 1


class Fault(Exception):
    """Delivery raised an exception of its own; `error` is what the fault's error code would be."""

    def __init__(self, vector: int, error: int) -> None:
        super().__init__(f"exception {vector}({error:#x})")
        self.vector = vector
        self.error = error


@dataclass(frozen=True)
class Gate:
    selector: int
    offset: int
    width: int
    is_interrupt: bool
    dpl: int
    present: bool
    ist: int


def of_selector(selector: int, ext: int) -> int:
    """The error code that names a selector (vol. 3A 6.13)."""
    return selector & 0xFFFC | ext


def of_vector(vector: int, ext: int) -> int:
    """The error code that names a gate of the IDT (vol. 3A 6.13)."""
    return vector << 3 | 2 | ext


def canonical(address: int) -> bool:
    return address < 1 << 47 or address >= (1 << 64) - (1 << 47)


def deliver(before: Cpu, event: Event) -> Cpu:
    """The state at the handler's first instruction; Fault when delivery itself fails, with `before` untouched."""
    cpu = deepcopy(before)
    cpu.ip += event.length
    if cpu.mode == "real":
        return through_ivt(cpu, event)
    if is_refused(cpu, event):
        raise Fault(GP, 0)
    return through_gate(cpu, event, read_gate(cpu, event))


def is_refused(cpu: Cpu, event: Event) -> bool:
    """INT n is sensitive to IOPL in virtual-8086 mode: it faults before it is an interrupt at all."""
    return cpu.virtual and event.kind == "int n" and cpu.flags >> IOPL_SHIFT & 3 < 3


# ---- REAL-ADDRESS-MODE ----


def through_ivt(cpu: Cpu, event: Event) -> Cpu:
    idtr = cpu.segments["idtr"]
    if event.vector * 4 + 3 > idtr.limit:
        raise Fault(GP, 0)
    stack = Stack(cpu.segments["ss"], cpu.sp, width=2)
    stack.push(cpu.flags & 0xFFFF, cpu.segments["cs"].selector, cpu.ip & 0xFFFF)
    if not stack.has_room():
        raise Fault(SS, 0)
    stack.commit(cpu)
    entry = cpu.read(idtr.base + event.vector * 4, 4)
    cs = cpu.segments["cs"]
    cpu.segments["cs"] = replace(cs, selector=entry >> 16, base=entry >> 16 << 4)
    cpu.ip = entry & 0xFFFF
    cpu.flags &= ~(IF | TF | AC | RF)
    return cpu


# ---- PROTECTED-MODE and IA-32e-MODE: the gate ----


GATE_WIDTHS: dict[Mode, dict[int, int]] = {
    "protected": {0x6: 2, 0x7: 2, 0xE: 4, 0xF: 4},
    "long": {0xE: 8, 0xF: 8},
}
"""Bytes a slot by gate type; other types are no interrupt or trap gates in that mode (vol. 3A 3.5 table 3-2)."""


def read_gate(cpu: Cpu, event: Event) -> Gate:
    size = 16 if cpu.mode == "long" else 8
    idtr = cpu.segments["idtr"]
    if event.vector * size + size - 1 > idtr.limit:
        raise Fault(GP, of_vector(event.vector, event.ext))
    raw = cpu.read(idtr.base + event.vector * size, size)
    kind = raw >> 40 & 0x1F
    width = GATE_WIDTHS[cpu.mode].get(kind)
    if width is None:
        raise Fault(GP, of_vector(event.vector, event.ext))
    offset = raw & 0xFFFF
    if width > 2:
        offset |= raw >> 48 << 16 & 0xFFFF0000
    if width == 8:
        offset |= raw >> 64 << 32 & 0xFFFFFFFF_00000000
    gate = Gate(
        selector=raw >> 16 & 0xFFFF,
        offset=offset,
        width=width,
        is_interrupt=kind & 1 == 0,
        dpl=raw >> 45 & 3,
        present=bool(raw >> 47 & 1),
        ist=raw >> 32 & 7 if width == 8 else 0,
    )
    if event.is_software and gate.dpl < cpu.cpl:
        raise Fault(GP, of_vector(event.vector, 0))
    if not gate.present:
        raise Fault(NP, of_vector(event.vector, event.ext))
    return gate


def descriptor(cpu: Cpu, selector: int) -> Segment | None:
    """What `selector` names; None when its table does not reach that far."""
    table = cpu.segments["ldtr" if selector & 4 else "gdtr"]
    if selector & 4 and not table.present:
        return None
    at = selector & 0xFFF8
    if at + 7 > table.limit:
        return None
    raw = cpu.read(table.base + at, 8)
    limit = raw & 0xFFFF | raw >> 32 & 0xF0000
    attributes = raw >> 32 & 0xF0FF00
    if attributes & PAGES:
        limit = limit << 12 | 0xFFF
    return Segment(selector, raw >> 16 & 0xFFFFFF | raw >> 56 << 24, limit, attributes)


# ---- TRAP-OR-INTERRUPT-GATE ----


def through_gate(cpu: Cpu, event: Event, gate: Gate) -> Cpu:
    code = new_code_segment(cpu, event, gate)
    if code.is_conforming or code.dpl == cpu.cpl:
        if cpu.virtual:
            raise Fault(GP, of_selector(gate.selector, event.ext))
        return within_privilege(cpu, event, gate, code)
    if cpu.virtual and code.dpl != 0:
        raise Fault(GP, of_selector(gate.selector, event.ext))
    return to_inner_privilege(cpu, event, gate, code)


def new_code_segment(cpu: Cpu, event: Event, gate: Gate) -> Segment:
    if gate.selector & 0xFFFC == 0:
        raise Fault(GP, event.ext)
    error = of_selector(gate.selector, event.ext)
    code = descriptor(cpu, gate.selector)
    if code is None or not code.is_code or code.dpl > cpu.cpl:
        raise Fault(GP, error)
    if cpu.mode == "long" and (not code.attributes & LONG or code.is_big):
        raise Fault(GP, error)
    if not code.present:
        raise Fault(NP, error)
    return code


def within_privilege(cpu: Cpu, event: Event, gate: Gate, code: Segment) -> Cpu:
    """INTRA-PRIVILEGE-LEVEL-INTERRUPT."""
    old_ss, old_sp = cpu.segments["ss"], cpu.sp
    if cpu.mode == "long":
        sp = tss_pointer(cpu, event, ist_at(gate.ist), 8) if gate.ist else cpu.sp
        return enter_long(cpu, event, gate, code, sp, old_ss.selector, old_sp, change_ss=False)
    stack = Stack(old_ss, old_sp, gate.width)
    push_frame(stack, cpu, event)
    if not stack.has_room():
        raise Fault(SS, event.ext)
    check_ip(event, gate, code)
    stack.commit(cpu)
    return enter(cpu, gate, code, cpu.cpl)


def to_inner_privilege(cpu: Cpu, event: Event, gate: Gate, code: Segment) -> Cpu:
    """INTER-PRIVILEGE-LEVEL-INTERRUPT and INTERRUPT-FROM-VIRTUAL-8086-MODE."""
    if cpu.mode == "long":
        sp = tss_pointer(cpu, event, ist_at(gate.ist) if gate.ist else code.dpl * 8 + 4, 8)
        return enter_long(cpu, event, gate, code, sp, cpu.segments["ss"].selector, cpu.sp, change_ss=True)
    new_ss, new_sp = stack_from_tss(cpu, event, code.dpl)
    stack = Stack(new_ss, new_sp, gate.width)
    if cpu.virtual:
        stack.push(*(cpu.segments[name].selector for name in ("gs", "fs", "ds", "es")))
    stack.push(cpu.segments["ss"].selector, cpu.sp)
    push_frame(stack, cpu, event)
    if not stack.has_room():
        raise Fault(SS, of_selector(new_ss.selector, event.ext))
    check_ip(event, gate, code)
    if cpu.virtual:
        for name in ("gs", "fs", "ds", "es"):
            cpu.segments[name] = Segment()
    stack.commit(cpu)
    cpu.segments["ss"] = new_ss
    return enter(cpu, gate, code, code.dpl)


def ist_at(ist: int) -> int:
    return ist * 8 + 28


def tss_pointer(cpu: Cpu, event: Event, at: int, size: int, needed: int | None = None) -> int:
    """`size` bytes of the TSS at `at`; #TS when fewer than `needed` bytes lie there."""
    tr = cpu.segments["tr"]
    if not tr.present or at + (needed or size) - 1 > tr.limit:
        raise Fault(TS, of_selector(tr.selector, event.ext))
    return cpu.read(tr.base + at, size)


def stack_from_tss(cpu: Cpu, event: Event, dpl: int) -> tuple[Segment, int]:
    pointer = 4 if cpu.segments["tr"].type & 8 else 2
    at = dpl * 2 * pointer + pointer
    sp = tss_pointer(cpu, event, at, pointer, needed=pointer + 2)
    selector = tss_pointer(cpu, event, at + pointer, 2)
    if selector & 0xFFFC == 0:
        raise Fault(TS, event.ext)
    error = of_selector(selector, event.ext)
    stack = descriptor(cpu, selector)
    if stack is None or selector & 3 != dpl:
        raise Fault(TS, error)
    if stack.dpl != dpl or not stack.is_writable_data:
        raise Fault(TS, error)
    if not stack.present:
        raise Fault(SS, error)
    return stack, sp


def check_ip(event: Event, gate: Gate, code: Segment) -> None:
    if gate.offset > code.limit:
        raise Fault(GP, event.ext)


class Stack:
    """Items to be pushed, checked as a whole before any byte is written."""

    def __init__(self, segment: Segment, sp: int, width: int) -> None:
        self.segment = segment
        self.sp = sp
        self.width = width
        self.mask = 0xFFFFFFFF if segment.is_big else 0xFFFF
        self.items: list[tuple[int, int]] = []

    def push(self, *values: int) -> None:
        for value in values:
            offset = self.sp - self.width & self.mask
            self.sp = self.sp & ~self.mask | offset
            self.items.append((offset, value & (1 << 8 * self.width) - 1))

    def has_room(self) -> bool:
        return all(self.segment.holds(offset, self.width) for offset, _ in self.items)

    def commit(self, cpu: Cpu) -> None:
        for offset, value in self.items:
            at = self.segment.base + offset
            cpu.memory[at : at + self.width] = value.to_bytes(self.width, "little")
        cpu.sp = self.sp


def pushed_flags(cpu: Cpu, event: Event) -> int:
    if event.kind == "exception" and event.vector not in NOT_FAULTS:
        return cpu.flags | RF
    return cpu.flags


def push_frame(stack: Stack, cpu: Cpu, event: Event) -> None:
    stack.push(pushed_flags(cpu, event), cpu.segments["cs"].selector, cpu.ip)
    if event.error is not None:
        stack.push(event.error)


def enter(cpu: Cpu, gate: Gate, code: Segment, cpl: int) -> Cpu:
    cpu.cpl = cpl
    cpu.segments["cs"] = replace(code, selector=code.selector & 0xFFFC | cpl)
    cpu.ip = gate.offset
    cpu.flags &= ~(TF | NT | RF | VM | (IF if gate.is_interrupt else 0))
    return cpu


def enter_long(
    cpu: Cpu, event: Event, gate: Gate, code: Segment, sp: int, old_ss: int, old_sp: int, *, change_ss: bool
) -> Cpu:
    """The 64-bit frame: always SS:RSP, always on a 16-byte boundary, no segment limits (vol. 3A 6.14.2-6.14.4)."""
    if not canonical(sp):
        raise Fault(SS, event.ext)
    if not canonical(gate.offset):
        raise Fault(GP, event.ext)
    items = [old_ss, old_sp, pushed_flags(cpu, event), cpu.segments["cs"].selector, cpu.ip]
    if event.error is not None:
        items.append(event.error)
    sp &= ~0xF
    for value in items:
        sp -= 8
        cpu.memory[sp : sp + 8] = value.to_bytes(8, "little")
    cpu.sp = sp
    if change_ss:
        cpu.segments["ss"] = Segment(selector=code.dpl)
    return enter(cpu, gate, code, code.dpl if change_ss else cpu.cpl)


# ---- a fault while delivering ----


Class = Literal["benign", "contributory", "page fault", "double fault"]

COMBINED: dict[tuple[Class, Class], Literal["serially", "double fault", "shutdown"]] = {
    ("benign", "benign"): "serially",
    ("benign", "contributory"): "serially",
    ("benign", "page fault"): "serially",
    ("contributory", "benign"): "serially",
    ("contributory", "contributory"): "double fault",
    ("contributory", "page fault"): "serially",
    ("page fault", "benign"): "serially",
    ("page fault", "contributory"): "double fault",
    ("page fault", "page fault"): "double fault",
    ("double fault", "benign"): "serially",
    ("double fault", "contributory"): "shutdown",
    ("double fault", "page fault"): "shutdown",
}
"""Vol. 3A table 6-5, by the classes of the first event and of the second."""


def class_of(event: Event) -> Class:
    """Vol. 3A table 6-4: interrupts, external or by INT n, are benign whatever their vector."""
    if event.kind != "exception":
        return "benign"
    if event.vector == DF:
        return "double fault"
    if event.vector == PF:
        return "page fault"
    return "contributory" if event.vector in CONTRIBUTORY else "benign"


@dataclass
class Outcome:
    """What became of an event: the state at a handler, or None for shutdown, and every event tried on the way."""

    cpu: Cpu | None
    chain: list[Event]


def fault_event(cpu: Cpu, vector: int, error: int) -> Event:
    """A fault as an event of its own; real mode pushes no error codes."""
    has_error = vector in WITH_ERROR_CODE and cpu.mode != "real"
    return Event(vector, "exception", error if has_error else None)


def deliver_with_nesting(cpu: Cpu, event: Event) -> Outcome:
    chain = [fault_event(cpu, GP, 0) if is_refused(cpu, event) else event]
    while True:
        try:
            return Outcome(deliver(cpu, chain[-1]), chain)
        except Fault as fault:
            second = fault_event(cpu, fault.vector, fault.error)
        what = COMBINED[class_of(chain[-1]), class_of(second)]
        if what == "shutdown":
            return Outcome(None, [*chain, second])
        chain.append(second if what == "serially" else fault_event(cpu, DF, 0))
