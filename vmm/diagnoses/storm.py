"""An interrupt storm: the end of interrupt comes before the device lets go of its line."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Evidence, Patient, Verdict
from vmm.diagnoses.storms import MANY, Storm


class Rule(Diagnosis):
    """Who takes what a device has bit by bit is interrupted as often, and rightly: its handler lowers the line."""

    RULE = (
        f"a level was taken again {MANY} times or more, each time before what it had interrupted could run, and its "
        "line fell at last elsewhere than in its handler, which had ended the interrupt too early"
    )

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._storms = books.storms

    def verdicts(self) -> Iterator[Verdict]:
        by_line: dict[int, list[Storm]] = {}
        for storm in self._storms.storms:
            known = self._storms.falls.get(storm.high.line)
            if known and not storm.quelled_by_handler:
                by_line.setdefault(storm.high.line, []).append(storm)
        for line, storms in sorted(by_line.items()):
            yield self._verdict(line, max(storms, key=lambda each: each.rounds), len(storms))

    def _verdict(self, line: int, storm: Storm, count: int) -> Verdict:
        name = self._patient.board.line_names.get(line, f"line {line}")
        first, last = storm.first.acknowledged, storm.last.acknowledged
        ended = storm.first.ended
        assert ended, "else it would not have been taken again"
        more = f" (the worst of {count})" if count > 1 else ""
        fell = storm.high.fell
        until = f", until insn {fell.insns}, when something else lowered it" if fell else ""
        text = (
            f"{name} storms{more}: from insn {first.insns} on it was taken {storm.rounds + 1} times in "
            f"{last.insns - first.insns} instructions, each time at most {storm.gap} after the end of interrupt, for "
            f"its line stayed high{until}. {self._starved(storm)}. The end of interrupt at "
            f"{self._patient.where(ended.linear)} comes before the device is quiet"
        )
        return self.verdict(text, *self._evidence(storm, ended))

    def _starved(self, storm: Storm) -> str:
        handler = storm.last.handler
        where = self._patient.where(handler.delivered.linear) if handler else "what was interrupted"
        return f"Meanwhile {where} did not get on"

    def _evidence(self, storm: Storm, ended: Event) -> Iterator[Evidence]:
        yield self.evidence(ended, "the end of interrupt, while the line is high")
        yield self.evidence(storm.high.rose, "the line rises")
        if storm.last.handler:
            yield self.evidence(storm.last.handler.delivered, "still interrupted here, the last time")
        if storm.high.fell:
            yield self.evidence(storm.high.fell, "the line falls")
