"""A handler that runs longer than it may."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import CERTAIN, LIKELY, Budget, Diagnosis, Evidence, Patient, Verdict
from vmm.diagnoses.executions import Execution

SHOWN = 8
"""Places of the longest path in the words of a verdict's evidence."""
DOES = {
    "acknowledged": "acknowledges",
    "ended": "ends the interrupt",
    "masked": "changes a controller's mask",
    "cpu mask": "changes the vCPU's mask",
}


class Rule(Diagnosis):
    """Every path that was taken is counted: that all inputs and placements come is a scenario's business."""

    RULE = (
        "an interrupt's handler has run more instructions than the budget, from its delivery to its return, without "
        "those of other interrupts' handlers; certain, for they are counted, but on several vCPUs, whose instructions "
        "are counted together"
    )
    BUDGET = "100insns"
    NEEDED = True

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._executions = books.executions
        self._executions.each(self._over)
        self._allowed = budget.in_insns(patient.insn_ns) if budget else None
        self._longest: dict[tuple[int, str], Execution] = {}
        self._counts: dict[tuple[int, str], list[int]] = {}

    def _over(self, done: Execution) -> None:
        if done.handler.synchronous or self._allowed is None:
            return
        key, insns = (done.handler.number, done.handler.delivered.source), done.insns
        counts = self._counts.setdefault(key, [0, insns, -1, 0])  # all, least, most, those over
        counts[0] += 1
        counts[1] = min(counts[1], insns)
        counts[3] += insns > self._allowed
        if insns > counts[2]:
            counts[2], self._longest[key] = insns, done

    def verdicts(self) -> Iterator[Verdict]:
        for key, longest in sorted(self._longest.items()):
            if self._allowed is not None and longest.insns > self._allowed:
                yield self._verdict(longest, self._counts[key], self._allowed)

    def _verdict(self, longest: Execution, counts: list[int], allowed: int) -> Verdict:
        begin, end = max(longest.stretches(), key=lambda stretch: stretch[1].insns - stretch[0].insns)
        where = self._patient.where
        handler = longest.handler.delivered
        text = (
            f"the handler of {self._name(longest)} runs {longest.insns} instructions where {allowed} are allowed, "
            f"{counts[3]} of {counts[0]} times more than that: {end.insns - begin.insns} of them are from "
            f"{where(_place(begin))} to {where(_place(end))}"
        )
        guilty = self._step(begin, handler)
        others = [self._step(event, handler) for event in self._path(longest) if event is not begin]
        return self.verdict(text, guilty, *others, confidence=LIKELY if self._executions.several else CERTAIN)

    def _path(self, done: Execution) -> list[Event]:
        assert done.handler.returned
        return [done.handler.delivered, *done.places[:SHOWN], done.handler.returned]

    def _step(self, event: Event, begun: Event) -> Evidence:
        after = f"after {event.insns - begun.insns}: "
        words = {"delivered": "the handler is entered", "returned": f"{after}it returns"}
        return self.at(event, _place(event), words.get(event.kind) or after + DOES[event.kind])

    def figures(self) -> Iterator[str]:
        for key, longest in sorted(self._longest.items()):
            count, least, most, _ = self._counts[key]
            times = f"{count} times, {least} to {most} instructions" if count > 1 else f"once, {most} instructions"
            yield f"the handler of {self._name(longest)}: {times}"

    def _name(self, done: Execution) -> str:
        return self.interrupt(done.handler.delivered)


def _place(event: Event) -> int:
    return event.code if event.kind in ("delivered", "returned") else event.linear
