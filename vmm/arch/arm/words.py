"""What ARM's events are called, in both execution states."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vmm.arch.words import ExceptionName, Words, exception
from vmm.core.event import Event
from vmm.core.native import lib

if TYPE_CHECKING:
    from vmm._native import vmm_machine

EVENTS = {
    "line": "SPI {number} becomes {value}",
    "ppi": "PPI INTID {number} becomes {value}",
    "pending": "INTID {number} pending",
    "delivered": "{what} delivered ({source})",
    "acknowledged": "INTID {number} acknowledged",
    "ended": "INTID {number}: {end}",
    "spurious": "acknowledged nothing: INTID {number}",
    "masked": "INTID {number} {enable}",
    "state set": "software makes INTID {number} {state}",
    "returned": "handler of {what} returned after {value} instructions",
    "cpu mask": "masks {before} become {now}",
}
TRAPS = {
    lib.VMM_TRAP_SVC: "SVC",
    lib.VMM_TRAP_HVC: "HVC",
    lib.VMM_TRAP_SMC: "SMC",
    lib.VMM_TRAP_BRK: "BRK",
    lib.VMM_TRAP_UNDEFINED: "undefined instruction",
    lib.VMM_TRAP_SYSREG: "system register",
    lib.VMM_TRAP_FIRMWARE: "firmware call by trap",
    lib.VMM_TRAP_SEMIHOSTING: "semihosting",
}
GUEST_ERRORS = {
    lib.VMM_GE_EOI_NOTHING: "end of interrupt for INTID {value}, but none is active",
    lib.VMM_GE_EOI_ORDER: "end of interrupt for INTID {value}, which is not the running one",
    lib.VMM_GE_DEACTIVATE: "INTID {value} deactivated, but it is not active, or EOImode is 0",
    lib.VMM_GE_SGI_TARGET: "SGI to a vCPU that does not exist ({value:#x} written)",
    lib.VMM_GE_ITS_COMMAND: "the ITS refused a command: error {value:#08x} (IHI0069 5.5)",
}
CLASSES = frozenset({"exception", "software", "SError"})
"""Sources of what is numbered by its exception class."""
STATES = ("inactive", "pending", "active", "active and pending")
ENDS = {1: "priority dropped", 2: "deactivated", 3: "ended"}


def facts(event: Event, exception_name: ExceptionName) -> dict[str, str]:
    is_exception = event.source in CLASSES
    return {
        "what": exception(event.number, exception_name) if is_exception else f"INTID {event.number}",
        "end": ENDS.get(event.value, str(event.value)),
        "enable": "disabled" if event.value else "enabled",
        "state": STATES[event.value & 3],
        "before": _masks(event.value),
        "now": _masks(event.number),
    }


def _masks(daif: int) -> str:
    return "".join(letter if daif >> bit & 1 else "-" for bit, letter in enumerate("FIAD"))[::-1]


def sources(machine: vmm_machine) -> Callable[[int, int], str | None]:
    """A GICv3 does not tell which vCPU sent an SGI."""
    tells_sender = lib.vmm_gic_version(machine) == 2

    def source(source: int, pin: int) -> str | None:
        if source == lib.VMM_SRC_LINE:
            return f"SPI {pin}"
        if source == lib.VMM_SRC_SPURIOUS:
            return "spurious"
        return f"SGI from vCPU {pin}" if source == lib.VMM_SRC_SGI and tells_sender else None

    return source


WORDS = Words(
    events=EVENTS,
    facts=facts,
    error="ESR {:#010x}",
    traps=TRAPS,
    guest_errors=GUEST_ERRORS,
    frame=("source", "sp", "flags", "cpl", "error", "target_el", "vector_offset"),
    sources=sources,
    lines="SPI",
    number=lambda number, source: f"EC {number:#04x}" if source in CLASSES else str(number),
    classes=CLASSES,
    named=CLASSES,
    shutdown="shutdown",
)
