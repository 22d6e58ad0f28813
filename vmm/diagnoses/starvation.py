"""Main, or an interrupt, that gets nothing for too long, for handlers of others take all there is."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.handlers import SYNCHRONOUS
from vmm.diagnoses.responses import Response
from vmm.diagnoses.told import blame, in_us

BREATH = 1
"""Instructions of main between two handlers that are no progress: that behind IRET or ERET, or one in a shadow."""
KEPT = 1 << 16
"""Deliveries that are remembered, to tell whose handlers it was."""


@dataclass
class Busy:
    """A time in which a vCPU runs handlers alone, up to the last that has returned."""

    begin: Event
    end: Event
    handlers: int = 0

    @property
    def ns(self) -> int:
        return self.end.ns - self.begin.ns


class Rule(Diagnosis):
    """That handlers run one upon the other is no fault; how long the others can wait, only their author knows."""

    RULE = (
        "for longer than the budget handlers of interrupts ran with no instruction of main between them but the one "
        "behind a return, or an interrupt waited for handlers of others; certain, for it is counted"
    )
    WANTS = ("delivered", "returned")
    BUDGET = "1ms"
    NEEDED = True

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._handlers = books.handlers
        books.responses.each(self._answered)
        self._insn_ns = patient.insn_ns
        self._allowed = budget.in_insns(patient.insn_ns) * patient.insn_ns if budget else None
        self._delivered: deque[Event] = deque(maxlen=KEPT)
        self._starved: dict[tuple[int, str], tuple[Response, Counter[str]]] = {}
        self._now: dict[int, Busy] = {}
        self._longest: dict[int, Busy] = {}
        self._wait = 0

    def _answered(self, response: Response) -> None:
        if self._allowed is None or not response.nested:
            return
        ns = response.nested * self._insn_ns
        self._wait = max(self._wait, ns)
        key = response.handler.number, response.handler.delivered.source
        known = self._starved.get(key)
        if ns > self._allowed and (known is None or response.nested > known[0].nested):
            self._starved[key] = response, self._others(response)

    def see(self, event: Event) -> None:
        nest = self._handlers.under_way(event.vcpu)
        now = self._now.get(event.vcpu)
        if event.kind == "delivered":
            if nest[-1].synchronous:
                return
            self._delivered.append(event)
            if len(nest) > 1 and not all(each.synchronous for each in nest[:-1]):
                return
            if now is None or event.ns - now.end.ns > BREATH * self._insn_ns:
                self._now[event.vcpu] = Busy(event, event)
        elif now and event.source not in SYNCHRONOUS and all(each.synchronous for each in nest):
            now.end, now.handlers = event, now.handlers + 1
            longest = self._longest.get(event.vcpu)
            if longest is None or now.ns >= longest.ns:
                self._longest[event.vcpu] = now

    def _others(self, response: Response) -> Counter[str]:
        """Whose handlers were entered while it waited."""
        counts: Counter[str] = Counter()
        handler = response.handler.delivered
        for event in reversed(self._delivered):
            if event.insns < response.requested:
                break
            if event.vcpu == handler.vcpu and event.number != handler.number:
                counts[self.interrupt(event)] += 1
        return counts

    def verdicts(self) -> Iterator[Verdict]:
        if self._budget is None or self._allowed is None:
            return
        for _, (response, others) in sorted(self._starved.items()):
            yield self._of_interrupt(response, others, self._budget)
        for busy in self._longest.values():
            if busy.ns > self._allowed:
                yield self._of_main(busy, self._budget)

    def _of_interrupt(self, response: Response, others: Counter[str], budget: Budget) -> Verdict:
        handler = response.handler.delivered
        whose = ", ".join(f"{count} of {name}" for name, count in others.most_common(2))
        text = (
            f"{self.interrupt(handler)} waits {in_us(response.nested * self._insn_ns)} for handlers of others, where "
            f"{budget.text} is allowed, from insn {response.requested} on: {whose or 'one that was under way'}"
        )
        causes = [blame(self, response.blamed)] if response.blamed else []
        return self.verdict(text, *causes, self.evidence(handler, "it is taken at last, and this was interrupted"))

    def _of_main(self, busy: Busy, budget: Budget) -> Verdict:
        text = (
            f"vCPU {busy.begin.vcpu} runs {busy.handlers} handlers one upon the other for {in_us(busy.ns)}, where "
            f"{budget.text} is allowed, and no more than {BREATH} instruction of what they interrupt between two"
        )
        begin = busy.begin
        return self.verdict(
            text,
            self.at(begin, begin.code, f"the first of them is {self.interrupt(begin)}"),
            self.evidence(begin, "what was interrupted, and waits"),
            self.at(busy.end, busy.end.code, "the last of them returns"),
        )

    def figures(self) -> Iterator[str]:
        if self._allowed is None:
            return
        yield f"longest wait of an interrupt for handlers of others: {in_us(self._wait)}"
        for vcpu, busy in sorted(self._longest.items()):
            yield f"longest time of handlers alone on vCPU {vcpu}: {in_us(busy.ns)}, {busy.handlers} of them"
