"""Events in a reader's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from vmm.arch import named
from vmm.core.event import Event
from vmm.core.native import lib
from vmm.core.stops import REASONS

if TYPE_CHECKING:
    from vmm.arch.words import ExceptionName
    from vmm.trace import InterruptStats


class Cpu(Protocol):
    """What a vCPU knows of its exceptions."""

    @property
    def exception_name(self) -> ExceptionName: ...


class Teller(Protocol):
    """What a machine knows that its events do not say."""

    @property
    def architecture(self) -> str: ...

    @property
    def cpu(self) -> Cpu: ...

    @property
    def where(self) -> Callable[[int], str]: ...


COMMON = {
    "trapped": "trapped: {trap} {value:#x}",
    "stop": "stop: {reason}",
    "guest error": "guest error: {error_words}",
    "held": "line {number} stays high, held by {drivers}",
    "frame changed": "a handler returns to {value:#x} and not to what it interrupted",
    "registers changed": "a handler leaves registers changed",
    "vectors changed": "a handler leaves vector registers changed",
    "guard stored": "a store to the guard word",
    "stimulus": "stimulus {number} acts, {asked}",
    "work": "the device on line {number}: {work}",
}
"""By kind, what every architecture says; the words in braces are the event's fields and what `describe` adds to them.
"""

MOST_WORK = (1 << lib.VMM_WORK_BITS) - 1
WORK = {
    lib.VMM_WORK_COMES: "work {} comes",
    lib.VMM_WORK_ASKED: "an interrupt is asked for, up to work {}",
    lib.VMM_WORK_DONE: "work {} is done",
    lib.VMM_WORK_SET_UP: "its driver says when it wants to be asked",
}
"""By `enum vmm_work`."""

GUEST_ERRORS = {
    lib.VMM_GE_RESERVED: "a register that is reserved, or not of this width, at offset {value:#x}",
    lib.VMM_GE_UNMAPPED: "access to physical address {value:#x}, which nobody decodes,",
}
"""By `enum vmm_guest_error`, what every architecture says."""


def describe(event: Event, machine: Teller) -> str:
    """What happened, with a delivery's error code or syndrome, and where: address, symbol, source line."""
    return f"{sentence(event, machine)} at {machine.where(event.linear)}"


def sentence(event: Event, machine: Teller) -> str:
    """What happened, without where."""
    words = named(machine.architecture).words()
    facts = {
        "trap": words.traps.get(event.number, str(event.number)),
        "error_words": guest_error(event, machine),
        "reason": REASONS.get(event.number, str(event.number)),
        "drivers": "one driver" if event.value.bit_count() == 1 else f"{event.value.bit_count()} drivers",
        "work": work(event),
        "asked": "as requested" if event.value else "spontaneously",
    }
    facts |= words.facts(event, machine.cpu.exception_name)
    text = (COMMON | words.events).get(event.kind, event.kind).format_map(event._asdict() | facts)
    if event.error is not None:
        text += f", {words.error.format(event.error)}"
    return text


def work(event: Event) -> str:
    """Of a device."""
    return WORK[event.value & MOST_WORK].format(event.value >> lib.VMM_WORK_BITS)


def interrupt(number: int, source: str, machine: Teller) -> str:
    """What was delivered, in short: "#PF", "0x20 (IRQ 0)"; as an event has both."""
    words = named(machine.architecture).words()
    name = machine.cpu.exception_name(number) if source in words.named else None
    return name or f"{words.number(number, source)} ({source})"


def guest_error(event: Event, machine: Teller) -> str:
    """What the guest did."""
    known = GUEST_ERRORS | named(machine.architecture).words().guest_errors
    return known.get(event.number, "number {number} ({value:#x})").format_map(event._asdict())


def columns(number: int, source: str, architecture: str, exception_name: ExceptionName) -> tuple[str, str]:
    """Number and source of an interrupt, as tables show them; a source with the name of its exception."""
    words = named(architecture).words()
    name = exception_name(number) if source in words.named else None
    return words.number(number, source), f"{source} {name}" if name not in (None, source) else source


def heading(architecture: str) -> tuple[str, ...]:
    """Of a table with a row of `cells` an interrupt."""
    return "vCPU", named(architecture).number, "source", "delivered", "latency min", "median", "max"


def cells(row: InterruptStats, architecture: str, exception_name: ExceptionName) -> tuple[object, ...]:
    """Latencies are None where nothing waits."""
    names = columns(row.vector, row.source, architecture, exception_name)
    return row.vcpu, *names, row.delivered, row.minimum, row.median, row.maximum
