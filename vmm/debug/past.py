"""Snapshots kept along the way, and the way back: to the nearest one before, and on from there.

Their distances grow with how far away they are, so that going back a little costs little, and all of them little
memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from vmm.debug.console import Written
from vmm.debug.course import Came, Course
from vmm.errors import VmmError, unknown
from vmm.inputs.position import Position
from vmm.replayer.player import towards
from vmm.scenario.trigger import Trigger
from vmm.scenario.triggers import Accessed, Elapsed, NextBoundary

if TYPE_CHECKING:
    from vmm.machine.snapshot import Snapshot

SLICE = 1_000_000
"""Instructions between two looks whether somebody wants to stop."""
SPACING = 2 * SLICE
"""Between two snapshots on the way."""
NEAR = 20_000
"""Instructions that are quickly run once more."""
MOST = 64
"""Snapshots."""

Poll = Callable[[], bool]
"""Whether somebody wants to stop."""


class BrokenIn(Exception):
    """Somebody wanted to stop on the way."""


class Moment(NamedTuple):
    """A place to go back to."""

    at: Position
    counts: tuple[int, ...]
    """Instructions begun on each vCPU."""
    snapshot: Snapshot
    mark: Any
    """Of the course."""
    written: int
    """Bytes on the console."""


class Hit(NamedTuple):
    """A trigger fired, and where."""

    at: Position
    trigger: Trigger[Any]
    result: Any
    cpu: int


def order(at: Position) -> tuple[int, int, int]:
    """What of it never goes down in a run."""
    return at[:3]


class Past:
    """Of a course, from where it stands on; VmmError where its machine cannot be taken a snapshot of."""

    def __init__(self, course: Course, console: Written) -> None:
        self._course, self._machine, self._console = course, course.machine, console
        self._moments: list[Moment] = []
        self._named: dict[str, tuple[Moment, list[Moment]]] = {}
        if course.why_not is None:
            try:
                self.keep()
            except VmmError as error:
                course.why_not = str(error)

    @property
    def moments(self) -> list[Position]:
        """Where snapshots were taken, the oldest first."""
        return [moment.at for moment in self._moments]

    @property
    def names(self) -> dict[str, Position]:
        """Of those that somebody named, and where they were taken."""
        return {name: moment.at for name, (moment, _) in self._named.items()}

    def name(self, name: str) -> None:
        """Keep the present for `restore`."""
        self._named[name] = self.moment(), list(self._moments)

    def restore(self, name: str) -> None:
        """Stand there again, with the past that it had; VmmError for a name that there is not."""
        if name not in self._named:
            raise unknown("snapshot", name, self._named)
        moment, before = self._named[name]
        self._moments = list(before)
        self.go_to(moment)

    # ---- on the way ----

    def moment(self) -> Moment:
        """The present as one, that nobody keeps yet."""
        machine = self._machine
        counts = tuple(cpu.count for cpu in machine.cpus)
        return Moment(machine.position, counts, machine.snapshot(), self._course.mark(), self._console.at)

    def keep(self) -> None:
        """Take a snapshot here, unless there is one."""
        here = order(self._machine.position)
        before = sum(order(moment.at) <= here for moment in self._moments)
        if before and self._moments[before - 1].at == self._machine.position:
            return
        self._moments.insert(before, self.moment())
        if len(self._moments) > MOST:
            del self._moments[self._least_missed(here[0])]

    def _least_missed(self, here: int) -> int:
        """The snapshot without which the way between its neighbours is shortest for how far they are away."""
        at = [moment.at.insns for moment in self._moments]

        def cost(n: int) -> float:
            return (at[n + 1] - at[n - 1]) / (1 + min(abs(here - at[n - 1]), abs(here - at[n + 1])))

        return min(range(1, len(at) - 1), key=cost)

    def went_on(self) -> None:
        """A part of the way was gone: take a snapshot if it is time for one."""
        if self._course.why_not is not None:
            return
        here = self._machine.position
        before = [moment for moment in self._moments if order(moment.at) <= order(here)]
        if here.insns - before[-1].at.insns >= SPACING:
            self.keep()

    def changed(self) -> None:
        """What was to come will not: it was changed from here on."""
        here = order(self._machine.position)
        self._console.changed()
        self._moments = [moment for moment in self._moments if order(moment.at) < here]
        if self._course.why_not is None:
            self.keep()

    def forward(self, triggers: Sequence[Trigger[Any]], poll: Poll) -> Came:
        """On to a trigger or the run's end."""
        while True:
            came = self._course.forward(triggers, SLICE)
            self.went_on()
            if came.trigger or came.stop:
                return came
            if poll():
                return Came(broken_in=True)

    # ---- back ----

    def check(self) -> None:
        """VmmError where one cannot go back."""
        if self._course.why_not is not None:
            raise VmmError(self._course.why_not)

    def go_to(self, moment: Moment) -> None:
        """Stand there again."""
        self._machine.restore(moment.snapshot)
        self._console.at = moment.written
        self._course.rewind(moment.mark)
        self._course.settle()

    def go(self, there: Position, poll: Poll) -> None:
        """On, or back, to a boundary that was come by; BrokenIn on the way."""
        here = self._machine.position
        if here != there and order(there) <= order(here):
            self.go_to(self._before(there))
        while True:
            far = there.insns - self._machine.position.insns
            if far <= NEAR:
                break
            self._leg([Elapsed(insns=far // 2)], there, poll)
            self.keep()
        self._run([], there, poll)

    def _run(self, triggers: Sequence[Trigger[Any]], there: Position, poll: Poll) -> Came:
        """On to a trigger or to `there`, whichever is first."""
        while self._machine.position != there:
            came = self._leg(triggers, there, poll)
            if any(came.trigger is each for each in triggers):
                return came
        return Came()

    def _leg(self, triggers: Sequence[Trigger[Any]], there: Position, poll: Poll) -> Came:
        """On by a part of the way to `there`."""
        here = self._machine.position
        if order(here) > order(there):
            raise VmmError(f"the way back to {there} is lost; the run is at {here}")
        came = self._course.forward([*triggers, *towards(here, there)], SLICE)
        if poll():
            raise BrokenIn
        return came

    def _before(self, there: Position) -> Moment:
        """The last snapshot at or before a boundary."""
        return [each for each in self._moments if each.at == there or order(each.at) < order(there)][-1]

    def step(self, cpu: int, poll: Poll) -> bool:
        """Back by one boundary of a vCPU; False: it stands at the first that is known."""
        vcpu = self._machine.cpus[cpu]
        state = vcpu.count, vcpu.pc
        return self.find(cpu, state[0], lambda: (vcpu.count, vcpu.pc) != state, poll)

    def find(self, cpu: int, count: int, wanted: Callable[[], bool], poll: Poll) -> bool:
        """Back to the last boundary of a vCPU that is `wanted`, when `count` instructions had begun on it or one less;
        False: there is none, and it stands at the first moment.
        """
        end = self._machine.position
        earlier = [moment for moment in self._moments if order(moment.at) < order(end)]
        for moment in reversed(earlier):
            if moment.counts[cpu] >= count and moment is not earlier[0]:
                continue
            self.go_to(moment)
            if self._find(cpu, count, wanted, end, poll):
                return True
        return False

    def _find(self, cpu: int, count: int, wanted: Callable[[], bool], end: Position, poll: Poll) -> bool:
        vcpu, machine = self._machine.cpus[cpu], self._machine
        while (far := count - 1 - vcpu.count) > 0:
            self._leg([Elapsed(insns=far if far <= NEAR else far // 2, cpu=cpu)], end, poll)
            if far > NEAR:
                self.keep()
        near, found, last, same = self.moment(), None, None, 0
        while (machine.position != end or wanted()) and vcpu.count <= count:
            here = machine.position
            same = same + 1 if here == last else 0  # what an IT block skips does not count
            if here.vcpu == cpu and not vcpu.halted and wanted():
                found = here, same
            self._leg([NextBoundary(cpu)], end, poll)
            last = here
        if found:
            self.go_to(near)
            self._run([], found[0], poll)
            for _ in range(found[1]):
                self._leg([NextBoundary(cpu)], end, poll)
        else:
            self.go_to(self._moments[0])
        return found is not None

    def search(
        self, triggers: Sequence[Trigger[Any]], standing: Callable[[], Trigger[Any] | None], poll: Poll
    ) -> Hit | None:
        """Back to where one of the triggers fired last, or one of those that `standing` knows is where it stands; None:
        to the first moment, for none did. An access that has led to where it stands counts.
        """
        end = self._machine.position
        for moment in reversed([moment for moment in self._moments if order(moment.at) < order(end)]):
            self.go_to(moment)
            hit = self._standing(standing)
            while (came := self._run(triggers, end, poll)).trigger:
                if self._machine.position != end or isinstance(came.trigger, Accessed):
                    hit = Hit(self._machine.position, came.trigger, came.result, self._machine.stop.vcpu)
            if hit:
                self.go(hit.at, poll)
                return hit
            end = moment.at
        if self._moments:
            self.go_to(self._moments[0])
        return None

    def _standing(self, standing: Callable[[], Trigger[Any] | None]) -> Hit | None:
        trigger, here = standing(), self._machine.position
        return Hit(here, trigger, None, here.vcpu) if trigger else None
