"""Diagnoses of each run of an exploration: what a run has come to is read from the ring of its machine where it ends.

The ring goes back in time with its machine, a log does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vmm.core.stops import Stop
from vmm.diagnoses.diagnosed import Asked, Look, able, compares, not_applied
from vmm.diagnoses.table import chosen, named
from vmm.machine.machine import Machine
from vmm.placements.found import Cause

DIAGNOSED = "!"
"""A kind that begins so goes on with a diagnosis and its guilty place, which its causes have in common."""
RING = 4096


@dataclass(frozen=True)
class Wanted:
    """What is looked for, as `vmm diagnose --list` has it."""

    words: tuple[str, ...] = ()
    asked: Asked | None = None

    @classmethod
    def of(cls, words: str | Sequence[str]) -> Wanted:
        """VmmError for what is no diagnosis."""
        said = tuple(words.split(",") if isinstance(words, str) else words)
        return cls(said, chosen(said)) if said else NOTHING

    def watch(self, machine: Machine) -> None:
        """From now on the machine keeps what they look at."""
        if self.asked:
            machine.trace.whole()
            if compares(self.asked):
                machine.trace.compare()

    def not_applied(self, machine: Machine) -> dict[str, str]:
        """As of `Diagnoses`."""
        return not_applied(machine, self.asked, named(self.words)) if self.asked else {}


NOTHING = Wanted()
"""Is looked for."""


class Diagnosing:
    """Of one machine's runs."""

    def __init__(self, machine: Machine, wanted: Wanted) -> None:
        self._machine = machine
        self._asked = able(machine, wanted.asked) if wanted.asked else {}

    def wrong(self, stop: Stop) -> Cause | None:
        """What is certain to have gone wrong in the run that has ended so; the first of it."""
        if not self._asked:
            return None
        look = Look(self._machine, self._asked, stop)
        takers = look.takers
        for event in self._machine.trace.last(RING):
            for see in takers.get(event.kind, ()):
                see(event)
        for verdict in look.verdicts():
            if verdict.certain:
                kind = f"{DIAGNOSED}{verdict.diagnosis} at {verdict.evidence[0].where}"
                return Cause(kind, f"{verdict.diagnosis}: {verdict}")
        return None
