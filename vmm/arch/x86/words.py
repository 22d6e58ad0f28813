"""What x86's events are called."""

from __future__ import annotations

from vmm.arch.words import ExceptionName, Words
from vmm.core.event import Event
from vmm.core.native import lib

LOCAL_APIC = lib.VMM_OF_LOCAL_APIC
"""`value` of its events, which have a vector where the 8259A pair's have a pin."""
EVENTS = {
    "line": "line {number} becomes {value}",
    "pending": "request latched at {input}",
    "delivered": "vector {number:#04x} delivered ({source})",
    "acknowledged": "vector {number:#04x} acknowledged",
    "ended": "interrupt of {input} ended",
    "vain": "end of interrupt at chip {number} of the 8259A pair, which has none in service",
    "spurious": "spurious vector {number:#04x}",
    "masked": "mask of controller {number} set to {value:#04x}",
    "state set": "controller {number} initialised, and its mask cleared",
    "fault chain": "vector {number:#04x} could not be delivered: {value:#04x}",
    "task switch": "task switch to TSS {number:#06x}",
    "returned": "handler of vector {number:#04x} returned after {value} instructions",
    "cpu mask": "interrupts {masked}",
    "nmi mask": "NMIs {blocked}",
    "pin state": "pin {number} of the IOAPIC is {pin_state}",
    "shadow": "an interrupt waits for the end of the {shadow} shadow",
    "transaction": "a transaction {transaction}",
}
TRAPS = {
    lib.VMM_TRAP_INT: "INT",
    lib.VMM_TRAP_EXCEPTION: "exception",
    lib.VMM_TRAP_HLT: "HLT",
    lib.VMM_TRAP_RDMSR: "RDMSR",
    lib.VMM_TRAP_WRMSR: "WRMSR",
    lib.VMM_TRAP_IN: "IN",
    lib.VMM_TRAP_OUT: "OUT",
}
TRANSACTION = {
    lib.VMM_TX_BEGINS: "begins",
    lib.VMM_TX_COMMITS: "commits",
    lib.VMM_TX_ASKED: "is aborted by XABORT",
    lib.VMM_TX_INTERRUPT: "is aborted by an interrupt",
    lib.VMM_TX_EXCEPTION: "is aborted by an exception or INT n of its own",
    lib.VMM_TX_INSTRUCTION: "is aborted by an instruction that it cannot have, or for a device",
    lib.VMM_TX_CAPACITY: "is aborted, for it accesses too many lines",
    lib.VMM_TX_CONFLICT: "is aborted, for another vCPU, a device or a script accesses its lines",
    lib.VMM_TX_NESTED: "is aborted, for it is nested too deep",
}
PIN_STATE = {
    lib.VMM_PIN_MASKED: "masked",
    lib.VMM_PIN_REMOTE_IRR: "in service",
    lib.VMM_PIN_SEND_PENDING: "waiting to be accepted",
}
SHADOWS = {lib.VMM_SHADOW_STI: "STI", lib.VMM_SHADOW_MOV_SS: "MOV SS"}


def facts(event: Event, exception_name: ExceptionName) -> dict[str, str]:
    return {
        "input": f"vector {event.number:#04x}" if event.value == LOCAL_APIC else f"pin {event.number}",
        "masked": "masked" if event.number else "unmasked",
        "blocked": "blocked" if event.number else "no longer blocked",
        "pin_state": ", ".join(name for bit, name in PIN_STATE.items() if event.value & bit) or "idle",
        "transaction": TRANSACTION.get(event.number, str(event.number)),
        "shadow": SHADOWS.get(event.number, str(event.number)),
    }


def source(source: int, pin: int) -> str | None:
    if source == lib.VMM_SRC_LINE:
        return f"IRQ {pin}"
    return f"spurious IR{pin}" if source == lib.VMM_SRC_SPURIOUS else None


WORDS = Words(
    events=EVENTS,
    facts=facts,
    error="error code {:#x}",
    traps=TRAPS,
    guest_errors={},
    frame=("source", "cs", "ss", "sp", "flags", "cpl", "error"),
    sources=lambda machine: source,
    lines="IRQ",
    number=lambda number, source: f"{number:#04x}",
    classes=frozenset(),
    named=frozenset({"exception"}),  # an INT n may have an exception's number, but never its name
    shutdown="triple fault: shutdown",
)
