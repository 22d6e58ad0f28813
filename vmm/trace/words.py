"""Events in a reader's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from vmm.arch import named
from vmm.core.event import Event
from vmm.core.native import lib

if TYPE_CHECKING:
    from vmm.arch.words import ExceptionName


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
    def reasons(self) -> Mapping[int, str]: ...

    @property
    def where(self) -> Callable[[int], str]: ...


COMMON = {
    "trapped": "trapped: {trap} {value:#x}",
    "stop": "stop: {reason}",
    "guest error": "guest error: {error_words}",
    "stimulus": "stimulus {number} acts, {asked}",
}
"""By kind, what every architecture says; the words in braces are the event's fields and what `describe` adds to them.
"""

GUEST_ERRORS = {
    lib.VMM_GE_EOI_NOTHING: "end of interrupt for INTID {value}, but none is active",
    lib.VMM_GE_EOI_ORDER: "end of interrupt for INTID {value}, which is not the running one",
    lib.VMM_GE_DEACTIVATE: "INTID {value} deactivated, but it is not active, or EOImode is 0",
    lib.VMM_GE_RESERVED: "a register that is reserved, or not of this width, at offset {value:#x}",
    lib.VMM_GE_SGI_TARGET: "SGI to a vCPU that does not exist ({value:#x} written)",
    lib.VMM_GE_ITS_COMMAND: "the ITS refused a command: error {value:#08x} (IHI0069 5.5)",
    lib.VMM_GE_UNMAPPED: "access to physical address {value:#x}, which nobody decodes,",
}


def describe(event: Event, machine: Teller) -> str:
    """What happened, with a delivery's error code or syndrome, and where: address, symbol, source line."""
    words = named(machine.architecture).words()
    facts = {
        "trap": words.traps.get(event.number, str(event.number)),
        "error_words": guest_error(event),
        "reason": machine.reasons.get(event.number, str(event.number)),
        "asked": "as requested" if event.value else "spontaneously",
    }
    facts |= words.facts(event, machine.cpu.exception_name)
    text = (COMMON | words.events).get(event.kind, event.kind).format_map(event._asdict() | facts)
    if event.error is not None:
        text += f", {words.error.format(event.error)}"
    return f"{text} at {machine.where(event.linear)}"


def guest_error(event: Event) -> str:
    """What the guest did, by `enum vmm_guest_error`."""
    known = GUEST_ERRORS.get(event.number, "number {number} ({value:#x})")
    return known.format_map(event._asdict())
