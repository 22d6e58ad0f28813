"""Lanes of a GIC."""

from __future__ import annotations

from vmm.core.event import Event
from vmm.core.native import lib
from vmm.trace.timeline.marks import INSTANTS, Lane, Made, Mark, Sees, Values, instant

FIRST_SPI, FIRST_LPI = 32, 8192
SPIS = -1
"""Instead of a vCPU: what all have in common."""
DEACTIVATED = 2
PENDING, LATCHED = 1, 1 << 2
"""Of a state that software sets."""
STAYS = lib.VMM_REQUEST_STAYS


class Gic:
    """What is pending, active and enabled, a bit each of an INTID; those below 32 are each vCPU's own.

    LPIs are never active (IHI0069 4.1.2).
    """

    def __init__(self) -> None:
        self._pending, self._active, self._enabled = map(_bits, ("pending", "active", "enabled"))
        self._levels: set[tuple[int, int]] = set()
        """What is pending by its line alone."""
        self._spurious: Made[int, Lane] = Made(lambda vcpu: Lane(f"GIC vCPU {vcpu}", "spurious", INSTANTS))

    def sees(self) -> Sees:
        yield "pending", self._requested
        yield "acknowledged", self._acknowledged
        yield "ended", self._ended
        yield "masked", self._masked
        yield "spurious", self._is_spurious
        yield "state set", self._set
        yield "line", self._line
        yield "ppi", self._input

    def _requested(self, event: Event, marks: list[Mark]) -> None:
        owner = event.value if event.number < FIRST_SPI else SPIS
        (self._levels.discard if event.flags & STAYS else self._levels.add)((owner, event.number))
        self._pending[owner].set(event.number, 1, event, marks)

    def _acknowledged(self, event: Event, marks: list[Mark]) -> None:
        owner, intid = _owner(event), event.number
        self._pending[owner].set(intid, event.flags & STAYS, event, marks)
        if intid < FIRST_LPI:
            self._active[owner].set(intid, 1, event, marks)

    def _ended(self, event: Event, marks: list[Mark]) -> None:
        if event.value & DEACTIVATED and event.number < FIRST_LPI:
            self._active[_owner(event)].set(event.number, 0, event, marks)

    def _set(self, event: Event, marks: list[Mark]) -> None:
        owner, intid = event.flags if event.number < FIRST_SPI else SPIS, event.number
        by_level = event.value & (PENDING | LATCHED) == PENDING
        (self._levels.add if by_level else self._levels.discard)((owner, intid))
        self._pending[owner].set(intid, event.value & PENDING, event, marks)
        self._active[owner].set(intid, event.value >> 1 & 1, event, marks)

    def _line(self, event: Event, marks: list[Mark]) -> None:
        if not event.value:
            self._fall(SPIS, FIRST_SPI + event.number, event, marks)

    def _input(self, event: Event, marks: list[Mark]) -> None:
        if not event.value:
            self._fall(event.vcpu, event.number, event, marks)

    def _fall(self, owner: int, intid: int, event: Event, marks: list[Mark]) -> None:
        if (owner, intid) in self._levels:
            self._levels.discard((owner, intid))
            self._pending[owner].set(intid, 0, event, marks)

    def _masked(self, event: Event, marks: list[Mark]) -> None:
        self._enabled[_owner(event)].set(event.number, 1 - event.value, event, marks)

    def _is_spurious(self, event: Event, marks: list[Mark]) -> None:
        marks.append(instant(self._spurious[event.vcpu], f"INTID {event.number}", event))


def _bits(what: str) -> Made[int, Values]:
    return Made(lambda vcpu: Values("GIC" if vcpu == SPIS else f"GIC vCPU {vcpu}", f"INTID {{}} {what}"))


def _owner(event: Event) -> int:
    return event.vcpu if event.number < FIRST_SPI else SPIS
