"""How long interrupts wait for their answer, and for what: masks, other handlers, their own handler's entry."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from vmm.core.event import Event
from vmm.diagnoses.handlers import Handler, Handlers
from vmm.diagnoses.masks import Masks

WANTS = ("cpu mask", "acknowledged", "ended", "line", "delivered", "returned")
OPEN, MASKED, NESTED = "open", "masked", "nested"
"""What a vCPU is doing: code that lets interrupts in, code that masks them, handlers of interrupts."""
KEPT = 1 << 16
"""Changes between these that are remembered, a vCPU: what waits since before them is taken to have waited for masks."""


class Span(NamedTuple):
    """Instructions in which a vCPU did one thing."""

    state: str
    since: Event
    until: Event

    @property
    def insns(self) -> int:
        return self.until.insns - self.since.insns


@dataclass(eq=False, slots=True)
class Response:
    """To one interrupt, in instructions."""

    handler: Handler
    masked: int
    """From its request to its delivery, without what is `nested`: masked in the vCPU or in a controller."""
    nested: int
    """Of that time, while handlers of other interrupts ran."""
    blamed: Span | None
    """The longest of what it waited for."""
    answered: Event | None = None
    """The first that controllers or devices see of the handler: its acknowledge of a GIC's interrupt, its end of
    interrupt, the fall of a line, else its return; None: it has not come to that.
    """

    @property
    def requested(self) -> int:
        """The instruction count."""
        return self.handler.delivered.insns - self.handler.delivered.value

    @property
    def entry(self) -> int:
        """From its delivery to its answer."""
        return self.answered.insns - self.handler.delivered.insns if self.answered else 0

    @property
    def insns(self) -> int:
        """From its request to its answer: `masked`, `nested` and `entry` together."""
        return self.masked + self.nested + self.entry


class Responses:
    """Of all vCPUs."""

    WANTS = WANTS

    def __init__(self, handlers: Handlers, masks: Masks, *, x86: bool) -> None:
        self._no_answer = "acknowledged" if x86 else ""
        self.masks, self.handlers = masks, handlers
        self._readers: list[Callable[[Response], None]] = []
        self._spans: dict[int, deque[Span]] = {}
        self._now: dict[int, tuple[str, Event]] = {}
        self._waiting: dict[int, list[Response]] = {}
        self.begun: Response | None = None
        """To the interrupt that was delivered last; complete when it is answered."""
        self.longest: Span | None = None
        """Of the code outside of handlers that masks interrupts."""

    @property
    def several(self) -> bool:
        """On more vCPUs than one, whose instructions are counted together."""
        return len(self._now) > 1

    def each(self, reader: Callable[[Response], None]) -> None:
        """From now on `reader` is given each response when it is complete."""
        self._readers.append(reader)

    def see(self, event: Event) -> None:
        kind = event.kind
        if kind == "cpu mask":
            self._change(event)
        elif kind == "delivered":
            handler = self.handlers.of
            if handler and not handler.synchronous:
                self.begun = self._begun(handler)
                self._waiting.setdefault(event.vcpu, []).append(self.begun)
            self._change(event)
        elif kind == "returned":
            if self.handlers.of:
                self._answer(event, self.handlers.of)
            self._change(event)
        elif self._waiting.get(event.vcpu) and kind != self._no_answer and not (kind == "line" and event.value):
            nest = self.handlers.under_way(event.vcpu)
            if nest and event.insns > nest[-1].delivered.insns:
                self._answer(event, nest[-1])

    def _begun(self, handler: Handler) -> Response:
        event = handler.delivered
        if not event.value:
            return Response(handler, 0, 0, None)
        since = event.insns - event.value
        nested, blamed = 0, None
        for span in self._before(event):
            if span.until.insns <= since:
                break
            if span.state == NESTED:
                nested += span.until.insns - max(span.since.insns, since)
            if span.state != OPEN and (blamed is None or span.insns > blamed.insns):
                blamed = span
        return Response(handler, event.value - nested, nested, blamed)

    def _before(self, event: Event) -> Iterator[Span]:
        """The latest first."""
        if now := self._now.get(event.vcpu):
            yield Span(*now, event)
        yield from reversed(self._spans.get(event.vcpu, ()))

    def _answer(self, event: Event, handler: Handler) -> None:
        """Of the handler that runs there."""
        waiting = self._waiting.get(event.vcpu)
        while waiting:
            if waiting[-1].handler is handler:
                waiting[-1].answered = event
                done = waiting.pop()
                for reader in self._readers:
                    reader(done)
                return
            if waiting[-1].handler in self.handlers.under_way(event.vcpu):
                return
            waiting.pop()  # its stack was unwound

    def _state(self, vcpu: int) -> str:
        for handler in self.handlers.under_way(vcpu):
            if not handler.synchronous:
                return NESTED
        return MASKED if vcpu in self.masks.since else OPEN

    def _change(self, event: Event) -> None:
        vcpu = event.vcpu
        state, was = self._state(vcpu), self._now.get(vcpu)
        if was and was[0] == state and (state != NESTED or event.kind == "cpu mask"):
            return
        self._now[vcpu] = state, event
        if was is None or was[1].insns == event.insns:
            return
        span = Span(*was, event)
        self._spans.setdefault(vcpu, deque(maxlen=KEPT)).append(span)
        if span.state == MASKED and (self.longest is None or span.insns > self.longest.insns):
            self.longest = span
