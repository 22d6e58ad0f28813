"""An interrupt from outside whose handler takes it for a system call or an exception of the code it interrupts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.handlers import Handler

EXCEPTIONS = 32
"""Vectors below are exceptions' (SDM 3A 6.2)."""
CHANGES = {"frame changed": "the place where it goes on", "registers changed": "its registers"}


@dataclass
class _Taken:
    """A handler that has answered what nobody asked."""

    handler: Handler
    changed: Event
    times: int = 1


class Rule(Diagnosis):
    """Hardware's vectors are its controllers' to say. What comes past them all comes from who owns the machine, a
    hypervisor; a handler that finds nobody who asked can still leave everything as it was.
    """

    RULE = (
        "an interrupt that came past every controller, with the vector of an exception or of an INT n that the guest "
        "executes, and whose handler changed registers of the code it interrupted, or the place where that goes on, as "
        "it does for who asks for it; certain, for nobody had"
    )
    WANTS = ("delivered", *CHANGES)
    COMPARES = True

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._handlers = books.handlers
        self._called: set[int] = set()
        self._taken: dict[tuple[int, str], _Taken] = {}

    def applies(self) -> str:
        return "" if self._x86 else "an ARM guest's SVCs and exceptions have vectors that no interrupt can have"

    def see(self, event: Event) -> None:
        if event.kind not in CHANGES:
            if event.source == "software":
                self._called.add(event.number)
            return
        nest = self._handlers.under_way(event.vcpu)
        if nest and nest[-1].delivered.source == "script":
            key = nest[-1].number, event.kind
            if key in self._taken:
                self._taken[key].times += 1
            else:
                self._taken[key] = _Taken(nest[-1], event)

    def verdicts(self) -> Iterator[Verdict]:
        for (number, _), taken in self._taken.items():
            if number < EXCEPTIONS or number in self._called:
                yield self._verdict(number, taken)

    def _verdict(self, number: int, taken: _Taken) -> Verdict:
        delivered, changed, where = taken.handler.delivered, taken.changed, self._patient.where
        name = self._patient.cpu.exception_name(number) or number
        whose = f"exception {name}" if number < EXCEPTIONS else f"INT {number:#x}"
        often = f"; {taken.times} times" if taken.times > 1 else ""
        text = (
            f"vector {number:#04x} came from outside, past every controller, and its handler took it for {whose} of "
            f"the code at {where(delivered.linear)}, which had not asked, and changed {CHANGES[changed.kind]}{often}"
        )
        return self.verdict(
            text,
            self.at(delivered, delivered.code, "the handler is entered, and does not ask who has called it"),
            self.evidence(delivered, "what it interrupts"),
            self.at(changed, changed.code, f"it returns, and has changed {CHANGES[changed.kind]}"),
        )
