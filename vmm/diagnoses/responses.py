"""How long interrupts wait for their answer, and for what: masks, other handlers, their own handler's entry."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from vmm.core.event import Event
from vmm.diagnoses.diagnosis import Diagnosis, Evidence
from vmm.diagnoses.handlers import Handler, Handlers
from vmm.diagnoses.masks import Masks

WANTS = ("cpu mask", "acknowledged", "ended", "line", "delivered", "returned")
OPEN, MASKED, NESTED = "open", "masked", "nested"
"""What a vCPU is doing: code that lets interrupts in, code that masks them, handlers of interrupts."""
KEPT = 1 << 16
"""Changes between these that are remembered, a vCPU: what waits since before them is taken to have waited for masks."""


@dataclass(frozen=True)
class Span:
    """Instructions in which a vCPU did one thing."""

    state: str
    since: Event
    until: Event

    @property
    def insns(self) -> int:
        return self.until.insns - self.since.insns


@dataclass
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
    """Of all vCPUs; show it every event of WANTS."""

    def __init__(self, *, x86: bool) -> None:
        self._x86 = x86
        self.masks = Masks(x86=x86)
        self.handlers = Handlers()
        self._spans: dict[int, deque[Span]] = {}
        self._now: dict[int, tuple[str, Event]] = {}
        self._waiting: dict[int, list[Response]] = {}
        self.longest: Span | None = None
        """Of the code outside of handlers that masks interrupts."""

    def see(self, event: Event) -> Response | None:
        """The response that is complete with it."""
        kind = event.kind
        if kind == "cpu mask":
            self.masks.see(event)
            self._change(event)
            return None
        if kind in ("delivered", "returned"):
            handler = self.handlers.see(event)
            answered = self._answer(event, handler) if kind == "returned" and handler else None
            if kind == "delivered" and handler and not handler.synchronous:
                self._waiting.setdefault(event.vcpu, []).append(self._begun(handler))
            self._change(event)
            return answered
        if (kind == "acknowledged" and self._x86) or (kind == "line" and event.value):
            return None
        nest = self.handlers.under_way(event.vcpu)
        begun = bool(nest) and (event.insns > nest[-1].delivered.insns)
        return self._answer(event, nest[-1]) if begun else None

    def _begun(self, handler: Handler) -> Response:
        event = handler.delivered
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

    def _answer(self, event: Event, handler: Handler) -> Response | None:
        """Of the handler that runs there."""
        waiting = self._waiting.get(event.vcpu)
        while waiting:
            if waiting[-1].handler is handler:
                waiting[-1].answered = event
                return waiting.pop()
            if waiting[-1].handler in self.handlers.under_way(event.vcpu):
                return None
            waiting.pop()  # its stack was unwound
        return None

    def _change(self, event: Event) -> None:
        vcpu = event.vcpu
        if any(not each.synchronous for each in self.handlers.under_way(vcpu)):
            state = NESTED
        else:
            state = MASKED if vcpu in self.masks.since else OPEN
        was = self._now.get(vcpu)
        if was and was[0] == state and (state != NESTED or event.kind == "cpu mask"):
            return
        self._now[vcpu] = state, event
        if was is None or was[1].insns == event.insns:
            return
        span = Span(*was, event)
        self._spans.setdefault(vcpu, deque(maxlen=KEPT)).append(span)
        if span.state == MASKED and (self.longest is None or span.insns > self.longest.insns):
            self.longest = span


def blame(rule: Diagnosis, span: Span) -> Evidence:
    """Where what was waited for begins."""
    event = span.since
    if span.state == MASKED:
        return rule.evidence(event, f"masks interrupts, for {span.insns} instructions")
    if event.kind == "delivered":
        return rule.at(event, event.code, f"another handler is entered, which runs for {span.insns} instructions")
    return rule.evidence(event, f"from here on another handler runs for {span.insns} instructions")


def in_us(ns: float) -> str:
    """As times of responses are told."""
    return f"{ns / 1000:.2f} us"
