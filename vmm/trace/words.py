"""Events in a reader's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vmm.core.native import lib
from vmm.core.stops import REASONS
from vmm.trace.events import Event


class Cpu(Protocol):
    """What a vCPU knows of its exceptions."""

    @property
    def exception_name(self) -> Callable[[int], str | None]: ...


class Teller(Protocol):
    """What a machine knows that its events do not say."""

    @property
    def architecture(self) -> str: ...

    @property
    def cpu(self) -> Cpu: ...

    @property
    def where(self) -> Callable[[int], str]: ...


X86 = {
    "line": "line {number} becomes {value}",
    "pending": "request latched at pin {number}",
    "delivered": "vector {number:#04x} delivered ({source})",
    "acknowledged": "vector {number:#04x} acknowledged",
    "ended": "interrupt of pin {number} ended",
    "spurious": "spurious vector {number:#04x}",
    "masked": "mask of controller {number} set to {value:#04x}",
    "fault chain": "vector {number:#04x} could not be delivered: {value:#04x}",
    "task switch": "task switch to TSS {number:#06x}",
    "trapped": "trapped: {trap} {value:#x}",
    "stop": "stop: {reason}",
    "guest error": "guest error: {error_words}",
    "returned": "handler of vector {number:#04x} returned after {value} instructions",
    "cpu mask": "interrupts {masked}",
    "shadow": "an interrupt waits for the end of the {shadow} shadow",
    "stimulus": "stimulus {number} acts, {asked}",
}
ARM = X86 | {
    "line": "SPI {number} becomes {value}",
    "pending": "INTID {number} pending",
    "delivered": "{what} delivered ({source})",
    "acknowledged": "INTID {number} acknowledged",
    "ended": "INTID {number}: {end}",
    "spurious": "acknowledged nothing: INTID {number}",
    "masked": "INTID {number} {enable}",
    "returned": "handler of {what} returned after {value} instructions",
    "cpu mask": "masks {before} become {now}",
}
"""By kind; the words in braces are the event's fields and what `describe` adds to them."""

TRAPS = {
    lib.VMM_TRAP_INT: "INT",
    lib.VMM_TRAP_EXCEPTION: "exception",
    lib.VMM_TRAP_HLT: "HLT",
    lib.VMM_TRAP_RDMSR: "RDMSR",
    lib.VMM_TRAP_WRMSR: "WRMSR",
    lib.VMM_TRAP_IN: "IN",
    lib.VMM_TRAP_OUT: "OUT",
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
    lib.VMM_GE_RESERVED: "a register that is reserved, or not of this width, at offset {value:#x}",
    lib.VMM_GE_SGI_TARGET: "SGI to a vCPU that does not exist ({value:#x} written)",
    lib.VMM_GE_ITS_COMMAND: "the ITS refused a command: error {value:#08x} (IHI0069 5.5)",
    lib.VMM_GE_UNMAPPED: "access to physical address {value:#x}, which nobody decodes,",
}
SHADOWS = {lib.VMM_SHADOW_STI: "STI", lib.VMM_SHADOW_MOV_SS: "MOV SS"}
ENDS = {1: "priority dropped", 2: "deactivated", 3: "ended"}


def describe(event: Event, machine: Teller) -> str:
    """What happened, with a delivery's error code or syndrome, and where: address, symbol, source line."""
    words = X86 if machine.architecture == "x86" else ARM
    text = words[event.kind].format_map(event._asdict() | _derived(event, machine))
    if event.error is not None:
        text += f", error code {event.error:#x}" if words is X86 else f", ESR {event.error:#010x}"
    return f"{text} at {machine.where(event.linear)}"


def guest_error(event: Event) -> str:
    """What the guest did, by `enum vmm_guest_error`."""
    known = GUEST_ERRORS.get(event.number, "number {number} ({value:#x})")
    return known.format_map(event._asdict())


def is_exception(source: str) -> bool:
    """Whether the number of a delivery from `source` is, on ARM, an exception class and no INTID."""
    return source in ("exception", "software", "SError")


def exception(number: int, machine: Teller) -> str:
    """What an exception is called."""
    return machine.cpu.exception_name(number) or f"exception {number:#04x}"


def _masks(daif: int) -> str:
    return "".join(letter if daif >> bit & 1 else "-" for bit, letter in enumerate("FIAD"))[::-1]


def _derived(event: Event, machine: Teller) -> dict[str, str]:
    return {
        "what": exception(event.number, machine) if is_exception(event.source) else f"INTID {event.number}",
        "trap": TRAPS.get(event.number, str(event.number)),
        "error_words": guest_error(event),
        "end": ENDS.get(event.value, str(event.value)),
        "enable": "disabled" if event.value else "enabled",
        "reason": REASONS.get(event.number, str(event.number)),
        "masked": "masked" if event.number else "unmasked",
        "before": _masks(event.value),
        "now": _masks(event.number),
        "shadow": SHADOWS.get(event.number, str(event.number)),
        "asked": "as requested" if event.value else "spontaneously",
    }
