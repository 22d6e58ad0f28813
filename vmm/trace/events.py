"""Events as objects, and the words they are shown in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vmm.core.native import lib

if TYPE_CHECKING:
    from vmm._native import vmm_event

KINDS = {
    lib.VMM_EV_LINE: "line",
    lib.VMM_EV_PENDING: "pending",
    lib.VMM_EV_DELIVERED: "delivered",
    lib.VMM_EV_ACKNOWLEDGED: "acknowledged",
    lib.VMM_EV_ENDED: "ended",
    lib.VMM_EV_SPURIOUS: "spurious",
    lib.VMM_EV_MASKED: "masked",
    lib.VMM_EV_FAULT_CHAIN: "fault chain",
    lib.VMM_EV_TASK: "task switch",
    lib.VMM_EV_TRAPPED: "trapped",
    lib.VMM_EV_STOP: "stop",
    lib.VMM_EV_GUEST_ERROR: "guest error",
    lib.VMM_EV_RETURNED: "returned",
    lib.VMM_EV_CPU_MASK: "cpu mask",
    lib.VMM_EV_SHADOW: "shadow",
    lib.VMM_EV_STIMULUS: "stimulus",
}
NUMBERS = {name: number for number, name in KINDS.items()}
WITH_SOURCE = (lib.VMM_EV_DELIVERED, lib.VMM_EV_RETURNED)
SOURCES = {
    lib.VMM_SRC_NMI: "NMI",
    lib.VMM_SRC_EXCEPTION: "exception",
    lib.VMM_SRC_SOFTWARE: "software",
    lib.VMM_SRC_APIC: "local APIC",
    lib.VMM_SRC_SCRIPT: "script",
    lib.VMM_SRC_SGI: "SGI",
    lib.VMM_SRC_PPI: "PPI",
    lib.VMM_SRC_LPI: "LPI",
    lib.VMM_SRC_SERROR: "SError",
    lib.VMM_SRC_APIC_SPURIOUS: "spurious, local APIC",
    lib.VMM_SRC_STIMULUS: "stimulus",
}


def source_name(source: int, pin: int, gic: int) -> str:
    """Where a delivery came from: "IRQ 4", "SPI 5", "NMI", "exception"…; `gic` is the version of the machine's GIC, 0
    without one. A GICv3 does not tell which vCPU sent an SGI.
    """
    if source == lib.VMM_SRC_LINE:
        return f"{'SPI' if gic else 'IRQ'} {pin}"
    if source == lib.VMM_SRC_SPURIOUS:
        return "spurious" if gic else f"spurious IR{pin}"
    if source == lib.VMM_SRC_SGI and gic == 2:
        return f"SGI from vCPU {pin}"
    return SOURCES.get(source, f"source {source}")


class Event(NamedTuple):
    """One event; `insns` counts instructions begun before it, on all vCPUs. `number` and `value` are by `kind`:

    line          the line; its level now. `source` is "stimulus" where one drove it, else ""
    pending       8259A: pin; 0. Local APIC: vector; 1. GIC: INTID; the vCPU, 0 for SPIs
    acknowledged  8259A: vector; pin. Local APIC: vector; 1. GIC: INTID; the vCPU that sent the SGI
    delivered     vector; latency in instructions, of a page fault CR2. ARM: INTID; latency; of an exception its class;
                  FAR. `source` is where it came from, `error` the error code or ESR
    ended         8259A: pin; 0. Local APIC: vector; 1. GIC: INTID; bit 0 priority dropped, bit 1 deactivated
    returned      as of the delivery, `source`, too; instructions since then. `pc`, `sp`, `flags`: as they are now
    spurious      8259A: vector; pin. Local APIC: vector; 1. GIC: INTID 1022 or 1023; the vCPU
    masked        8259A: 0 master, 1 slave; the new mask. GIC: INTID; 1 disabled, 0 enabled
    cpu mask      x86: 1 where IF is 0; ARM: DAIF, bit 3 D to bit 0 F. The same before
    shadow        1 STI, 2 MOV SS; 0
    fault chain   the vector that could not be delivered; the vector that comes instead
    task switch   the selector of the new TSS; 0
    trapped       what is trapped (enum vmm_trap_kind); its number
    guest error   what was wrong (enum vmm_guest_error); what it is about: INTID, address, what was written
    stimulus      its serial; 1 requested, 0 spontaneous
    stop          the reason (enum vmm_stop_reason); its code
    """

    kind: str
    vcpu: int
    insns: int
    number: int
    value: int
    source: str
    pc: int
    """Of a delivery, where its frame returns to: RIP; ARM: ELR or LR. Else of the instruction that began last."""
    cs: int
    """x86: in a delivery's frame."""
    ss: int
    """x86: of the handler."""
    sp: int
    """Of a delivery: below its frame."""
    flags: int
    """Of a delivery: RFLAGS in its frame; ARM: the SPSR."""
    cpl: int
    """x86: the privilege level that a delivery came from."""
    error: int | None
    target_el: int
    """ARM: the exception level that a delivery was taken to, 1-3; on ARMv7-A 1."""
    vector_offset: int
    """ARM: bytes from the start of the vector table."""
    ns: int
    """Virtual time, nanoseconds since power-on."""
    depth: int
    """Handlers under way on its vCPU."""
    base: int
    """x86: of CS in a delivery's frame."""

    @property
    def linear(self) -> int:
        """The linear address that `pc` is: of a delivery, where the frame returns to; else of the instruction that
        began last.
        """
        return self.pc + self.base & 0xFFFF_FFFF if self.base else self.pc


def _has_source(raw: vmm_event) -> bool:
    return raw.kind in WITH_SOURCE or raw.source == lib.VMM_SRC_STIMULUS


def from_native(raw: vmm_event, gic: int) -> Event:
    """Copy an event out of the core's ring; `gic` as for `source_name`."""
    return Event(
        kind=KINDS.get(raw.kind, f"kind {raw.kind}"),
        vcpu=raw.vcpu,
        insns=raw.count,
        number=raw.number,
        value=raw.value,
        source=source_name(raw.source, raw.source_pin, gic) if _has_source(raw) else "",
        pc=raw.pc,
        cs=raw.cs,
        ss=raw.ss,
        sp=raw.sp,
        flags=raw.flags,
        cpl=raw.cpl,
        error=raw.error if raw.has_error else None,
        target_el=raw.target_el,
        vector_offset=raw.vector_offset,
        ns=raw.ns,
        depth=raw.depth,
        base=raw.base,
    )
