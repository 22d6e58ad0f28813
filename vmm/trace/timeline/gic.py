"""Lanes of a GIC."""

from __future__ import annotations

from vmm.core.event import Event
from vmm.trace.timeline.marks import INSTANTS, Lane, Made, Mark, Sees, Values, instant

FIRST_SPI, FIRST_LPI = 32, 8192
SPIS = -1
"""Instead of a vCPU: what all have in common."""
DEACTIVATED = 2


class Gic:
    """What is pending, active and enabled, a bit each of an INTID; those below 32 are each vCPU's own.

    A request ends where it is acknowledged, though a level may go on requesting. LPIs are never active (IHI0069 4.1.2).
    """

    def __init__(self) -> None:
        self._pending, self._active, self._enabled = map(_bits, ("pending", "active", "enabled"))
        self._spurious: Made[int, Lane] = Made(lambda vcpu: Lane(f"GIC vCPU {vcpu}", "spurious", INSTANTS))

    def sees(self) -> Sees:
        yield "pending", self._requested
        yield "acknowledged", self._acknowledged
        yield "ended", self._ended
        yield "masked", self._masked
        yield "spurious", self._is_spurious

    def _requested(self, event: Event, marks: list[Mark]) -> None:
        self._pending[event.value if event.number < FIRST_SPI else SPIS].set(event.number, 1, event, marks)

    def _acknowledged(self, event: Event, marks: list[Mark]) -> None:
        owner, intid = _owner(event), event.number
        self._pending[owner].set(intid, 0, event, marks)
        if intid < FIRST_LPI:
            self._active[owner].set(intid, 1, event, marks)

    def _ended(self, event: Event, marks: list[Mark]) -> None:
        if event.value & DEACTIVATED and event.number < FIRST_LPI:
            self._active[_owner(event)].set(event.number, 0, event, marks)

    def _masked(self, event: Event, marks: list[Mark]) -> None:
        self._enabled[_owner(event)].set(event.number, 1 - event.value, event, marks)

    def _is_spurious(self, event: Event, marks: list[Mark]) -> None:
        marks.append(instant(self._spurious[event.vcpu], f"INTID {event.number}", event))


def _bits(what: str) -> Made[int, Values]:
    return Made(lambda vcpu: Values("GIC" if vcpu == SPIS else f"GIC vCPU {vcpu}", f"INTID {{}} {what}"))


def _owner(event: Event) -> int:
    return event.vcpu if event.number < FIRST_SPI else SPIS
