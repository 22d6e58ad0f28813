"""How many instructions handlers of interrupts run themselves, and what they do on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from vmm.core.event import Event
from vmm.diagnoses.handlers import Handler, Handlers

WANTS = ("acknowledged", "ended", "masked", "cpu mask", "delivered", "returned")
PLACES = 64
"""Events of one execution that are kept, the first ones."""


@dataclass
class Execution:
    """Of one handler, in instructions."""

    handler: Handler
    nested: int = 0
    """Of other interrupts' handlers that came between."""
    places: list[Event] = field(default_factory=list)
    """What it did that is an event, in order."""

    @property
    def insns(self) -> int:
        """Its own, with those of the exceptions that it raises."""
        back = self.handler.returned
        return back.insns - self.handler.delivered.insns - self.nested if back else 0

    def stretches(self) -> Iterator[tuple[Event, Event]]:
        """From each of its events to the next, from its delivery to its return."""
        assert self.handler.returned
        return pairwise([self.handler.delivered, *self.places, self.handler.returned])


class Executions:
    """On all vCPUs; show it every event of WANTS."""

    def __init__(self) -> None:
        self._handlers = Handlers()
        self._running: dict[int, list[Execution]] = {}

    def see(self, event: Event) -> Execution | None:
        """The execution that is over with it."""
        running = self._running.setdefault(event.vcpu, [])
        handler = self._handlers.see(event)
        if event.kind == "delivered" and handler:
            del running[len(self._handlers.under_way(event.vcpu)) - 1 :]
            running.append(Execution(handler))
            return None
        if event.kind == "returned":
            return self._over(running) if running else None
        if running and event.insns > running[-1].handler.delivered.insns and len(running[-1].places) < PLACES:
            running[-1].places.append(event)
        return None

    def _over(self, running: list[Execution]) -> Execution:
        done = running.pop()
        if running:
            delivered, back = done.handler.delivered, done.handler.returned
            whole = back.insns - delivered.insns if back else 0
            running[-1].nested += done.nested if done.handler.synchronous else whole
        return done
