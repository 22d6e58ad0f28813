"""An edge that was over before anybody took it, and that somebody sleeps for."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import CERTAIN, LIKELY, Budget, Diagnosis, Evidence, Patient, Verdict
from vmm.diagnoses.lines import High, Line


class Rule(Diagnosis):
    """A driver that looks at its device once more needs no interrupt; of one that sleeps that cannot be said."""

    RULE = (
        "the last edge of a line fell before it was acknowledged, masked or too short, and brought no interrupt; "
        "certain where the line is unmasked, no device of the board's drives it, whose registers may have been asked "
        "meanwhile, and the run ended in a sleep that nothing ends"
    )
    ENDS = ("idle",)

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._lines = books.lines

    def verdicts(self) -> Iterator[Verdict]:
        if not self._lines.open(0):
            return
        for number, line in sorted(self._lines.lines.items()):
            high = line.last
            if high and high.fell and not high.services and high.rose.insns and not self._lines.barred(number):
                yield self._lost(line, high, high.fell)

    def _lost(self, line: Line, high: High, fell: Event) -> Verdict:
        name = self._patient.board.line_names.get(high.line, f"line {high.line}")
        where = self._patient.where
        masked = high.masked
        why = f"while it was masked at {where(masked.linear)}" if masked else "before it was acknowledged"
        text = (
            f"an edge of {name} is lost: the line rose at insn {high.rose.insns} and fell at insn {fell.insns}, {why}. "
            f"Of the {line.rises} times it rose {line.taken} brought an interrupt. The machine sleeps, and "
            "nothing else can wake it"
        )
        sure = masked and line.taken and self._lines.from_outside(high.line, self._patient.board.drivers)
        return self.verdict(text, *self._evidence(high, fell), confidence=CERTAIN if sure else LIKELY)

    def _evidence(self, high: High, fell: Event) -> Iterator[Evidence]:
        if high.masked:
            yield self.evidence(high.masked, "masked from here on")
        yield self.evidence(high.rose, "the line rises")
        yield self.evidence(fell, "the line falls, and nobody has taken the interrupt")
