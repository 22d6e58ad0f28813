"""The core's events as objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct
from typing import TYPE_CHECKING

from vmm.core.event import Event
from vmm.core.native import ffi, lib

if TYPE_CHECKING:
    from vmm._native import View, vmm_event, vmm_machine
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
    lib.VMM_EV_WORK: "work",
    lib.VMM_EV_TRANSACTION: "transaction",
    lib.VMM_EV_GUARD_STORED: "guard stored",
    lib.VMM_EV_STATE_SET: "state set",
    lib.VMM_EV_NMI_MASK: "nmi mask",
    lib.VMM_EV_PIN_STATE: "pin state",
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


LAYOUT = Struct("=6Q4I4H8B")
"""Of a vmm_event, which has no holes."""
assert (LAYOUT.size, ffi.offsetof("vmm_event", "depth")) == (ffi.sizeof("vmm_event"), LAYOUT.size - 1)


def from_native(raw: vmm_event, source: SourceName) -> Event:
    """Copy an event out of the core's ring."""
    return next(from_natives(ffi.addressof(raw), 1, source))


def from_natives(events: vmm_event, count: int, source: SourceName) -> Iterator[Event]:
    """Copies of the first `count` of an array."""
    return from_bytes(bytes_of(events, count), source)


def bytes_of(events: vmm_event, count: int) -> View:
    """The first `count` of an array, as they lie there."""
    return ffi.buffer(events, count * LAYOUT.size)


def from_bytes(data: bytes | View, source: SourceName) -> Iterator[Event]:
    """Events of what `bytes_of` gave: all fields of one at once, for there are millions of them."""
    names: dict[tuple[int, int], str] = {}
    new, kinds = tuple.__new__, KINDS
    for (
        insns, ns, pc, sp, value, code, number, error, flags, base, cs, ss, vector_offset, _,
        kind, vcpu, of, pin, cpl, has_error, target_el, depth,
    ) in LAYOUT.iter_unpack(data):  # fmt: skip
        name = ""
        if kind in WITH_SOURCE or of == lib.VMM_SRC_STIMULUS:
            name = names.get((of, pin)) or names.setdefault((of, pin), source(of, pin))
        yield new(Event, (
            kinds.get(kind) or f"kind {kind}", vcpu, insns, number, value, name, pc, cs, ss, sp, flags, cpl,
            error if has_error else None, target_el, vector_offset, ns, depth, base, code,
        ))  # fmt: skip
