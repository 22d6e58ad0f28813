"""A machine put straight into a mode, with the handler of every vector at a known address.

Tables lie where the constants below say, memory is identity-mapped, and the handler of vector v is `jmp .` at
`handler(v)`, so that one step after an event leaves RIP on the handler that was reached and its stack untouched.
The formats are those of the Intel SDM vol. 3A: descriptors 3.4.5, gates 6.11 and 6.14.1, TSS 7.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import vmm
from vmm.arch.x86.vcpu import Segment
from vmm.core.stops import Stop
from vmm.inputs.traps import DONE
from vmm.inputs.traps import Trap as TrapSeen
from vmm.machine.config import Config
from vmm.machine.machine import Machine
from vmm.trace import Event

# ---- where things lie; each stack has a page of its own, so that a test can take it away ----

GDT, IDT, TSS, OTHER_TSS = 0x1000, 0x2000, 0x3000, 0x3400
ROOT, DIRECTORIES, DIRECTORY, PAGES = 0x4000, 0x5000, 0x6000, 0x7000
CODE, HANDLERS = 0x8000, 0x9000
STACK, RING0_STACK, IST1_STACK, IST2_STACK, OTHER_STACK = 0xB000, 0xC000, 0xD000, 0xE000, 0xF000
"""Stacks are named by their tops."""
DATA, DATA2 = 0xF000, 0x10000
RAM = 0x200000

# ---- selectors ----

KERNEL_CODE, KERNEL_DATA, USER_CODE, USER_DATA, USER_CODE64, KERNEL_CODE64 = 0x08, 0x10, 0x1B, 0x23, 0x2B, 0x30
CODE16, DATA16, TSS_SELECTOR, OTHER_TSS_SELECTOR, SPARE, CONFORMING = (
    0x40, 0x48, 0x50, 0x60, 0x80, 0x90,
)  # fmt: skip
GDT_LIMIT = 0xFF

# ---- attributes: a descriptor's second doubleword without base and limit ----

A_CODE32, A_DATA32, A_CODE64, A_CODE16, A_DATA16 = 0xC09B00, 0xC09300, 0xA09B00, 0x009B00, 0x009300
A_RING3, A_NOT_PRESENT, A_CONFORMING = 3 << 13, -0x8000, 0x400
A_TSS32, A_TSS32_BUSY, A_TSS16, A_TSS16_BUSY = 0x8900, 0x8B00, 0x8100, 0x8300
WHOLE = 0xFFFFF

DESCRIPTORS: dict[int, tuple[int, int, int]] = {
    # selector: (base, limit field, attributes)
    KERNEL_CODE: (0, WHOLE, A_CODE32),
    KERNEL_DATA: (0, WHOLE, A_DATA32),
    USER_CODE: (0, WHOLE, A_CODE32 + A_RING3),
    USER_DATA: (0, WHOLE, A_DATA32 + A_RING3),
    USER_CODE64: (0, WHOLE, A_CODE64 + A_RING3),
    KERNEL_CODE64: (0, WHOLE, A_CODE64),
    CODE16: (0, 0xFFFF, A_CODE16),
    DATA16: (0, 0xFFFF, A_DATA16),
    TSS_SELECTOR: (TSS, 0x67, A_TSS32_BUSY),
    CONFORMING: (0, WHOLE, A_CODE32 + A_CONFORMING),
}

# ---- flags ----

CF, FIXED, TF, IF, DF, OF, IOPL3, NT, RF, VM, AC = (
    1, 2, 1 << 8, 1 << 9, 1 << 10, 1 << 11, 3 << 12, 1 << 14, 1 << 16, 1 << 17, 1 << 18,
)  # fmt: skip

# ---- exceptions ----

DE, DB, NMI, UD, NM, DOUBLE, TS, NP, SS, GP, PF, MF = 0, 1, 2, 6, 7, 8, 10, 11, 12, 13, 14, 16
EXT, IN_IDT = 1, 2
"""Bits of an error code (SDM vol. 3A 6.13)."""

# ---- gates ----

INTERRUPT, TRAP, INTERRUPT16, TRAP16, TASK = 14, 15, 6, 7, 5

# ---- instructions ----

NOP, STI, CLI, HLT, IRET, IRETQ, INT3, INTO, ICEBP, UD2, JMP_SELF = (
    bytes.fromhex(code) for code in ("90", "fb", "fa", "f4", "cf", "48cf", "cc", "ce", "f1", "0f0b", "ebfe")
)
POPF, POP_SS, MOV_SS_AX, CPUID, RDMSR, WRMSR, RDTSC = (
    bytes.fromhex(code) for code in ("9d", "17", "8ed0", "0fa2", "0f32", "0f30", "0f31")
)
DIV_BL, OUT_PROBE = bytes.fromhex("f6f3"), bytes.fromhex("e699")
PROBE_PORT = 0x99
REP_MOVSB, REP_STOSB = bytes.fromhex("f3a4"), bytes.fromhex("f3aa")


def INT(vector: int) -> bytes:
    """INT n, as opcode CD."""
    return bytes((0xCD, vector))


def handler(vector: int) -> int:
    """Where the handler of `vector` begins; it has 16 bytes."""
    return HANDLERS + 16 * vector


def le(value: int, size: int) -> bytes:
    return (value & (1 << 8 * size) - 1).to_bytes(size, "little")


class Frame(NamedTuple):
    """What a delivery pushed, by name; None where it pushed nothing."""

    ip: int
    cs: int
    flags: int
    error: int | None = None
    sp: int | None = None
    ss: int | None = None
    es: int | None = None
    ds: int | None = None
    fs: int | None = None
    gs: int | None = None


class Outcome(NamedTuple):
    """The vCPU after a run, as plain data: why it stopped, what was delivered, and where it stands."""

    reason: str
    vectors: tuple[int, ...]
    cs: int
    rip: int
    ss: int
    rsp: int
    flags: int
    cpl: int
    cr2: int


class X86Bench:
    """A machine in `mode`, about to execute `code` at CODE in `ring`.

    Modes: real, protected16, protected32, paged32, long64, compat32 (32-bit code under long mode), vm86. Of several
    vCPUs (`smp`) it is the first; the others wait to be started.
    """

    def __init__(
        self,
        mode: str,
        code: bytes,
        *,
        ring: int = 0,
        flags: int = 0,
        board: str = "",
        model: str = "default",
        smp: int = 1,
        seed: int = 0,
        gear: str = "fast",
        **registers: int,
    ) -> None:
        self.mode = mode
        self.long = mode in ("long64", "compat32")
        self.machine = Machine(
            Config(
                board=f"pc{board}" if "pit=" in board else f"pc,pit=off{board}",
                cpu=model,
                smp=smp,
                seed=seed,
                gear=gear,
                memory=RAM,
            )
        )
        self.cpu = self.machine.cpu
        self.memory = self.machine.memory
        self.memory.write(CODE, code + JMP_SELF)
        for vector in range(256):
            self.handler(vector, JMP_SELF)
        self._build_tables()
        self._enter(ring)
        self.cpu["rflags"] = flags | FIXED | (VM if mode == "vm86" else 0)
        for name, value in {"rip": CODE, "rsp": STACK, **registers}.items():
            self.cpu[name] = value

    # ---- tables ----

    def _build_tables(self) -> None:
        for selector, row in DESCRIPTORS.items():
            self.descriptor(selector, *row)
        for vector in range(256):
            self.gate(vector)
        if self.long:
            self.tss(4, RING0_STACK, 8)
            self.tss(36, IST1_STACK, 8)
            self.tss(44, IST2_STACK, 8)
        else:
            self.tss(4, RING0_STACK, 4)
            self.tss(8, KERNEL_DATA, 2)
        size = 8 if self.long else 4
        self.memory.write(PAGES, b"".join(le(page << 12 | 7, size) for page in range(RAM >> 12)))
        if self.long:
            self.memory.write(ROOT, le(DIRECTORIES | 7, 8))
            self.memory.write(DIRECTORIES, le(DIRECTORY | 7, 8))
            self.memory.write(DIRECTORY, le(PAGES | 7, 8))
        else:
            self.memory.write(ROOT, le(PAGES | 7, 4))

    def descriptor(self, selector: int, base: int, limit: int, attributes: int, table: int = GDT) -> None:
        """Put a descriptor where `selector` points; `limit` is the 20-bit field."""
        low = (limit & 0xFFFF) | (base & 0xFFFF) << 16
        high = (base >> 16 & 0xFF) | (base & 0xFF000000) | (limit & 0xF0000) | attributes
        self.memory.write(table + (selector & 0xFFF8), le(low, 4) + le(high, 4))

    def gate(
        self,
        vector: int,
        *,
        selector: int | None = None,
        offset: int | None = None,
        type: int = INTERRUPT,
        dpl: int = 0,
        present: bool = True,
        ist: int = 0,
    ) -> None:
        """Put a gate for `vector` into the IDT, or in real mode a far pointer into the IVT."""
        if selector is None:
            selector = 0 if self.mode == "real" else KERNEL_CODE64 if self.long else KERNEL_CODE
        if offset is None:
            offset = handler(vector)
        if self.mode == "real":
            self.memory.write(4 * vector, le(offset, 2) + le(selector, 2))
            return
        low = (offset & 0xFFFF) | selector << 16
        high = (offset & 0xFFFF0000) | present << 15 | dpl << 13 | type << 8 | ist
        upper = le(offset >> 32, 4) + le(0, 4) if self.long else b""
        self.memory.write(IDT + vector * (16 if self.long else 8), le(low, 4) + le(high, 4) + upper)

    def handler(self, vector: int, code: bytes) -> None:
        """Let the handler of `vector` be `code`, at most 16 bytes."""
        assert len(code) <= 16, "a handler has 16 bytes"
        self.memory.write(handler(vector), code)

    def tss(self, offset: int, value: int, size: int, base: int = TSS) -> None:
        """Write a field of a task-state segment."""
        self.memory.write(base + offset, le(value, size))

    def page(self, linear: int, flags: int) -> None:
        """The low bits of a page's table entry: 1 present, 2 writable, 4 user. Before the first step."""
        size = 8 if self.long else 4
        self.memory.write(PAGES + (linear >> 12) * size, le((linear & ~0xFFF) | flags if flags else 0, size))

    def alias(self, linear: int, physical: int) -> None:
        """A page is another's memory, writable in ring 0. Before the first step."""
        size = 8 if self.long else 4
        self.memory.write(PAGES + (linear >> 12) * size, le(physical | 3, size))

    # ---- the vCPU's state ----

    def _load(self, name: str, selector: int) -> None:
        key = next(known for known in DESCRIPTORS if known >> 3 == selector >> 3)
        base, limit, attributes = DESCRIPTORS[key]
        granular = attributes >> 23 & 1
        self.cpu.set_segment(
            name, Segment(selector, base, limit << 12 | 0xFFF if granular else limit, attributes | (limit & 0xF0000))
        )

    def _enter(self, ring: int) -> None:
        cpu = self.cpu
        if self.mode == "real":
            cpu.enter_real(0, CODE, {})
            return
        cpu.set_segment("gdtr", Segment(0, GDT, GDT_LIMIT, 0))
        cpu.set_segment("idtr", Segment(0, IDT, 0xFFF if self.long else 0x7FF, 0))
        cr0 = cpu["cr0"] | 1
        if self.mode in ("paged32", "long64", "compat32"):
            cpu["cr3"] = ROOT
            cr0 |= 1 << 31
        if self.long:
            cpu["cr4"] = 0x20
            cpu.set_msr(0xC0000080, 0x100)
        cpu["cr0"] = cr0
        self._load("tr", TSS_SELECTOR)
        if self.mode == "vm86":
            cpu["rflags"] = FIXED | VM
            for name in ("cs", "ss", "ds", "es", "fs", "gs"):
                self.paragraph(name, 0)
            return
        code, data = self._selectors(ring)
        self._load("cs", code)
        for name in ("ss", "ds", "es", "fs", "gs"):
            self._load(name, data)

    def _selectors(self, ring: int) -> tuple[int, int]:
        if self.mode == "protected16":
            return CODE16, DATA16
        if self.mode == "long64":
            return (USER_CODE64, USER_DATA) if ring == 3 else (KERNEL_CODE64, KERNEL_DATA)
        return (USER_CODE, USER_DATA) if ring == 3 else (KERNEL_CODE, KERNEL_DATA)

    def paragraph(self, name: str, selector: int) -> None:
        """Load a segment register in VM86 mode: base = selector * 16, limit FFFFh, DPL 3 (SDM vol. 3B 20.1.1)."""
        self.cpu.set_segment(name, Segment(selector, selector << 4, 0xFFFF, 0xF300))

    # ---- events ----

    def external(self, vector: int) -> None:
        """Request `vector` as a maskable interrupt, without a controller."""
        self.machine.inject(vector)

    def on_out(self, action: Callable[[], Any]) -> None:
        """Let `action` happen while the guest executes OUT_PROBE: what it raises meets the boundary after the OUT."""

        def probe(trap: TrapSeen) -> str:
            action()
            return DONE

        self.machine.trap(vmm.Port(PROBE_PORT))(probe)

    def initialise_pic(self) -> None:
        """IRQ 0-7 at vectors 20h-27h and 8-15 at 28h-2Fh, nothing masked."""
        for chip, base, wiring in ((0, 0x20, 4), (1, 0x28, 2)):
            for a0, value in ((0, 0x11), (1, base), (1, wiring), (1, 1), (1, 0)):
                self.machine.pic.write(chip, a0, value)

    # ---- running and looking ----

    def step(self, count: int = 1) -> Stop:
        """Let `count` more instructions begin; events at their boundaries are delivered on the way."""
        return self.machine.run(insns=count)

    def reach(self, vector: int) -> None:
        """Run until the handler of `vector` is about to begin."""
        stop = self.machine.run(until=handler(vector), insns=100)
        assert stop.reason == "breakpoint", f"vector {vector:#x} was not reached: {stop.detail}"

    @property
    def deliveries(self) -> list[Event]:
        return [event for event in self.machine.trace.last(4096) if event.kind == "delivered"]

    @property
    def vectors(self) -> list[int]:
        """Vectors delivered so far, in order."""
        return [event.number for event in self.deliveries]

    @property
    def rip(self) -> int:
        return self.cpu["rip"]

    @property
    def flags(self) -> int:
        return self.cpu["rflags"]

    @property
    def stack_width(self) -> int:
        """Bytes of one slot of an ordinary frame in this mode."""
        return 8 if self.long else 2 if self.mode == "real" else 4

    def stack(self, count: int, width: int | None = None) -> list[int]:
        """The topmost `count` slots of the present stack."""
        width = width or self.stack_width
        segment = self.cpu.segment("ss")
        wide = 0xFFFFFFFF if segment.attributes >> 22 & 1 else 0xFFFF
        linear = self.cpu["rsp"] if self.long else segment.base + (self.cpu["rsp"] & wide)
        raw = self.cpu.read(linear, count * width)
        return [int.from_bytes(raw[at : at + width], "little") for at in range(0, len(raw), width)]

    def frame(self, *, error: bool = False, outer: bool = False, vm86: bool = False, width: int | None = None) -> Frame:
        """The frame on the stack: with an error code, with the outer ring's stack, with VM86's data segments."""
        names = ["error"] * error + ["ip", "cs", "flags"]
        names += ["sp", "ss"] * (outer or vm86 or self.long) + ["es", "ds", "fs", "gs"] * vm86
        return Frame(**dict(zip(names, self.stack(len(names), width), strict=True)))

    def outcome(self) -> Outcome:
        """Everything a delivery may change, after the last run."""
        cpu = self.cpu
        return Outcome(
            reason=self.machine.stop.reason,
            vectors=tuple(self.vectors),
            cs=cpu["cs"],
            rip=cpu["rip"],
            ss=cpu["ss"],
            rsp=cpu["rsp"],
            flags=cpu["rflags"],
            cpl=cpu.cpl,
            cr2=cpu["cr2"],
        )


Defect = Callable[[X86Bench], None]
"""Makes one thing wrong with a bench."""
