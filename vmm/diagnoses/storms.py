"""Storms: a level that is taken again as soon as its interrupt is ended, while the line never falls."""

from __future__ import annotations

from dataclasses import dataclass

from vmm.core.event import Event
from vmm.diagnoses.lines import High, Lines
from vmm.diagnoses.services import Service

__all__ = ["MANY", "Storm", "Storms"]

STEP = 1
"""Instructions that the interrupted code gets at most between two rounds: after IRET and ERET none, in a shadow one."""
MANY = 64
"""Rounds; a device whose FIFO is taken byte by byte makes fewer before its line falls."""


@dataclass(eq=False, slots=True)
class Storm:
    """One, from the first end of interrupt that did not help."""

    high: High
    first: Service
    last: Service
    rounds: int = 1
    """Times that it was taken again."""
    gap: int = 0
    """Instructions at most from an end of interrupt to the next acknowledge."""
    quelled_by_handler: bool = False
    """The line fell at last while its own handler ran, which takes what a device has bit by bit."""


class Storms:
    """Of all lines."""

    WANTS = ("line", "acknowledged", "returned")

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self.storms: list[Storm] = []
        """Of many rounds, the oldest first."""
        self._under_way: dict[int, Storm] = {}
        self._services: dict[int, Service] = {}
        self._returned: dict[int, Event] = {}
        self.falls: dict[int, int] = {}
        """Of each line, how often it fell after it had been taken."""

    def see(self, event: Event) -> None:
        if event.kind == "returned":
            self._returned[event.vcpu] = event
        elif high := self.lines.of:
            if event.kind == "acknowledged":
                self._taken(high)
            elif not event.value:
                self._fell(high, event)

    def ongoing(self, storm: Storm) -> bool:
        """It was not over when the run was."""
        return self._under_way.get(storm.high.line) is storm

    def _taken(self, high: High) -> None:
        service = high.service
        assert service, "it was taken"
        before, self._services[high.line] = self._services.get(high.line), service
        if before is None or before.ended is None or self._progress(before, service) > STEP:
            self._under_way.pop(high.line, None)
            return
        gap = service.acknowledged.insns - before.ended.insns
        storm = self._under_way.get(high.line)
        if storm is None:
            self._under_way[high.line] = Storm(high, before, service, gap=gap)
            return
        storm.last, storm.rounds, storm.gap = service, storm.rounds + 1, max(storm.gap, gap)
        if storm.rounds == MANY:
            self.storms.append(storm)

    def _progress(self, before: Service, service: Service) -> int:
        """Instructions of what was interrupted, between two services; other handlers are none of its own."""
        begun = service.handler.delivered if service.handler else service.acknowledged
        back = self._returned.get(begun.vcpu)
        if back is None or (before.handler and not before.handler.returned):
            return 0
        return max(begun.insns - back.insns, 0)

    def _fell(self, high: High, event: Event) -> None:
        if high.services:
            self.falls[high.line] = self.falls.get(high.line, 0) + 1
        storm = self._under_way.pop(high.line, None)
        self._services.pop(high.line, None)
        if storm:
            number = storm.last.handler.number if storm.last.handler else None
            nest = self.lines.services.handlers.under_way(event.vcpu)
            storm.quelled_by_handler = any(handler.number == number for handler in nest)
