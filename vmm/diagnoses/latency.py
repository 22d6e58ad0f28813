"""An interrupt that waits longer for its answer than it may."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import CERTAIN, LIKELY, Budget, Diagnosis, Evidence, Patient, Verdict
from vmm.diagnoses.responses import MASKED, Response
from vmm.diagnoses.told import blame


class Rule(Diagnosis):
    """Response = masked + nested + entry, each part counted."""

    RULE = (
        "an interrupt's response (from its request to what its handler first does to a controller or device: masked, "
        "nested in other handlers, and entry) takes longer than the budget; certain, for it is counted, but on several "
        "vCPUs, where a budget of instructions is one of all of them together"
    )
    BUDGET = "80us"
    NEEDED = True

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._responses = books.responses
        self._responses.each(self._answered)
        self._allowed = budget.in_insns(patient.insn_ns) if budget else None
        self._worst: dict[tuple[int, str], Response] = {}
        self._missed: dict[tuple[int, str], int] = {}
        self._parts = [0, 0, 0]

    def _answered(self, response: Response) -> None:
        masked, nested, entry = response.masked, response.nested, response.entry
        parts = self._parts
        if masked > parts[0] or nested > parts[1] or entry > parts[2]:
            self._parts = list(map(max, parts, (masked, nested, entry)))
        key = response.handler.number, response.handler.delivered.source
        took, worst = masked + nested + entry, self._worst.get(key)
        if worst is None or took > worst.insns:
            self._worst[key] = response
        if self._allowed is not None and took > self._allowed:
            self._missed[key] = self._missed.get(key, 0) + 1

    def verdicts(self) -> Iterator[Verdict]:
        if self._budget is None or self._allowed is None:
            return
        several = self._budget.insns is not None and self._responses.several
        for key, missed in sorted(self._missed.items()):
            yield self._verdict(self._worst[key], missed, self._allowed, LIKELY if several else CERTAIN)

    def _verdict(self, worst: Response, missed: int, allowed: int, confidence: str) -> Verdict:
        often = "" if missed == 1 else f"; {missed} responses are too late"
        text = (
            f"{self._name(worst)} has its answer after {self._insns(worst.insns)}, {worst.insns - allowed} more than "
            f"allowed: {_sum(worst)}; {self._remedy(worst, allowed)}{often}"
        )
        return self.verdict(text, *self._evidence(worst), confidence=confidence)

    def _remedy(self, worst: Response, allowed: int) -> str:
        left = allowed - worst.nested - worst.entry
        if left < 0:
            return "without any mask it would be late, too"
        return f"with these other parts at most {left} instructions may be masked"

    def _evidence(self, worst: Response) -> list[Evidence]:
        """The largest part first."""
        handler = worst.handler.delivered
        places = [(worst.entry, self.at(handler, handler.code, f"its handler is entered; {worst.entry} to its answer"))]
        if worst.blamed:
            places.append((max(worst.masked, worst.nested), blame(self, worst.blamed)))
            if worst.blamed.state == MASKED:
                end = worst.blamed.until
                places.append((-1, self.evidence(end, "and lets them in again")))
        return [each for _, each in sorted(places, key=lambda place: -place[0])]

    def figures(self) -> Iterator[str]:
        if self._allowed is None or not self._worst:
            return
        worst = max(self._worst.values(), key=lambda each: each.insns)
        where = self._patient.where
        yield f"worst response, of {self._name(worst)} at insn {worst.requested}: {_sum(worst)} = {worst.insns}"
        masked, nested, entry = self._parts
        bound = self._insns(sum(self._parts))
        yield f"worst of each part: {masked} masked + {nested} nested + {entry} entry = {bound} of {self._allowed}"
        yield f"longest mask that is still in time with these: {max(self._allowed - nested - entry, 0)} instructions"
        if span := self._responses.longest:
            begin, end = where(span.since.linear), where(span.until.linear)
            yield f"masked longest: {span.insns} instructions from {begin} to {end}"

    def _name(self, response: Response) -> str:
        return self.interrupt(response.handler.delivered)

    def _insns(self, count: int) -> str:
        return f"{count} instructions ({count * self._patient.insn_ns / 1000:g} us)"


def _sum(response: Response) -> str:
    return f"{response.masked} masked + {response.nested} nested + {response.entry} entry"
