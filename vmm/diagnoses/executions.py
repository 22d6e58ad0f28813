"""How many instructions handlers of interrupts run themselves, and what they do on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from vmm.core.event import Event
from vmm.diagnoses.handlers import Handler, Handlers

WANTS = ("acknowledged", "ended", "masked", "cpu mask", "delivered", "returned")
PLACES = 64
"""Events of one execution that are kept, the first ones."""


@dataclass(eq=False, slots=True)
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
    """On all vCPUs."""

    WANTS = WANTS

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._readers: list[Callable[[Execution], None]] = []
        self._running: dict[int, list[Execution]] = {}

    @property
    def several(self) -> bool:
        """On more vCPUs than one, whose instructions are counted together."""
        return len(self._running) > 1

    def each(self, reader: Callable[[Execution], None]) -> None:
        """From now on `reader` is given each execution when it is over."""
        self._readers.append(reader)

    def see(self, event: Event) -> None:
        running = self._running.get(event.vcpu)
        if running is None:
            running = self._running[event.vcpu] = []
        if event.kind == "delivered" and self._handlers.of:
            del running[len(self._handlers.under_way(event.vcpu)) - 1 :]
            running.append(Execution(self._handlers.of))
        elif event.kind == "returned":
            if running:
                self._over(running)
        elif running and event.insns > running[-1].handler.delivered.insns and len(running[-1].places) < PLACES:
            running[-1].places.append(event)

    def _over(self, running: list[Execution]) -> None:
        done = running.pop()
        if running:
            delivered, back = done.handler.delivered, done.handler.returned
            whole = back.insns - delivered.insns if back else 0
            running[-1].nested += done.nested if done.handler.synchronous else whole
        for reader in self._readers:
            reader(done)
