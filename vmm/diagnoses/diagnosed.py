"""A machine under observation: what is recorded of its run is shown to the diagnoses whenever somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING

from vmm.core.event import Event
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
        self, trace: Trace, patient: Patient, asked: Mapping[str, Budget | None], named: Collection[str]
    ) -> None:
        self._trace, self._patient, self._asked, self._named = trace, patient, asked, named
        for name in asked:
            self._made(name)  # what a budget names is there, or that is said now
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
        made = [rule for rule in map(self._made, self._asked) if not rule.lacks()]
        rules = [rule for rule in made if not rule.ENDS or reason in rule.ENDS]
        takers: dict[str, list[Callable[[Event], None]]] = {}
        for rule in rules:
            for kind in rule.WANTS:
                takers.setdefault(kind, []).append(rule.see)
        if takers:
            wanted = self._trace.of(kind=list(takers))
            events, left_out = iter(wanted), max(len(wanted) - MOST, 0)
            if left_out:
                first = next(islice(events, left_out, None))
                note = f"of {left_out + MOST} events the last {MOST} were looked at, from insn {first.insns} on"
            for event in events:
                for see in takers[event.kind]:
                    see(event)
        verdicts = [verdict for rule in rules for verdict in rule.verdicts()]
        return Looked(verdicts, {rule.name: lines for rule in rules if (lines := list(rule.figures()))}, note)

    def not_applied(self) -> dict[str, str]:
        """Of those asked for by name that cannot say anything of this machine, why."""
        return {name: why for name in self._named if (why := self._made(name).lacks())}

    def check(self) -> None:
        """VmmError, a line each, where a verdict is certain."""
        if wrong := [verdict for verdict in self.verdicts() if verdict.certain]:
            raise VmmError("\n".join(f"{verdict.diagnosis}: {verdict}" for verdict in wrong))

    def _made(self, name: str) -> Diagnosis:
        return diagnosis(name)(name, self._patient, self._asked[name])

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
