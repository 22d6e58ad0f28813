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
    """One event; `insns` counts instructions begun before it; what the fields are for each kind, native/api/vmm.h says.

    `cs` and `ss` are x86's.
    """

    kind: str
    vcpu: int
    insns: int
    number: int
    value: int
    source: str
    pc: int
    cs: int
    ss: int
    sp: int
    flags: int
    cpl: int
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
