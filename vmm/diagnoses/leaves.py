"""What the diagnoses share that hold the registers at a handler's return against those at its delivery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import CERTAIN, LIKELY, Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.handlers import Handler
from vmm.diagnoses.read_next import read_next

Found = tuple[Handler, Event]


class Leaves(Diagnosis):
    """An interrupt's handler that returns to what it interrupted, and leaves registers of some kind changed."""

    KIND: ClassVar[str]
    """Of the events."""
    VECTOR: ClassVar[bool]
    COMPARES = True
    WHAT: ClassVar[str]

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._handlers = books.handlers
        self._found: dict[tuple[int, int], list[Found]] = {}

    def see(self, event: Event) -> None:
        nest = self._handlers.under_way(event.vcpu)
        if nest and nest[-1].of_the_kernel:
            self._found.setdefault((nest[-1].delivered.number, event.code), []).append((nest[-1], event))

    def verdicts(self) -> Iterator[Verdict]:
        for found in self._found.values():
            yield self._of(found)

    def is_certain(self, linear: int) -> bool:
        """That what is read there is what was meant to be there before."""
        raise NotImplementedError

    def _of(self, found: Sequence[Found]) -> Verdict:
        asked: dict[tuple[int, int], tuple[int, str] | None] = {}
        for handler, event in found:
            key = event.pc, event.number
            if key not in asked:
                asked[key] = read_next(self._patient, event.vcpu, event.pc, event.number, vector=self.VECTOR)
            if asked[key] and self.is_certain(event.pc):
                return self._verdict(len(found), handler, event, asked[key], CERTAIN)
        handler, event = found[0]
        return self._verdict(len(found), handler, event, asked[event.pc, event.number], LIKELY)

    def _verdict(
        self, times: int, handler: Handler, event: Event, read: tuple[int, str] | None, confidence: str
    ) -> Verdict:
        delivered, where = handler.delivered, self._patient.where
        evidence = [
            self.at(event, event.code, "the handler returns"),
            self.at(delivered, delivered.code, f"{delivered.source} was delivered, from {where(event.pc)}"),
        ]
        which = f"{self.WHAT} registers" if event.number & (event.number - 1) else f"a {self.WHAT} register"
        used = ""
        if read:
            address, name = read
            evidence.append(self.at(event, address, f"reads {name}"))
            used = f": {name.upper()} is read at {where(address)} as if nothing had been between"
        often = f", {times} times" if times > 1 else ""
        return self.verdict(
            f"the handler of {delivered.source} changes {which} of the code it interrupted and does not "
            f"restore {'it' if which.startswith('a ') else 'them'}{often}{used}",
            *evidence,
            confidence=confidence,
        )
