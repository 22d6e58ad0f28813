"""The core's events as objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vmm.core.event import Event
from vmm.core.native import lib

if TYPE_CHECKING:
    from vmm._native import vmm_event, vmm_machine
    from vmm.arch.architecture import Architecture

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
    lib.VMM_EV_PPI: "ppi",
    lib.VMM_EV_HELD: "held",
    lib.VMM_EV_VAIN: "vain",
    lib.VMM_EV_FRAME_CHANGED: "frame changed",
    lib.VMM_EV_REGISTERS_CHANGED: "registers changed",
    lib.VMM_EV_VECTORS_CHANGED: "vectors changed",
}
NUMBERS = {name: number for number, name in KINDS.items()}
WITH_SOURCE = (
    lib.VMM_EV_DELIVERED, lib.VMM_EV_RETURNED,
    lib.VMM_EV_FRAME_CHANGED, lib.VMM_EV_REGISTERS_CHANGED, lib.VMM_EV_VECTORS_CHANGED,
)  # fmt: skip
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
SYNCHRONOUS = (lib.VMM_SRC_EXCEPTION, lib.VMM_SRC_SOFTWARE)
"""Sources of what waits for nothing."""

SourceName = Callable[[int, int], str]
"""What a source, of the core's enum, with its pin is called: "IRQ 4", "SPI 5", "NMI", "exception"…"""


def source_names(machine: vmm_machine, architecture: Architecture) -> SourceName:
    """Those of the core's `machine`: the architecture's own words, and for the rest the common ones."""
    own = architecture.words().sources(machine)
    return lambda source, pin: own(source, pin) or SOURCES.get(source, f"source {source}")


def _has_source(raw: vmm_event) -> bool:
    return raw.kind in WITH_SOURCE or raw.source == lib.VMM_SRC_STIMULUS


def from_native(raw: vmm_event, source: SourceName) -> Event:
    """Copy an event out of the core's ring."""
    return Event(
        kind=KINDS.get(raw.kind, f"kind {raw.kind}"),
        vcpu=raw.vcpu,
        insns=raw.count,
        number=raw.number,
        value=raw.value,
        source=source(raw.source, raw.source_pin) if _has_source(raw) else "",
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
        code=raw.code,
    )
