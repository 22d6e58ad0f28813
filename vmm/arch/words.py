"""What an architecture's events are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vmm.core.event import Event

if TYPE_CHECKING:
    from vmm._native import vmm_machine

ExceptionName = Callable[[int], str | None]
"""`exception_name` of a vCPU."""


@dataclass(frozen=True)
class Words:
    """Sources are told apart by the words of `Event.source`, kinds by those of `Event.kind`."""

    events: dict[str, str]
    """A sentence for each kind of event that not every architecture has in common; in braces the event's fields, and
    what `facts` adds."""
    facts: Callable[[Event, ExceptionName], dict[str, str]]
    error: str
    """What is said of a delivery's `error`."""
    traps: dict[int, str]
    """What the core's traps (`enum vmm_trap_kind`) are called."""
    guest_errors: dict[int, str]
    """What the guest did, by `enum vmm_guest_error`, where it is not the same everywhere; braces as in `events`."""
    frame: tuple[str, ...]
    """Fields of `Event` that a delivery has besides those of every event."""
    sources: Callable[[vmm_machine], Callable[[int, int], str | None]]
    """Of a machine of the core: what a source and its pin are called; None where the common word will do."""
    lines: str
    """What `sources` calls a line of a controller, without its pin."""
    number: Callable[[int, str], str]
    """The number of a delivery from this source, as tables show it."""
    classes: frozenset[str]
    """Sources whose number is an exception's class, and no interrupt's."""
    named: frozenset[str]
    """Sources whose number has a name of its own, that of an exception."""
    shutdown: str
    """What the end of a run is called that no exception can leave."""


def exception(number: int, name: ExceptionName) -> str:
    """What an exception is called."""
    return name(number) or f"exception {number:#04x}"
