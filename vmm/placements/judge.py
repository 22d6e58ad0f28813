"""What must hold where a run ends: what always must, comparisons that C evaluates, and functions that are asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from vmm.core.native import lib
from vmm.core.stops import REASONS, Stop
from vmm.machine.machine import Machine
from vmm.placements.bounds import Bounds
from vmm.placements.checks import Function, NoAnswer
from vmm.placements.diagnosing import NOTHING, Diagnosing, Wanted
from vmm.placements.found import Cause
from vmm.placements.predicate import Term
from vmm.placements.sources import Source
from vmm.placements.subject import Window, told

if TYPE_CHECKING:
    from vmm._native import vmm_ending


OWN = "="
"""A kind that begins so goes on with the words of its causes, whichever run's."""


SPINS = "spins for ever"
"""In the words of what is wrong with a run that does."""


class Ended(NamedTuple):
    """What words hang on of a `vmm_ending`."""

    phase: int
    reason: int
    errors: int
    code: int
    terms: int
    spins: int
    late: int
    deep: int

    @classmethod
    def of(cls, kind: str) -> Ended:
        """A kind that is not its own words."""
        return cls(*map(int, kind.split()))


@dataclass
class Judge:
    """What must hold where a run ends. Causes are numbered from 1: an outcome is one of them, or 0."""

    machine: Machine
    bounds: Bounds
    sources: list[Source]
    window: Window
    terms: list[Term]
    functions: list[Function]
    errors: int
    """Of the guest before the window."""
    patience: int
    diagnoses: Wanted = NOTHING
    kinds: list[Cause] = field(default_factory=list)
    no_answers: dict[int, NoAnswer] = field(default_factory=dict)
    """By the outcome that stands for it."""

    @cached_property
    def _diagnosing(self) -> Diagnosing:
        return Diagnosing(self.machine, self.diagnoses)

    def judge(self, ending: vmm_ending, stop: Stop) -> int:
        """What is wrong with it: 0 nothing."""
        try:
            cause = self._cause(ending, stop)
        except NoAnswer as error:
            outcome = self._numbered(Cause(f"no answer: {error}", str(error)))
            self.no_answers[outcome] = error
            return outcome
        return 0 if cause is None else self._numbered(cause)

    def _cause(self, ending: vmm_ending, stop: Stop) -> Cause | None:
        """What a diagnosis is certain of says why, and comes first; where the stack is too deep the run goes on."""
        if not ending.deep and (diagnosed := self._diagnosing.wrong(stop)):
            return diagnosed
        words = self.words(ending, stop)
        return None if words is None else Cause(self._kind(ending, words), words)

    def _kind(self, ending: vmm_ending, words: str) -> str:
        """Where each run is asked about its words are its own; else they are of the first that ended so."""
        if self.functions:
            return f"{OWN}{words}"
        return " ".join(str(getattr(ending, name)) for name in Ended._fields)

    def _numbered(self, cause: Cause) -> int:
        for number, each in enumerate(self.kinds, 1):
            if each.kind == cause.kind:
                return number
        self.kinds.append(cause)
        return len(self.kinds)

    def act(self, choice: int) -> None:
        """Let it happen."""
        self.sources[choice].happen(self.machine)

    def words(self, ending: vmm_ending | Ended, stop: Stop) -> str | None:
        """What is wrong with a run that ended so, where the machine stands; None: nothing. NoAnswer."""
        for number, term in enumerate(self.terms):
            if term.says_why and not ending.deep and not ending.terms >> number & 1:
                return term.broken
        if ending.deep:
            return f"its stack grows by more than {self.bounds.stack} bytes"
        if wrong := self._stopped(ending, stop):
            return wrong
        if ending.errors and not self.errors:
            return "the guest makes an error: " + str(self.machine.trace.first_guest_errors()[0])
        if ending.late and self.bounds.deadline:
            return f"it takes longer than {self.bounds.deadline.text}"
        for number, term in enumerate(self.terms):
            if not ending.terms >> number & 1:
                return term.broken
        for function in self.functions:
            if wrong := function.wrong(self.machine):
                return wrong
        return None

    def _stopped(self, ending: vmm_ending | Ended, stop: Stop) -> str | None:
        if ending.phase == lib.VMM_PHASE_END:
            return None
        aim = self.window.until if ending.phase == lib.VMM_PHASE_BEYOND else self.window.end
        if REASONS.get(ending.reason) in ("count", "trigger"):
            where = "its end" if aim is None else told(aim)
            never = f"it does not come to {where} within {self.patience} instructions of the window's begin"
            return f"{never}: it {SPINS}, through states that come again and again" if ending.spins else never
        ended = stop.reason in ("exit", "poweroff", "reset")
        if ended and stop.exit_status == 0 and self.window.until is None:
            return None
        if ended and self.window.until is None:
            return stop.detail
        return str(stop) if aim is None or ended is False else f"it does not come to {told(aim)}: {stop.detail}"
