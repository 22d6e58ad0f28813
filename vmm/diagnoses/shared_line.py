"""A device that holds a shared line which another one raised, and that no handler looks at."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import pairwise
from operator import and_

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.handlers import Handler
from vmm.diagnoses.lines import High


class Rule(Diagnosis):
    """An input that takes levels would interrupt again; here nobody comes, so it takes edges, and there is none."""

    RULE = (
        "several devices held a line at once, one of them was served and let go, and another holds it still, though "
        "the handler has returned; certain where the run ended in a sleep that nothing ends"
    )
    ENDS = ("idle",)

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._lines = books.lines

    def verdicts(self) -> Iterator[Verdict]:
        for number, line in sorted(self._lines.lines.items()):
            high = line.last
            if not high or high.fell or self._lines.barred(number):
                continue
            handler = high.service.handler if high.service else None
            if handler and handler.returned and self._lines.open(handler.delivered.vcpu):
                yield from self._waits(high, handler, handler.returned)

    def _waits(self, high: High, handler: Handler, back: Event) -> Iterator[Verdict]:
        """Of the drivers that held it when another let go, is one there to this day?"""
        drops = [
            (had, has) for had, has in pairwise(high.held) if has.value & ~had.value == 0 and has.insns <= back.insns
        ]
        for joined, left in drops[-1:]:
            waiting = reduce(and_, (held.value for held in high.held if held.insns >= left.insns))
            if waiting:
                yield self._verdict(high, joined, left, back)

    def _verdict(self, high: High, joined: Event, left: Event, back: Event) -> Verdict:
        name = self._patient.board.line_names.get(high.line, f"line {high.line}")
        where = self._patient.where
        return self.verdict(
            f"a device on {name} is not served: {joined.value.bit_count()} devices held the line at once since insn "
            f"{joined.insns}, one of them was served and let go, and the handler returned at {where(back.code)} while "
            "another held it. The line is high to this day, and its input takes edges: no interrupt will come, and the "
            "machine sleeps",
            self.at(back, back.code, "the handler returns while the line is high"),
            self.evidence(high.rose, "the line rises"),
            self.evidence(joined, "another device holds it, too"),
            self.evidence(left, "one lets go, and it stays high"),
        )
