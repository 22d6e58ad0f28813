"""Local APICs and IOAPIC of a machine without a board: registers written and read back, and code to run.

vCPU 0 spins with interrupts disabled until `code` says otherwise, so INTA is the test's to give; 10 ns an instruction.
In real mode FS reaches the local APIC's page and GS the IOAPIC's, which ordinary segments cannot.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from vmm.arch.x86.vcpu import X86, Segment
from vmm.core.native import check, ffi, lib, open_unicorn
from vmm.intc.ioapic import IoApic, Redirection
from vmm.intc.lapic import LocalApic

ID, VERSION, TPR, APR, PPR, EOI, LDR, DFR, SVR = 0x20, 0x30, 0x80, 0x90, 0xA0, 0xB0, 0xD0, 0xE0, 0xF0
ESR, LVT_CMCI, ICR, ICR_HIGH = 0x280, 0x2F0, 0x300, 0x310
LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR = range(0x320, 0x380, 0x10)
TIMER_INITIAL, TIMER_CURRENT, TIMER_DIVIDE, SELF_IPI = 0x380, 0x390, 0x3E0, 0x3F0
APIC_BASE, TSC, TSC_DEADLINE, X2APIC = 0x1B, 0x10, 0x6E0, 0x800

FIXED, LOWEST, SMI, NMI, INIT, STARTUP, EXTINT = 0 << 8, 1 << 8, 2 << 8, 4 << 8, 5 << 8, 6 << 8, 7 << 8
LOGICAL, ASSERT, ACTIVE_LOW, REMOTE_IRR, LEVEL, MASKED = 1 << 11, 1 << 14, 1 << 13, 1 << 14, 1 << 15, 1 << 16
SELF, ALL, OTHERS = 1 << 18, 2 << 18, 3 << 18
PERIODIC, DEADLINE = 1 << 17, 2 << 17
DIVIDE_BY_1, DIVIDE_BY_16 = 0xB, 0x3
BASE_ENABLE, BASE_X2APIC = 1 << 11, 1 << 10
CPUID_X2APIC, CPUID_DEADLINE = 1 << 21, 1 << 24
PAGE, IOAPIC_PAGE = 0xFEE00000, 0xFEC00000
CODE, HANDLERS, STACK, JMP_SELF, IRET = 0x1000, 0x2000, 0x8000, b"\xeb\xfe", b"\xcf"
TRACE_KINDS = {
    lib.VMM_EV_DELIVERED: "delivered", lib.VMM_EV_ACKNOWLEDGED: "acknowledged", lib.VMM_EV_SPURIOUS: "spurious",
    lib.VMM_EV_ENDED: "ended", lib.VMM_EV_PENDING: "pending",
}  # fmt: skip


class State(NamedTuple):
    """A local APIC's requests."""

    irr: frozenset[int]
    isr: frozenset[int]
    tmr: frozenset[int]


class Apic:
    """The local APIC of one vCPU."""

    def __init__(self, machine: Any, index: int) -> None:
        self.machine = machine
        self.vcpu = machine.vcpus[index]
        self.cpu = X86(self.vcpu)
        self.view = LocalApic(self.vcpu)
        self.raw = lib.vmm_lapic_of(self.vcpu)

    def read(self, offset: int) -> int:
        return int(lib.vmm_lapic_read(self.vcpu, offset))

    def write(self, offset: int, value: int) -> None:
        lib.vmm_lapic_write(self.vcpu, offset, value)

    def rdmsr(self, index: int) -> int | None:
        """None: #GP."""
        value = ffi.new("uint64_t *")
        return None if lib.vmm_x86_msr_read(self.vcpu, index, value) else int(value[0])

    def wrmsr(self, index: int, value: int) -> bool:
        """False: #GP."""
        return not lib.vmm_x86_msr_write(self.vcpu, index, value)

    def signals(self) -> bool:
        """Its own request for an interrupt is up."""
        return bool(lib.vmm_lapic_signals(self.vcpu))

    def intr(self) -> bool:
        """The vCPU's INTR, whoever drives it."""
        return bool(self.vcpu.pending & lib.VMM_PEND_INTR)

    def nmi(self) -> bool:
        return bool(self.vcpu.pending & lib.VMM_PEND_NMI)

    def forget_nmi(self) -> None:
        self.vcpu.pending &= ~lib.VMM_PEND_NMI

    def inta(self) -> int:
        return int(lib.vmm_lapic_acknowledge(self.vcpu))

    def eoi(self) -> None:
        self.write(EOI, 0)

    def lint(self, pin: int, level: bool) -> None:
        self.view.lint(pin, level)

    def enable(self) -> None:
        self.write(SVR, 0x1FF)

    def ipi(self, low: int, to: int = 0) -> None:
        self.write(ICR_HIGH, to << 24)
        self.write(ICR, low | ASSERT)

    def serve(self) -> list[int]:
        """INTA and EOI until nothing waits: the vectors in their order."""
        served: list[int] = []
        while self.signals():
            assert len(served) < 100, "a level that comes back for ever"
            served.append(self.inta())
            self.eoi()
        return served

    def enter_x2apic(self) -> None:
        assert self.wrmsr(APIC_BASE, self.raw.base | BASE_X2APIC)

    @property
    def state(self) -> State:
        return State(self.view.irr, self.view.isr, self.view.tmr)


def vectors(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


class ApicBench:
    """A machine of `cpus` vCPUs with enabled local APICs, an IOAPIC and RAM."""

    def __init__(self, cpus: int = 1, *, announced: int = CPUID_X2APIC | CPUID_DEADLINE) -> None:
        open_unicorn()
        self.machine = machine = ffi.gc(lib.vmm_new(), lib.vmm_free)
        machine.cpus = cpus
        check(machine, lib.vmm_map_ram(machine, 0, 0x20000))
        for _ in range(cpus):
            check(machine, lib.vmm_add_x86(machine, 0))
        check(machine, lib.vmm_add_mmio(machine, IOAPIC_PAGE, 0x1000, lib.vmm_range_owner(machine, b"ioapic"), 0))
        self.apics = [Apic(machine, index) for index in range(cpus)]
        for apic in self.apics:
            x86 = lib.vmm_x86_of(apic.vcpu)
            x86.cpuid[0] = (1, 0, 1, 0, 0, announced, 1 << 9)
            x86.cpuid[1] = (0xB, 0, 1, 0, 0, 0, 0)
            x86.cpuid_count = 2
            apic.enable()
        self.ram = ffi.buffer(machine.ram, machine.ram_size)
        self.view = IoApic(machine)
        for vector in range(256):
            self.ram[4 * vector : 4 * vector + 4] = (HANDLERS + 16 * vector).to_bytes(4, "little")
            self.handler(vector, IRET)
        self.code(b"")

    @property
    def apic(self) -> Apic:
        """The first vCPU's."""
        return self.apics[0]

    # ---- the IOAPIC ----

    def select(self, register: int) -> None:
        lib.vmm_ioapic_write(self.machine, 0x00, register)

    def io_read(self, register: int) -> int:
        self.select(register)
        return int(lib.vmm_ioapic_read(self.machine, 0x10))

    def io_write(self, register: int, value: int) -> None:
        self.select(register)
        lib.vmm_ioapic_write(self.machine, 0x10, value)

    def redirect(self, pin: int, low: int, to: int = 0) -> None:
        self.io_write(0x11 + 2 * pin, to << 24)
        self.io_write(0x10 + 2 * pin, low)

    def line(self, pin: int, level: bool) -> None:
        lib.vmm_ioapic_set_line(self.machine, pin, level)

    def pulse(self, pin: int) -> None:
        self.line(pin, True)
        self.line(pin, False)

    def pin(self, pin: int) -> Redirection:
        return self.view.pin(pin)

    def remote_irr(self, pin: int) -> bool:
        return self.pin(pin).remote_irr

    def io_eoi(self, vector: int) -> None:
        lib.vmm_ioapic_write(self.machine, 0x40, vector)

    def msi(self, data: int, to: int = 0, *, logical: bool = False, redirect: bool = False) -> None:
        self.view.message(0xFEE00000 | to << 12 | redirect << 3 | logical << 2, data)

    # ---- code ----

    def handler(self, vector: int, code: bytes) -> None:
        assert len(code) <= 16
        self.ram[HANDLERS + 16 * vector : HANDLERS + 16 * vector + len(code)] = code

    def code(self, code: bytes, *, interrupts: bool = False) -> None:
        """Let vCPU 0 stand in real mode at `code`, which ends spinning."""
        self.ram[CODE : CODE + len(code) + 2] = code + JMP_SELF
        self.apic.vcpu.flush_code = 1
        cpu = self.apic.cpu
        cpu.enter_real(0, CODE, {})
        for name, base in (("fs", PAGE), ("gs", IOAPIC_PAGE)):
            cpu.set_segment(name, Segment(0, base, 0xFFFF, 0x9300))
        cpu["rsp"] = STACK
        cpu["rflags"] = 0x202 if interrupts else 2

    def run(self, insns: int) -> int:
        """Run that many more instructions; the stop's reason."""
        lib.vmm_run(self.machine, insns)
        return int(self.machine.stop.reason)

    def pass_ns(self, ns: int) -> None:
        """Let virtual time pass while vCPU 0 spins."""
        assert ns % 10 == 0
        assert self.run(ns // 10) == lib.VMM_STOP_SLICE

    def events(self, kind: str) -> list[tuple[int, int]]:
        """(vCPU, number) of the events of that kind."""
        trace = self.machine.trace
        first = max(0, trace.emitted - trace.capacity)
        ring = (trace.ring[n % trace.capacity] for n in range(first, trace.emitted))
        return [(event.vcpu, event.number) for event in ring if TRACE_KINDS.get(event.kind) == kind]

    def delivered(self) -> list[int]:
        """Vectors that vCPU 0 was given."""
        return [number for vcpu, number in self.events("delivered") if vcpu == 0]
