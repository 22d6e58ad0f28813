"""A source that nobody quiets: its handler is entered again for ever."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Evidence, Patient, Verdict
from vmm.diagnoses.storms import MANY, Storm


class Rule(Diagnosis):
    """A line that has fallen before, after it was served, is one that the guest knows how to quiet: see storm."""

    RULE = (
        f"a level was taken again {MANY} times or more, each time before what it had interrupted could run, up to the "
        "end of the run, and its line has never fallen"
    )

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._storms = books.storms

    def verdicts(self) -> Iterator[Verdict]:
        for storm in self._storms.storms:
            if self._storms.ongoing(storm) and not self._storms.falls.get(storm.high.line):
                yield self._verdict(storm)

    def _verdict(self, storm: Storm) -> Verdict:
        line, board = storm.high.line, self._patient.board
        name = board.line_names.get(line, f"line {line}")
        names = board.drivers.get(line, ())
        holders = [f"{each}'s {bits}" for each in names if (bits := getattr(board.devices.get(each), "asserted", ""))]
        bit = f"; what stays set is {' and '.join(holders)}" if holders else ""
        insns = storm.last.acknowledged.insns - storm.first.acknowledged.insns
        handler = storm.last.handler
        where = self._patient.where(handler.delivered.linear) if handler else "what it interrupts"
        text = (
            f"nothing quiets {name}: its line is high since insn {storm.high.rose.insns}, and it was taken "
            f"{storm.high.services} times since then, every {insns / storm.rounds:.0f} instructions{bit}. "
            f"{where} does not get on"
        )
        return self.verdict(text, *self._evidence(storm))

    def _evidence(self, storm: Storm) -> Iterator[Evidence]:
        handler = storm.first.handler
        if handler and handler.returned:
            yield self.at(handler.returned, handler.returned.code, "the handler returns, and the line is still high")
        yield self.evidence(storm.high.rose, "the line rises")
        if storm.first.ended:
            yield self.evidence(storm.first.ended, "the first end of interrupt")
        yield self.evidence(storm.last.acknowledged, "the last time it is taken")
