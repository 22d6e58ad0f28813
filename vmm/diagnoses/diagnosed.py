"""A machine under observation: what is recorded of its run is shown to the diagnoses whenever somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from vmm.core.stops import AWAITED
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Looked, Patient, Verdict, Verdicts, is_x86
from vmm.diagnoses.table import diagnosis
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm.core.stops import Stop
    from vmm.trace import Trace
    from vmm.trace.query import Selection, Thinned

__all__ = ["Asked", "Diagnoses", "Look", "able", "not_applied", "watch"]

Asked = Mapping[str, Budget | None]
"""By name, as `chosen` gives them."""
STOPPED = ("count", "user", *AWAITED)
"""The reasons of a stop behind which a run can go on."""
MOST = 200_000
"""Events that are looked at, the last ones; of a guest that takes interrupts all the time, those of some seconds."""


class Look:
    """One at a run that has ended as `stop` says, of those that can say something: its events are shown to `takers`, by
    kind and in order; then ask.
    """

    def __init__(self, patient: Patient, asked: Asked, stop: Stop) -> None:
        books = self._books = _books(patient)
        self._thins = len(patient.cpus) == 1
        self._rules: list[Diagnosis] = []
        for name in asked:
            ends = diagnosis(name).ENDS
            if not ends or stop.reason in ends:
                self._rules.append(_made(patient, asked, name, books))
        self.takers = books.takers()
        for rule in self._rules:
            rule.stop = stop
            for kind in rule.WANTS:
                self.takers.setdefault(kind, []).append(rule.see)

    @property
    def may_be_thinned(self) -> bool:
        """Nobody measures each interrupt, and no other vCPU's come between."""
        return self._thins and not self._books.measure and not any(rule.EACH for rule in self._rules)

    def left_out(self, rises: Mapping[int, int]) -> None:
        """Lines rose so often in what was not shown, and were taken each time."""
        self._books.lines.more(rises)

    def verdicts(self) -> list[Verdict]:
        """By diagnosis and then by when."""
        return Verdicts(verdict for rule in self._rules for verdict in rule.verdicts())

    def figures(self) -> dict[str, list[str]]:
        """What was measured, by diagnosis."""
        return {rule.name: lines for rule in self._rules if (lines := list(rule.figures()))}


def _books(patient: Patient) -> Books:
    return Books(x86=is_x86(patient))


def _made(patient: Patient, asked: Asked, name: str, books: Books | None = None) -> Diagnosis:
    return diagnosis(name)(name, patient, asked[name], books or _books(patient))


def not_applied(patient: Patient, asked: Asked, by_name: Collection[str]) -> dict[str, str]:
    """Of those asked for by name that cannot say anything of this machine, why."""
    return {name: why for name in by_name if (why := _made(patient, asked, name).lacks())}


def able(patient: Patient, asked: Asked) -> Asked:
    """Those that can say something of this machine."""
    return {name: budget for name, budget in asked.items() if not _made(patient, asked, name).lacks()}


def watch(trace: Trace, patient: Patient, asked: Asked) -> list[Callable[[], None]]:
    """Have the core tell what they want to know from now on; what ends that."""
    rules = [diagnosis(name) for name in asked]
    ends = [trace.compare()] if any(rule.COMPARES for rule in rules) else []
    for symbol in (symbol for rule in rules for symbol in rule.GUARDS):
        with suppress(VmmError):  # the image has no such symbol, or it is not mapped yet
            return [*ends, trace.guard(patient.address(symbol))]
    return ends


class Diagnoses:
    """What `Machine.diagnose` gives: a context that ends with `stop`.

    While it lasts the core keeps the events that diagnoses want; they are looked at when `verdicts` is called. Nothing
    that the guest sees changes, nor the hash.
    """

    def __init__(self, trace: Trace, patient: Patient, asked: Asked, by_name: Collection[str]) -> None:
        self._trace, self._patient, self._asked, self._named = trace, patient, asked, by_name
        for name in asked:
            _made(patient, asked, name)  # what a budget names is there, or that is said now
        self._ends = [*watch(trace, patient, asked), trace.record().stop]

    def verdicts(self) -> list[Verdict]:
        """What went wrong up to where the machine stands, by diagnosis and then by when. VmmError while another thread
        runs the machine.
        """
        return self.looked().verdicts

    def looked(self) -> Looked:
        """That, and what was measured for it."""
        look = Look(self._patient, able(self._patient, self._asked), self._patient.stop)
        note = ""
        if takers := look.takers:
            all_of = self._trace.of(kind=list(takers))
            thinned = all_of.thinned(vectors=is_x86(self._patient)) if look.may_be_thinned else None
            wanted: Selection | Thinned = all_of if thinned is None else thinned
            left_out, events = wanted.tail(MOST)
            for event in events:
                if left_out and not note:
                    note = f"of {left_out + MOST} events the last {MOST} were looked at, from insn {event.insns} on"
                for see in takers[event.kind]:
                    see(event)
            if thinned:
                look.left_out(thinned.rises)
        return Looked(look.verdicts(), look.figures(), note)

    def not_applied(self) -> dict[str, str]:
        """Of those asked for by name that cannot say anything of this machine, or of a run that is not over, why."""
        unended = {name: why for name, why in self.unended(self._patient.stop).items() if name in self._named}
        return not_applied(self._patient, self._asked, self._named) | unended

    def unended(self, stop: Stop) -> dict[str, str]:
        """Of those that look at how a run ends, why they cannot say anything of one that was stopped so before."""
        why = f"it looks at how a run ends, and this one was stopped: {stop}"
        return {name: why for name in self._asked if diagnosis(name).ENDS and stop.reason in STOPPED}

    def check(self) -> None:
        """VmmError, a line each, where a verdict is certain."""
        if wrong := [verdict for verdict in self.verdicts() if verdict.certain]:
            raise VmmError("\n".join(f"{verdict.diagnosis}: {verdict}" for verdict in wrong))

    def _repr_html_(self) -> str:
        from vmm.diagnoses.notebook import diagnoses

        return diagnoses(self)

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
