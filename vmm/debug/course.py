"""A run that can be gone back in: what was decided on the way is decided again where it was.

A debugger moves the machine by triggers and slices alone, which leave no trace; so where it was gone back and on again,
the run is the same. What comes from outside is known from the run's log, or from the recording that is replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from vmm.core.stops import AWAITED, Stop
from vmm.errors import VmmError
from vmm.inputs.position import Position
from vmm.inputs.tape import Entry
from vmm.replayer.player import passed, towards
from vmm.scenario.combinators import First
from vmm.scenario.trigger import Trigger
from vmm.scenario.triggers import NextBoundary

if TYPE_CHECKING:
    from vmm.inputs.recorder import Recorder
    from vmm.machine.machine import Machine
    from vmm.replayer.player import Replay

FRUITLESS = 1000
"""Runs of a machine that stands still, which decisions may want one behind the other."""
UNCHANGED = "a recorded run is looked at, not changed"


class Typed(Protocol):
    """Where what is typed comes from."""

    def send(self, machine: Machine) -> None:
        """What is there now."""


class Came(NamedTuple):
    """Why the machine stands, if not because a slice is over."""

    trigger: Trigger[Any] | None = None
    """This one has fired."""
    result: Any = None
    """What it gave."""
    stop: Stop | None = None
    """The run has ended, for now or for good."""
    broken_in: bool = False
    """Somebody wanted it to stop."""


class Course:
    """Of a machine; the base of both kinds. `entries` are decisions in their order, of which the first `made` were
    made.
    """

    def __init__(self, machine: Machine, entries: Sequence[Entry]) -> None:
        self.machine = machine
        self.entries, self.made = list(entries), 0
        self._fruitless = 0
        self.why_not: str | None = None
        """Why nobody can go back in it; None: one can."""

    def forward(self, triggers: Sequence[Trigger[Any]], insns: int) -> Came:
        """On to a trigger, by so many instructions at most, and no further than to where something was decided: that is
        decided again.
        """
        self.settle()
        came = self._forward(triggers, insns)
        self.settle()
        return came

    def _forward(self, triggers: Sequence[Trigger[Any]], insns: int) -> Came:
        here, goal = self.machine.position, self._goal()
        if self._over(here):
            return Came(stop=self._ended())
        if goal and passed(here, goal):
            raise self._astray(goal)
        ways = [*triggers, *(towards(here, goal) if goal else ())]
        stop = self.machine.run(until=First(*ways) if ways else None, insns=insns)
        self._fruitless = self._fruitless + 1 if self.machine.position == here else 0
        if stop.reason in AWAITED:
            fired = stop.result
            moved = self.machine.position != here
            if any(fired.trigger is each for each in triggers):
                return Came(fired.trigger, fired.result)
            return Came(self._boundary(triggers) if moved else None)
        if stop.reason != "count":
            self._stopped(stop)
            if self._goal() is None:
                return Came(stop=stop)
        if self._fruitless > FRUITLESS:
            raise self._astray(goal or here)
        return Came()

    def _boundary(self, triggers: Sequence[Trigger[Any]]) -> NextBoundary | None:
        """One that would have fired where something else on the way to a decision stopped the machine first."""
        vcpu = self.machine.position.vcpu
        wanted = (each for each in triggers if isinstance(each, NextBoundary) and each.cpu in (None, vcpu))
        return None if self.machine.cpus[vcpu].halted else next(wanted, None)

    def settle(self) -> None:
        """What was decided where the machine stands is decided."""
        while self.made < len(self.entries) and self.entries[self.made].at == self.machine.position:
            self._decide(self.entries[self.made])
            self.made += 1

    def _goal(self) -> Position | None:
        """Where the run cannot go on by itself: the next decision."""
        return self.entries[self.made].at if self.made < len(self.entries) else None

    def _over(self, here: Position) -> bool:
        """There is no more of it."""
        return False

    def _ended(self) -> Stop:
        raise NotImplementedError

    def _stopped(self, stop: Stop) -> None:
        """The machine has, by itself."""

    def _decide(self, entry: Entry) -> None:
        raise NotImplementedError

    def _astray(self, goal: Position) -> VmmError:
        return VmmError(f"something was done at {goal}; the run is at {self.machine.position}, and does not come there")

    def mark(self) -> Any:
        """For `rewind`."""
        return None

    def rewind(self, mark: Any) -> None:
        """The machine has gone back to where this was taken."""

    def forget(self) -> bool:
        """What came from outside behind where it stands does not come again; whether anything did. VmmError where it is
        there for good.
        """
        raise NotImplementedError

    def change(self, make: Callable[[], Any]) -> Any:
        """Let something come from outside: what would have come behind it does not. VmmError where nothing may, and for
        what the machine refuses: where that was decided it came, and may have done a part of it.
        """
        raise NotImplementedError


class Live(Course):
    """A run that is recorded as it is made."""

    def __init__(self, machine: Machine, recorder: Recorder, typed: Typed | None = None) -> None:
        self._log, self._typed = recorder.log, typed
        super().__init__(machine, list(self._log.entries))
        self.made = len(self.entries)
        self._newest = self._log.entries.newest

    def _decide(self, entry: Entry) -> None:
        decision = entry.decision
        try:
            self.machine.inputs.decide(decision.kind, *decision.arguments)
        except VmmError:
            if not decision.refused:
                raise
        self._newest = self._log.entries.newest

    def _learn(self) -> None:
        """What was decided since, at the end of what is known."""
        new, node = [], self._log.entries.newest
        while node is not self._newest and node:
            new.append(node.item)
            node = node.before
        if new:
            self.entries = [*self.entries[: self.made], *reversed(new)]
            self.made, self._newest = len(self.entries), self._log.entries.newest

    def forward(self, triggers: Sequence[Trigger[Any]], insns: int) -> Came:
        """As the base's, and behind what is known."""
        if self._typed and self._goal() is None:
            self._typed.send(self.machine)
        self._learn()
        return super().forward(triggers, insns)

    def mark(self) -> Any:
        self._learn()
        return self.entries, self.made

    def rewind(self, mark: Any) -> None:
        entries, made = mark
        known = self.entries[:made] == entries[:made]
        self.entries, self.made = (self.entries if known and len(self.entries) >= made else entries), made
        self._newest = self._log.entries.newest

    def forget(self) -> bool:
        self._learn()
        came = self._goal() is not None
        self.entries = self.entries[: self.made]
        return came

    def change(self, make: Callable[[], Any]) -> Any:
        self._learn()  # what is behind is forgotten by the next one, where something came
        return make()


class Replayed(Course):
    """A recording's."""

    def __init__(self, replay: Replay) -> None:
        super().__init__(replay.machine, replay.tape.entries)
        self._replay = replay

    def _decide(self, entry: Entry) -> None:
        self._replay.decide(entry)

    def _goal(self) -> Position | None:
        return super()._goal() or self._replay.goal

    def _over(self, here: Position) -> bool:
        return self.made == len(self.entries) and here == self._replay.goal

    def _ended(self) -> Stop:
        return self._replay.end()

    def _stopped(self, stop: Stop) -> None:
        self._replay.stopped(stop)

    def _astray(self, goal: Position) -> VmmError:
        return self._replay.astray(goal)

    def mark(self) -> Any:
        return self.made, self._replay.mark()

    def rewind(self, mark: Any) -> None:
        self.made, calls = mark
        self._replay.rewind(calls)

    def forget(self) -> bool:
        raise VmmError(UNCHANGED)

    def change(self, make: Callable[[], Any]) -> Any:
        raise VmmError(UNCHANGED)
