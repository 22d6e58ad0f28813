"""Every placement of interrupts within a window, for a test: all of them explored, or those that a test chooses run
one by one, from a snapshot at the window's first boundary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vmm.errors import VmmError
from vmm.machine.machine import Machine
from vmm.placements.exploration import explore
from vmm.placements.report import Report
from vmm.placements.sources import Source, source
from vmm.placements.subject import Subject, Window
from vmm.testing.boundaries import Boundary
from vmm.testing.machines import Machines
from vmm.testing.placement import At, placements
from vmm.testing.standing import Standing

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


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
        report = explore(path, coverage=self._machines.coverage, **self._asked, **options)
        report.image = self.image
        self.story = str(report)
        if report.least:
            with suppress(VmmError):  # what it has come to is told, whether or not a machine can be shown with it
                self.run(At(each.placement.at.insns, each.placement.at.more, each.source) for each in report.least)
        return report

    def run(self, placement: Iterable[tuple[int, int, str]]) -> Machine:
        """The machine at the end of a run in which just this happens, as far as the run has such boundaries within the
        window. It is the same machine each time, gone back to the window's first boundary. VmmError where it never
        comes there.
        """
        standing = self._standing
        standing.again()
        before = 0, 0
        for insns, more, name in sorted(placement):
            if not standing.go_to(insns, more - before[1] if before[0] == insns else more):
                break
            before = insns, more
            if standing.is_at(insns):
                (self._sources.get(name) or source(name)).happen(standing.machine)
        standing.finish()
        return standing.machine

    def boundaries(self) -> Iterator[Boundary]:
        """The machine at each boundary of the window in turn, as in a run that nobody disturbs: what was done at the
        boundary before is undone, as far as a snapshot goes. VmmError where it does not come to the window's end.
        """
        return self._standing.boundaries()

    def placements(self, most: int = 3) -> SearchStrategy[list[At]]:
        """None to `most` of the sources, anywhere in the window or in the handlers that run there: for hypothesis.
        VmmError where that is not installed.
        """
        undisturbed = self._standing.extent()
        handlers = max(0, *(self._standing.extent(each) - undisturbed for each in self._sources.values()))
        return placements(undisturbed + (most - 1) * handlers, list(self._sources), most)

    @cached_property
    def _standing(self) -> Standing:
        """At the window's first boundary."""
        machine = self._machines(self.image, **self._options)
        Subject(self.image, {}, self._window).enter(machine)
        return Standing(self._machines.tested[-1], self._window, self._asked.get("insns"))
