"""A vCPU that sleeps for ever though what it waits for is there: it came behind the look, and before the sleep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.code import Code
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.handlers import Handler
from vmm.diagnoses.looks import Look, last_look


class Rule(Diagnosis):
    """What was looked at is worked out once more, with what is in memory where the run ends."""

    RULE = (
        "where the run ends a vCPU sleeps that looked at memory, was interrupted between the look and HLT or WFI, and "
        "would not sleep if it looked again; certain, for nothing else has come since"
    )
    WANTS = ("returned",)
    ENDS = ("idle", "limit")

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._handlers = books.handlers
        self._last: dict[int, Handler] = {}

    def see(self, event: Event) -> None:
        if self._handlers.of:
            self._last[event.vcpu] = self._handlers.of

    def verdicts(self) -> Iterator[Verdict]:
        for cpu in self._patient.cpus:
            last = self._last.get(cpu.index)
            if last and cpu.halted and not self._handlers.under_way(cpu.index) and not last.synchronous:
                yield from self._of(cpu, last)

    def _of(self, cpu: Any, last: Handler) -> Iterator[Verdict]:
        sleeps = cpu.recent()[-1]
        look = last_look(Code(self._patient, cpu.index), sleeps)
        if look and look.would_branch and look.at < last.interrupted <= sleeps:
            yield self._verdict(cpu.index, last, sleeps, look)

    def _verdict(self, vcpu: int, last: Handler, sleeps: int, look: Look) -> Verdict:
        delivered, where = last.delivered, self._patient.where
        return self.verdict(
            f"vCPU {vcpu} sleeps at {where(sleeps)} for ever, and what it waits for has come: it looked at "
            f"{where(look.address)} at {where(look.at)}, then {delivered.source} was handled, and then it slept "
            "without another look",
            self.at(delivered, last.interrupted, f"{delivered.source} is handled here, behind the look"),
            self.at(delivered, look.at, "what was looked at would be found now"),
            self.at(delivered, sleeps, "sleeps"),
        )
