"""Each interrupt of a run from its line to its return, as events tell of it one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.handlers import Handler
from vmm.diagnoses.responses import Response
from vmm.diagnoses.services import Key, Service, gic_key


@dataclass(eq=False, slots=True)
class Interrupt:
    """One that was delivered; hops are events by their index."""

    delivered: Event
    at: int
    """The delivery's own index."""
    hops: list[int] = field(default_factory=list)
    """In the order of the run."""
    response: Response | None = None
    """None: nothing waits for it."""
    returned: int | None = None


class Interrupts:
    """Of all vCPUs; shown every event with its index, in order."""

    def __init__(self, events: Sequence[Event], *, x86: bool) -> None:
        self._events, self._x86 = events, x86
        self._books = books = Books(x86=x86)
        self._handlers, self._services = books.handlers, books.services
        self._lines, self._responses = books.lines, books.responses
        self._takers = books.takers()
        self._index: dict[int, int] = {}
        self._requests: dict[Key, int] = {}
        self._inputs: dict[tuple[int, int], int] = {}
        self._shadows: dict[int, int] = {}
        self._acknowledged: Service | None = None
        self._of: dict[int, Interrupt] = {}
        self.all: list[Interrupt] = []
        """In the order of their deliveries."""
        for at, event in enumerate(events):
            self._see(at, event)

    def index(self, event: Event) -> int:
        """Of one of the events."""
        return self._index[id(event)]

    def _see(self, at: int, event: Event) -> None:
        self._index[id(event)] = at
        for see in self._takers.get(event.kind, ()):
            see(event)
        if event.kind in HOPS:
            HOPS[event.kind](self, at, event)

    def _pending(self, at: int, event: Event) -> None:
        self._requests[self._services.key(event)] = at

    def _input(self, at: int, event: Event) -> None:
        if event.value:
            self._inputs[event.vcpu, event.number] = at

    def _shadow(self, at: int, event: Event) -> None:
        self._shadows[event.vcpu] = at

    def _acknowledge(self, at: int, event: Event) -> None:
        service = self._services.of
        if service is None:
            return
        self._acknowledged = service
        if service.handler:
            self._add(service.handler, at)

    def _deliver(self, at: int, event: Event) -> None:
        handler = self._handlers.of
        if handler is None:
            return
        found = Interrupt(event, at)
        self._of[id(handler)] = found
        self.all.append(found)
        if not handler.synchronous:
            found.response = self._responses.begun
            found.hops += sorted(set(self._before(event)))
        found.hops.append(at)

    def _before(self, event: Event) -> list[int]:
        """What led to a delivery: the rise of its line, its request, its acknowledge."""
        key, hops = self._key(event), list[int]()
        if key is None:
            return hops
        if self._x86 and self._acknowledged:
            hops.append(self.index(self._acknowledged.acknowledged))
            self._acknowledged = None
        if (request := self._requests.pop(key, None)) is not None:
            hops.append(request)
        high = self._lines.last_rise(key)
        if high:
            hops.append(self.index(high.rose))
        elif (event.vcpu, event.number) in self._inputs:
            hops.append(self._inputs[event.vcpu, event.number])
        shadow = self._shadows.pop(event.vcpu, None)
        if shadow is not None and self._events[shadow].insns >= event.insns - event.value:
            hops.append(shadow)
        return hops

    def _key(self, event: Event) -> Key | None:
        """By what its controller knows the interrupt of a delivery; None: no controller has part in it."""
        if not self._x86:
            return gic_key(event.number, event.vcpu)
        service = self._acknowledged
        if service is None:
            return None
        taken = service.acknowledged
        same = (taken.insns, taken.vcpu, taken.number) == (event.insns, event.vcpu, event.number)
        return service.key if same else None

    def _end(self, at: int, event: Event) -> None:
        service = self._services.of
        if service and service.handler:
            self._add(service.handler, at)

    def _return(self, at: int, event: Event) -> None:
        handler = self._handlers.of
        if handler and (found := self._of.pop(id(handler), None)):
            found.returned = at
            found.hops.append(at)

    def _add(self, handler: Handler, at: int) -> None:
        if found := self._of.get(id(handler)):
            found.hops.append(at)


HOPS = {
    "pending": Interrupts._pending,
    "ppi": Interrupts._input,
    "shadow": Interrupts._shadow,
    "acknowledged": Interrupts._acknowledge,
    "delivered": Interrupts._deliver,
    "ended": Interrupts._end,
    "returned": Interrupts._return,
}
