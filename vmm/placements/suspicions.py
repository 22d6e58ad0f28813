"""Whether an interrupt within a window comes between accesses that belong together, though no check forbids it.

What the undisturbed run accesses and what handlers do tells where that can be; each such place is then really tried,
and what is told is what happened there. Looked for is what hardly any program means: a handler's change that is
overwritten unread, halves of one value from two times, and two accesses of one source line with a handler's between.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from vmm.machine.accesses import Accesses
from vmm.machine.explorer import Placement
from vmm.machine.machine import Machine, accesses_of
from vmm.machine.snapshot import Snapshot
from vmm.placements.aim import Aim
from vmm.placements.atomicity import LOST, TORN_READ, TORN_WRITE, Conflict, conflicts
from vmm.placements.found import LOOKED_AT
from vmm.placements.observed import Observed, Step
from vmm.placements.sources import Source
from vmm.placements.story import Story
from vmm.scenario.trigger import Trigger

if TYPE_CHECKING:
    from vmm.placements.subject import Subject, Window

HANDLER_STEPS = 4096
BEHIND = 256
"""Steps behind a handler's return, and of the undisturbed run behind the window."""
HANDLERS = 4
"""Runs that tell what the handler of a source accesses."""
NEAR = 256
"""Steps before an interrupt that count all; of those further off, only what accesses what the handler does."""
TRIED = 64
"""Places at which one source is tried."""
EXTENT = (
    f"handlers as they run at {HANDLERS} boundaries or fewer, against the accesses of the undisturbed run, to boundary "
    f"{LOOKED_AT:,}; not of other placements"
)
"""How far it is looked for."""
TORN = frozenset({TORN_READ, TORN_WRITE})
CERTAIN = frozenset({LOST, *TORN})
"""Kinds that hardly any program means."""


class Suspicion(NamedTuple):
    """Of one source, at each of these boundaries; the first and the last were tried."""

    words: str
    placements: list[Placement]


def suspicions(
    subject: Subject, sources: Sequence[Source], delivered: Mapping[int, Sequence[Placement]]
) -> list[Suspicion]:
    """Of the sources by number, each with the placements of the window that are delivered at once. Machines of one
    vCPU only.
    """
    machine = subject.boot()
    if len(machine.cpus) > 1 or not any(delivered.values()):
        return []
    subject.enter(machine)
    with accesses_of(machine) as accesses:
        looked = _Looked(machine, accesses, subject.window)
        return [
            found for number, placements in delivered.items() if placements
            for found in looked.source(sources[number], placements)
        ]  # fmt: skip


class _Looked:
    """A machine at its window's first boundary, and the undisturbed run from there."""

    def __init__(self, machine: Machine, accesses: Accesses, window: Window) -> None:
        self._machine, self._accesses = machine, accesses
        self._begin: Snapshot = machine.snapshot()
        self._first = machine.instructions
        self._depth = accesses.depth(0)
        observed = Observed(machine, accesses)
        assert not isinstance(window.end, Trigger)
        left, end = LOOKED_AT, Aim(machine, window.end)
        while left and (not observed.steps or not end.reached) and observed.step().reason == "breakpoint":
            left -= 1
        for _ in range(BEHIND):
            if observed.step().reason != "breakpoint":
                break
        self._steps = observed.steps
        self._matter: list[int] = []
        """Those that access what the handler does."""
        self._at = {place: number for number, place in reversed([*enumerate(_places(self._steps, self._first))])}

    def source(self, source: Source, placements: Sequence[Placement]) -> Iterator[Suspicion]:
        """All of it that is found."""
        boundaries = sorted((self._at[each.at[:2]], each) for each in placements if each.at[:2] in self._at)
        touched = set[int]()
        for number, placement in boundaries[:: max(len(boundaries) // HANDLERS, 1)][:HANDLERS]:
            story = self._with(source, placement, number)
            touched |= {
                at for step in story.steps[story.at :] if step.depth > self._depth
                for access in step.accesses if not access.by_core
                for at in range(access.physical, access.end)
            }  # fmt: skip
        self._matter = [number for number, step in enumerate(self._steps) if _accesses(step, touched)]
        told = set[object]()
        for number, placement in self._worth(boundaries, touched):
            story = self._with(source, placement, number)
            for each in self._found(story):
                key = story.key(each)
                if key in told:
                    continue
                told.add(key)
                among = [other for other in boundaries if story.origin[each.before] < other[0] <= number]
                begin, earliest = among[0]
                first = self._with(source, earliest, begin, BEHIND + number - begin)
                if any(first.key(other) == key for other in self._found(first)):
                    yield Suspicion(story.meaning(each), [other for _, other in among])
                else:
                    yield Suspicion(story.meaning(each), [placement])

    def _found(self, story: _Told) -> list[Conflict]:
        """What the interrupt comes between."""
        return [
            each for each in conflicts(story.steps, 0)
            if each.before < story.at <= each.handler and self._matters(each, story.steps)
        ]  # fmt: skip

    def _worth(self, boundaries: Sequence[tuple[int, Placement]], touched: set[int]) -> Iterator[tuple[int, Placement]]:
        """The last boundary before each instruction that accesses what the handler does; of one instruction, two."""
        visits: dict[int, int] = {}
        for (number, placement), (following, _) in zip(
            boundaries, [*boundaries[1:], (len(self._steps), None)], strict=True
        ):
            for step in self._steps[number:following]:
                if _accesses(step, touched):
                    visits[step.pc] = visits.get(step.pc, 0) + 1
                    if visits[step.pc] <= 2 and len(visits) <= TRIED:
                        yield number, placement
                        break

    def _with(self, source: Source, placement: Placement, number: int, behind: int = BEHIND) -> _Told:
        """The run with that interrupt in it, to so many steps behind its return."""
        machine = self._machine
        machine.restore(self._begin)
        if placement.at.insns:
            machine.run(insns=placement.at.insns)
        observed = Observed(machine, self._accesses)
        for _ in range(placement.at.more):
            observed.step()
        source.happen(machine)
        far = max(number - NEAR, 0)
        origin = [*self._matter[: bisect_left(self._matter, far)], *range(far, number)]
        observed.steps[:] = [self._steps[each] for each in origin]
        left = HANDLER_STEPS + behind
        while left and behind and observed.step().reason == "breakpoint":
            left -= 1
            behind -= self._accesses.depth(0) <= self._depth
        return _Told(observed, self._first, origin)

    def _matters(self, conflict: Conflict, steps: Sequence[Step]) -> bool:
        if steps[conflict.before].depth != self._depth:
            return False
        if conflict.pattern in TORN:
            return not self._begins_another(conflict.physical + conflict.size // 2)
        if conflict.pattern in CERTAIN:
            return True
        one, other = steps[conflict.before].pc, steps[conflict.after].pc
        loaded = self._machine.loaded
        lines = [loaded.place(pc)[1] for pc in (one, other)] if loaded else []
        return one < other and bool(lines and lines[0]) and lines[0] == lines[1]

    def _begins_another(self, physical: int) -> bool:
        """A symbol's first byte is there: what lies below it is another value, not the other half of one."""
        name = Observed(self._machine, self._accesses).name(physical)
        return "+" not in name and not name.startswith("0x")


class _Told(Story):
    """With its steps: of the undisturbed run those at `origin` there, and from `at` on with the interrupt."""

    def __init__(self, observed: Observed, first: int, origin: list[int]) -> None:
        super().__init__(observed, first)
        self.steps, self.origin, self.at = observed.steps, origin, len(origin)

    def key(self, conflict: Conflict) -> object:
        """Its kind, and where in the code it is."""
        return conflict.pattern, *(self.steps[n].pc for n in (conflict.before, conflict.handler, conflict.after))


def _accesses(step: Step, bytes_: set[int]) -> bool:
    return any(at in bytes_ for access in step.accesses for at in range(access.physical, access.end))


def _places(steps: Sequence[Step], first: int) -> Iterator[tuple[int, int]]:
    """Of each step's boundary, as a `Place` has it: instructions, and boundaries behind the first there."""
    last, more = -1, 0
    for step in steps:
        insns = step.insns - first
        more = more + 1 if insns == last else 0
        last = insns
        yield insns, more
