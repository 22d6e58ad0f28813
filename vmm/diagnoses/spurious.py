"""Spurious interrupts, and what became of the request that somebody answered too late."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import LIKELY, Budget, Diagnosis, Evidence, Patient, Verdict
from vmm.diagnoses.handlers import Handler
from vmm.diagnoses.lines import High

CHIPS = {7: range(8), 15: range(8, 16)}
"""Of the pin that an 8259A answers for, which are its own."""


class Rule(Diagnosis):
    """A spurious interrupt is no fault of who takes it; but a request was lost for it, or never was one."""

    RULE = (
        "a controller had nothing to give when it was asked: which line had fallen before the acknowledge, or that "
        "none had; never certain, for a handler may well expect it"
    )
    WANTS = ("spurious", "line", "acknowledged")

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._lines = books.lines
        self._fallen: High | None = None
        self._answered: dict[int, Handler] = {}
        self._found: dict[tuple[int, int | None], tuple[Event, High | None, int]] = {}

    def see(self, event: Event) -> None:
        if event.kind == "spurious":
            self._spurious(event)
            return
        high = self._lines.of
        if event.kind == "acknowledged":
            self._fallen = None
            taken = self._lines.services.of
            if taken and taken.handler:
                self._answered[event.vcpu] = taken.handler
        elif high and high.fell is event and not high.services:
            self._fallen = high

    def _spurious(self, event: Event) -> None:
        nest = self._lines.services.handlers.under_way(event.vcpu)
        if nest and self._answered.get(event.vcpu) is nest[-1]:
            return  # a handler that asks until there is nothing left
        high = self._fallen if self._fallen and self._answers(event, self._fallen) else None
        key = event.number, high.line if high else None
        first, its, times = self._found.get(key, (event, high, 0))
        self._found[key] = first, its, times + 1
        self._fallen = None

    def _answers(self, event: Event, high: High) -> bool:
        """It may be for this line: an 8259A answers for its own inputs only, and a local APIC for none."""
        return not self._x86 or high.line in CHIPS.get(event.value, ())

    def verdicts(self) -> Iterator[Verdict]:
        for event, high, times in self._found.values():
            first = f"the first of {times} spurious interrupts" if times > 1 else "a spurious interrupt"
            text = f"{first}, {self.number(event)}, was taken at insn {event.insns}: {self._why(high)}"
            yield self.verdict(text, *self._evidence(event, high), confidence=LIKELY)

    def _why(self, high: High | None) -> str:
        if high is None or high.fell is None:
            return "nothing requested when the controller was asked"
        name = self._patient.board.line_names.get(high.line, f"line {high.line}")
        return (
            f"{name} rose at insn {high.rose.insns} and fell at insn {high.fell.insns}, before it was acknowledged: "
            "there was nothing left to give"
        )

    def _evidence(self, event: Event, high: High | None) -> Iterator[Evidence]:
        if high and high.fell:
            yield self.evidence(high.fell, "the line falls")
            yield self.evidence(high.rose, "it had risen")
        yield self.evidence(event, "the spurious interrupt is taken")
