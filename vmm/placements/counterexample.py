"""The least failing placement once more, in a machine of its own: its story, and a recording of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vmm.core.stops import AWAITED, Stop
from vmm.machine.explorer import Placement
from vmm.machine.machine import Machine, accesses_of
from vmm.placements.aim import Aim, soonest
from vmm.placements.judge import SPINS
from vmm.placements.observed import Observed
from vmm.placements.sources import Source
from vmm.placements.story import Moment, Story
from vmm.scenario.combinators import First
from vmm.scenario.trigger import Trigger
from vmm.scenario.triggers import Reach

if TYPE_CHECKING:
    from vmm.placements.subject import Subject, Window

BEFORE = 4096
"""Instructions that are observed before an interrupt, at most."""
BEHIND = 16384
"""Steps behind the last."""
ROUNDS = 1024
"""The same, where they would be one round after another."""


class Told(NamedTuple):
    """The story of a run, a line each, its steps to be put on a timeline, and the name of its recording."""

    lines: list[str]
    moments: list[Moment]
    recording: str | None


def tell(
    subject: Subject, sources: Sequence[Source], placements: Sequence[Placement], cause: str,
    record: Path | str | None, patience: int, stack: int | None, forbidden: Sequence[str] = (),
) -> Told:  # fmt: skip
    """The story; `record` is the recording's name, `forbidden` where a run is over."""
    machine = subject.boot()
    with machine.recording(record) if record else nullcontext():
        subject.enter(machine)
        first = machine.instructions
        retold = Retold(machine, subject.window, first + patience, forbidden)
        with accesses_of(machine) as accesses:
            observed = Observed(machine, accesses, stack)
            story = Story(observed, first)
            for number, placement in enumerate(placements):
                retold.go_to(observed, story, placement, placements[number - 1] if number else None, first)
                story.happens(sources[placement.choice].name)
                sources[placement.choice].happen(machine)
            retold.observe(observed, ROUNDS if SPINS in cause else BEHIND)
            lines, moments = [*story.lines(), *_deepest(observed, stack)], story.moments()
        spins = SPINS in cause and not retold.stop
        stop = machine.stop if spins else retold.stop or retold.finish()
    if not spins:
        lines.append(str(stop) if stop.reason not in AWAITED else f"it comes to {_place(stop)}")
    if cause not in str(stop) and cause not in lines:
        lines.append(cause)
    return Told([f"  {line}" for line in lines], moments, str(record) if record else None)


def _place(stop: Stop) -> str:
    return stop.detail.removeprefix(First.detail).removeprefix(Reach.detail).strip()


def _deepest(observed: Observed, bound: int | None) -> Iterator[str]:
    step = max(observed.steps, key=lambda each: each.grown, default=None)
    if bound is not None and step and step.grown > bound:
        yield f"the stack is deepest behind {observed.machine.where(step.pc)} {step.code}: {step.grown} bytes"


class Retold:
    """A machine from its window's first boundary to its run's end, as an exploration runs it."""

    def __init__(self, machine: Machine, window: Window, limit: int, forbidden: Sequence[str] = ()) -> None:
        self._machine, self._limit = machine, limit
        assert not isinstance(window.end, Trigger)
        self._aims = [Aim(machine, each) for each in (window.end, window.until) if each is not None]
        """Where it has still to come to: that ends the window, and that ends the run."""
        self._ends_there = window.until is not None
        self._forbidden = [machine.address(each) for each in forbidden]
        self._over = [Reach(each) for each in self._forbidden]
        self.stop: Stop | None = None
        """The run is over."""

    def go_to(
        self, observed: Observed, story: Story, placement: Placement, before: Placement | None, first: int
    ) -> None:  # fmt: skip
        """To a boundary of the window, which begins at `first`; what lies far before it is not observed."""
        machine = self._machine
        ahead = first + placement.at.insns - machine.instructions
        if ahead > BEFORE:
            machine.run(insns=ahead - BEFORE)
            story.gap()
        while machine.instructions < first + placement.at.insns:
            observed.step()
        more = placement.at.more
        if not ahead and before is not None and before.at.insns == placement.at.insns:
            more -= before.at.more
        for _ in range(more):
            observed.step()

    def observe(self, observed: Observed, steps: int) -> None:
        """On from the last interrupt."""
        self.leave()
        for _ in range(steps):
            stop = observed.step()
            if stop.reason != "breakpoint" or self._is_over():
                self.stop = stop
                return

    def leave(self) -> None:
        """At the window's last boundary where runs end is looked for when the interrupt has happened."""
        if self._aims and len(self._aims) > self._ends_there and self._aims[0].reached:
            del self._aims[0]

    def _stands_at(self, address: int) -> bool:
        return self._machine.cpus[self._machine.position.vcpu].pc == address

    def _arrived(self) -> bool:
        """It has come to where runs end. That may be where the window does, too."""
        while self._aims and self._aims[0].reached:
            del self._aims[0]
        return self._ends_there and not self._aims

    def _is_over(self) -> bool:
        return any(map(self._stands_at, self._forbidden)) or self._arrived()

    def finish(self) -> Stop:
        """To the end, or as far as it may go."""
        machine = self._machine
        while self._aims:
            aim = self._aims[0]
            stop = aim.run(self._over, self._left())
            if not aim.came(stop) or self._is_over():
                return stop
        return machine.run(until=soonest(self._over), insns=self._left())

    def _left(self) -> int:
        return max(self._limit - self._machine.instructions, 0)
