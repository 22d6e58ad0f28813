"""An interrupt that is ended before its handler has done its work, by itself or by another's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Evidence, Patient, Verdict
from vmm.diagnoses.handlers import Handler
from vmm.diagnoses.services import Key, Service

TAIL = 32
"""Instructions that restore registers and return; more is work."""


@dataclass
class Early:
    """An interrupt that was ended while its handler was under way."""

    service: Service
    ended: Event
    by: Handler
    """Whose end it was: its own handler, or one that had ended its own before."""
    own: Event | None = None
    """Where that one had ended its own."""
    let_in: Handler | None = None
    """What had been held back until then, and came in."""
    requested: Event | None = None
    """Since when it had been."""
    elsewhere: int = 0
    """Instructions that other handlers have taken of its handler's time since then."""
    rest: int = 0
    """Instructions that its handler had left to do."""

    @property
    def stolen(self) -> bool:
        return self.by is not self.service.handler


class Rule(Diagnosis):
    """A handler that ends its interrupt with interrupts masked has ended nothing early: nobody comes in."""

    RULE = (
        "a handler that had let interrupts in ended its interrupt, one of no higher priority that had been held back "
        f"came in, and the handler had more than {TAIL} instructions to go; or a handler ended its own interrupt and "
        "then another's"
    )
    WANTS = ("pending", "acknowledged", "ended", "delivered", "returned")

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._masks = books.masks
        self._services = books.services
        self._pending: dict[Key, Event] = {}
        self._own: dict[Handler, Event] = {}
        self._under_way: dict[Handler, Early] = {}
        self._early: list[Early] = []

    def see(self, event: Event) -> None:
        kind, service, handler = event.kind, self._services.of, self._services.handlers.of
        if kind == "pending":
            self._pending[self._services.key(event)] = event
        elif kind == "ended" and service:
            self._ended(service, event)
        elif kind == "acknowledged" and service:
            self._taken(service)
        elif kind == "returned" and handler:
            self._returned(handler, event)
        elif kind == "delivered" and self._under_way:
            for each in self._services.held.values():
                if each.handler is handler:
                    self._taken(each)

    def _ended(self, service: Service, event: Event) -> None:
        nest = self._services.handlers.under_way(event.vcpu)
        if not nest or service.handler not in nest:
            return
        top, own = nest[-1], service.handler
        if top is own:
            self._own.setdefault(own, event)
            if event.vcpu not in self._masks.since:
                self._under_way[own] = Early(service, event, own)
        elif top in self._own:
            early = self._under_way[own] = Early(service, event, top, self._own[top])
            self._early.append(early)

    def _taken(self, service: Service) -> None:
        """It came in where something had kept it out that is ended now, though its handler is under way."""
        handler = service.handler
        requested = self._pending.get(service.key)
        if handler is None or requested is None:
            return
        for outer in self._services.handlers.under_way(handler.delivered.vcpu):
            early = self._under_way.get(outer)
            if outer is handler or early is None or early.let_in:
                continue
            if early.stolen or early.service.acknowledged.insns <= requested.insns < early.ended.insns:
                early.let_in, early.requested = handler, requested

    def _returned(self, handler: Handler, event: Event) -> None:
        self._own.pop(handler, None)
        for outer in self._services.handlers.under_way(event.vcpu):
            if early := self._under_way.get(outer):
                early.elsewhere += event.insns - max(handler.delivered.insns, early.ended.insns)
                break
        early = self._under_way.pop(handler, None)
        if early is None:
            return
        early.rest = event.insns - early.ended.insns - early.elsewhere
        if not early.stolen and early.let_in and early.rest > TAIL:
            self._early.append(early)

    def verdicts(self) -> Iterator[Verdict]:
        told: set[tuple[int, int]] = set()
        for early in self._early:
            if (place := (early.ended.linear, early.service.acknowledged.number)) not in told:
                told.add(place)
                yield self._verdict(early)

    def _verdict(self, early: Early) -> Verdict:
        handler = early.service.handler
        assert handler, "else nobody's work would have been cut off"
        where, name = self._patient.where, self._name(handler)
        place = where(early.ended.linear)
        if early.stolen:
            text = (
                f"the end of interrupt at {place} is one too many: the handler of {self._name(early.by)} has ended its "
                f"own before, and ends {name}, whose handler is under way"
            )
        else:
            text = (
                f"{name} is ended at {place}, while interrupts are unmasked and its handler has {early.rest} "
                "instructions to go"
            )
        return self.verdict(f"{text}{self._inversion(early, name)}", *self._evidence(early, handler))

    def _inversion(self, early: Early, name: str) -> str:
        if early.let_in is None or early.requested is None:
            return ""
        low = self._name(early.let_in)
        return (
            f". So {low}, requested at insn {early.requested.insns} and of no higher priority, comes in at insn "
            f"{early.let_in.delivered.insns}, and {name} waits for it"
        )

    def _evidence(self, early: Early, handler: Handler) -> Iterator[Evidence]:
        yield self.evidence(early.ended, "the end of interrupt")
        if early.own:
            yield self.evidence(early.own, "its own was here")
        yield self.evidence(handler.delivered, f"{self._name(handler)} had been delivered here")
        if early.let_in:
            yield self.evidence(early.let_in.delivered, f"{self._name(early.let_in)} comes in here")

    def _name(self, handler: Handler) -> str:
        return self.interrupt(handler.delivered)
