"""Every placement of interrupts within a window, for a test: all of them explored, or those that a test chooses run
one by one, from a snapshot at the window's first boundary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from vmm.core.stops import AWAITED, REASONS, TRIGGER
from vmm.errors import VmmError
from vmm.machine.machine import Machine
from vmm.machine.snapshot import Snapshot
from vmm.placements.exploration import PATIENCE, Subject, Window, explore
from vmm.placements.report import Report
from vmm.placements.sources import Source, source
from vmm.scenario.triggers import NextBoundary, Reach
from vmm.testing.boundaries import Boundary, name_at
from vmm.testing.machines import MOST, Machines, Tested
from vmm.testing.placement import At, placements

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

OVER = {*REASONS.values()} - {TRIGGER, "count"}
"""The reasons of stops behind which the guest does no more."""


class Stand(NamedTuple):
    """At the window's first boundary."""

    tested: Tested
    snapshot: Snapshot
    written: int
    """Bytes that the guest has written to the console."""
    patience: int
    """Instructions that a run from there may take, as in an exploration."""


class Exploration:
    """What the marker `explore` asks for; true where it is proven that no placement fails."""

    def __init__(self, machines: Machines, image: str, options: dict[str, Any], asked: dict[str, Any]) -> None:
        """`options` are the marker guest's, `asked` what `vmm.explore` takes besides."""
        self.image, self._machines, self._options, self._asked = image, machines, options, asked
        begin, end = asked["between"]
        self._window = Window(begin, end, asked.get("until"), asked.get("hit", 1))
        inject = asked.get("inject", ())
        chosen = [inject] if isinstance(inject, str | Source) else inject
        self._sources = {each.name: each for each in (source(e) if isinstance(e, str) else e for e in chosen)}
        self.story: str | None = None
        """What has come of it, in words, once it was asked for."""

    def __bool__(self) -> bool:
        return bool(self.report)

    def __repr__(self) -> str:
        return f"<{(self.story or f'exploration of {self.image}').partition(chr(10))[0]}>"

    @cached_property
    def report(self) -> Report:
        """All placements tried, when it is first asked for: what `vmm.explore` gives. VmmError for what it cannot
        begin.
        """
        if not self._sources:
            raise VmmError("marker explore: inject= does not say what to try")
        path, options = self._machines.wanted(self.image, self._options)
        report = explore(path, **self._asked, **options)
        report.image = self.image
        self.story = str(report)
        if report.least:
            self.run(At(each.placement.at.insns, each.placement.at.more, each.source) for each in report.least)
        return report

    def run(self, placement: Iterable[tuple[int, int, str]]) -> Machine:
        """The machine at the end of a run in which just this happens, as far as the run has such boundaries within the
        window. It is the same machine each time, gone back to the window's first boundary. VmmError where it never
        comes there.
        """
        machine = self._again()
        first, before = machine.instructions, (0, 0)
        for insns, more, name in sorted(placement):
            further = more - before[1] if before[0] == insns else more
            if not self._go_on(machine, first + insns, further):
                break
            before = insns, more
            if machine.instructions == first + insns:  # else there are not so many boundaries
                (self._sources.get(name) or source(name)).happen(machine)
        self._finish(machine, first + self._stand.patience)
        return machine

    def boundaries(self) -> Iterator[Boundary]:
        """The machine at each boundary of the window in turn, as in a run that nobody disturbs: what was done at the
        boundary before is undone, as far as a snapshot goes. VmmError where it does not come to the window's end.
        """
        machine, names = self._again(), Counter[str]()
        left, end = self._stand.patience, machine.address(self._window.end)
        while True:
            address, here, written = machine.cpu.pc, machine.snapshot(), len(self._stand.tested.console)
            yield Boundary(machine, name_at(machine, address, names), address, machine.where(address))
            self._restore(here, written)
            if address == end and left < self._stand.patience:
                return
            left -= 1
            stop = machine.run(until=NextBoundary())
            if stop.reason in OVER or not left:
                raise VmmError(f"the guest never comes to {self._window.end}: {stop}")

    def placements(self, most: int = 3) -> SearchStrategy[list[At]]:
        """None to `most` of the sources, anywhere in the window or in the handlers that run there: for hypothesis.
        VmmError where that is not installed.
        """
        undisturbed = self._to_end()
        handlers = max(0, *(self._to_end(each) - undisturbed for each in self._sources.values()))
        return placements(undisturbed + (most - 1) * handlers, list(self._sources), most)

    # ---- where its runs begin, and how they go on ----

    @cached_property
    def _stand(self) -> Stand:
        machine = self._machines(self.image, **self._options)
        tested = self._machines.tested[-1]
        Subject(self.image, {}, self._window).enter(machine)
        if machine.waiting:
            raise VmmError(f"a scenario waits in this machine, which has to go back: {machine.waiting[0]}")
        first, snapshot, written = machine.instructions, machine.snapshot(), len(tested.console)
        self._finish(machine, first + MOST)
        return Stand(tested, snapshot, written, 10 * (machine.instructions - first) + PATIENCE)

    def _again(self) -> Machine:
        """At the window's first boundary."""
        self._restore(self._stand.snapshot, self._stand.written)
        return self._stand.tested.machine

    def _restore(self, snapshot: Snapshot, written: int) -> None:
        self._stand.tested.machine.restore(snapshot)
        del self._stand.tested.console[written:]

    def _go_on(self, machine: Machine, insns: int, further: int) -> bool:
        """To the boundary at which so many have begun, and then `further`; False where the window ends before."""
        if (ahead := insns - machine.instructions) > 0:
            stop = machine.run(until=Reach(self._window.end), insns=ahead)
            if machine.instructions < insns or stop.reason in OVER:
                return False
        for _ in range(further):
            if machine.cpu.pc == machine.address(self._window.end):
                return False
            if machine.run(until=NextBoundary()).reason in OVER:
                return False
        return True

    def _finish(self, machine: Machine, most: int) -> None:
        """To the run's end, or till so many instructions have begun."""
        if machine.stop.reason in OVER:
            return
        until, left = self._window.until, max(most - machine.instructions, 0)
        machine.run(insns=left, until=None if until is None else Reach(until))

    def _to_end(self, happening: Source | None = None) -> int:
        """Instructions to the window's last boundary, undisturbed or with something happening at its first; 0 where
        it does not come there.
        """
        machine = self._again()
        first = machine.instructions
        if happening:
            happening.happen(machine)
        stop = machine.run(until=Reach(self._window.end), insns=self._stand.patience)
        return machine.instructions - first if stop.reason in AWAITED else 0
