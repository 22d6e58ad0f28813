"""A machine under observation: what is recorded of its run is shown to the diagnoses whenever somebody asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from vmm.arch import named
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Looked, Patient, Verdict
from vmm.diagnoses.table import diagnosis
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm.trace import Trace

__all__ = ["Diagnoses"]

MOST = 200_000
"""Events that are looked at, the last ones; of a guest that takes interrupts all the time, those of some seconds."""


class Diagnoses:
    """What `Machine.diagnose` gives: a context that ends with `stop`.

    While it lasts the core keeps the events that diagnoses want; they are looked at when `verdicts` is called. Nothing
    that the guest sees changes, nor the hash.
    """

    def __init__(
        self, trace: Trace, patient: Patient, asked: Mapping[str, Budget | None], by_name: Collection[str]
    ) -> None:
        self._trace, self._patient, self._asked, self._named = trace, patient, asked, by_name
        for name in asked:
            self._made(name, self._books())  # what a budget names is there, or that is said now
        compared = any(diagnosis(name).COMPARES for name in asked)
        self._ends = [trace.compare()] if compared else []
        self._ends.append(trace.record().stop)

    def verdicts(self) -> list[Verdict]:
        """What went wrong up to where the machine stands, by diagnosis and then by when. VmmError while another thread
        runs the machine.
        """
        return self.looked().verdicts

    def looked(self) -> Looked:
        """That, and what was measured for it."""
        reason, note = self._patient.stop.reason, ""
        books = self._books()
        able = [name for name in self._asked if self._can_say(name, reason)]
        rules = [self._made(name, books) for name in able]
        takers = books.takers()
        for rule in rules:
            for kind in rule.WANTS:
                takers.setdefault(kind, []).append(rule.see)
        if takers:
            wanted = self._trace.of(kind=list(takers))
            left_out = max(len(wanted) - MOST, 0)
            for event in wanted.behind(left_out):
                if left_out and not note:
                    note = f"of {left_out + MOST} events the last {MOST} were looked at, from insn {event.insns} on"
                for see in takers[event.kind]:
                    see(event)
        verdicts = [verdict for rule in rules for verdict in rule.verdicts()]
        return Looked(verdicts, {rule.name: lines for rule in rules if (lines := list(rule.figures()))}, note)

    def not_applied(self) -> dict[str, str]:
        """Of those asked for by name that cannot say anything of this machine, why."""
        return {name: why for name in self._named if (why := self._made(name, self._books()).lacks())}

    def check(self) -> None:
        """VmmError, a line each, where a verdict is certain."""
        if wrong := [verdict for verdict in self.verdicts() if verdict.certain]:
            raise VmmError("\n".join(f"{verdict.diagnosis}: {verdict}" for verdict in wrong))

    def _books(self) -> Books:
        return Books(x86=named(self._patient.architecture).number == "vector")

    def _made(self, name: str, books: Books) -> Diagnosis:
        return diagnosis(name)(name, self._patient, self._asked[name], books)

    def _can_say(self, name: str, reason: str) -> bool:
        """Something of this machine, whose run has ended for such a reason."""
        ends = diagnosis(name).ENDS
        return (not ends or reason in ends) and not self._made(name, self._books()).lacks()

    def stop(self) -> None:
        """Keep no more; what was kept can still be asked about."""
        while self._ends:
            self._ends.pop()()

    def __enter__(self) -> Diagnoses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
