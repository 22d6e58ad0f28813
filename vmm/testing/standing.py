"""A machine of a test that stands at the first boundary of a window, goes on from there, and goes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from vmm.core.stops import AWAITED, REASONS, TRIGGER, Stop
from vmm.errors import VmmError
from vmm.placements.aim import counted
from vmm.placements.sources import Source
from vmm.placements.subject import Window, patience
from vmm.scenario.trigger import Trigger
from vmm.scenario.triggers import NextBoundary, Reach
from vmm.testing.boundaries import Boundary, name_at, never
from vmm.testing.machines import MOST, Tested

OVER = {*REASONS.values()} - {TRIGGER, "count"}
"""The reasons of stops behind which the guest does no more."""

ENDLESS = ("limit", "count")
"""Those of a run that had no end."""


class Standing:
    """One of a machine that has come to its window. Boundaries of the window are counted in instructions from its first
    on, and in boundaries that have the same count.
    """

    def __init__(self, tested: Tested, window: Window, insns: int | None) -> None:
        """`insns`: how many instructions a run may take, None: as many as in an exploration. VmmError where the machine
        cannot go back.
        """
        self.machine, self._tested, self._window = tested.machine, tested, window
        if waiting := self.machine.waiting:
            raise VmmError(f"a scenario waits in this machine, which has to go back: {waiting[0]}")
        if isinstance(window.end, Trigger):
            raise VmmError("between: a machine that goes back ends its window at a location or insn:N")
        self._begin, self._place = self.machine.instructions, window.end
        self._number = counted(window.end)
        self._end = self.machine.address(window.end) if self._number is None else None
        self._first = self._tested.then()
        self._limit = 0 if insns is None else self._begin + insns  # 0: not known yet

    def again(self) -> None:
        """Go back to the window's first boundary, for a run. VmmError where one that nobody disturbs has no end."""
        if not self._limit:
            self._go_back()
            self._limit = self._begin + patience(self._undisturbed())
        self._go_back()

    def _undisturbed(self) -> int:
        """Instructions of such a run."""
        self._run_out(self._begin + MOST)
        stop, until = self.machine.stop, self._window.until
        if stop.reason in ENDLESS:
            never(stop, "its end" if until is None else until, " undisturbed")
        return self.machine.instructions - self._begin

    def _go_back(self) -> None:
        self._tested.back(self._first)
        self._passed = False  # it has come there, and the window is over

    def go_to(self, insns: int, more: int) -> bool:
        """On to a boundary, or to the one behind it where there are not so many; False where the window ends before."""
        machine = self.machine
        ahead = self._begin + insns - machine.instructions
        if ahead > 0:
            stop = self._run_through(ahead)
            self._passed = self._at_end() and not self.is_at(insns)
            if self._passed or stop.reason in OVER:
                return False
        for _ in range(more):
            last = self._tested.then() if self._at_end() else None
            stop = machine.run(until=NextBoundary())
            if last and not self.is_at(insns):
                self._tested.back(last)
                self._passed = True
            if self._passed or stop.reason in OVER:
                return False
        return True

    def is_at(self, insns: int) -> bool:
        """So many have begun."""
        return self.machine.instructions == self._begin + insns

    def finish(self) -> None:
        """On to where runs end, or as long as one may take."""
        self._run_out(self._limit)

    def _run_out(self, limit: int) -> None:
        machine, until = self.machine, self._window.until
        if machine.stop.reason in OVER:
            return
        if self._passed and until is not None and machine.address(until) == self._pc():
            return
        machine.run(insns=max(limit - machine.instructions, 0), until=None if until is None else Reach(until))

    def extent(self, happening: Source | None = None) -> int:
        """Instructions to the window's last boundary, undisturbed or with something happening at its first; 0 where
        it does not come there.
        """
        self.again()
        if happening:
            happening.happen(self.machine)
        stop = self._run_through(self._limit - self._begin)
        came = stop.reason in AWAITED or self.machine.instructions == self._number
        return self.machine.instructions - self._begin if came else 0

    def boundaries(self) -> Iterator[Boundary]:
        """The window's, in turn, each as it is undisturbed; VmmError where the machine does not come to the last."""
        machine, names = self.machine, Counter[str]()
        self._go_back()
        while True:
            address, then = self._pc(), self._tested.then()
            yield Boundary(machine, name_at(machine, address, names), address, machine.where(address))
            self._tested.back(then)
            if self._at_end():
                return
            stop = machine.run(until=NextBoundary())
            if stop.reason in OVER or machine.instructions - self._begin > MOST:
                never(stop, self._place)

    def _at_end(self) -> bool:
        """Of the window, which may begin there, too."""
        if self._number is not None:
            return self.machine.instructions >= self._number
        return self._pc() == self._end and not self.is_at(0)

    def _run_through(self, insns: int) -> Stop:
        """As many of the window's, or to its end."""
        if self._number is None:
            return self.machine.run(until=Reach(self._place), insns=insns)
        return self.machine.run(insns=max(min(insns, self._number - self.machine.instructions), 0))

    def _pc(self) -> int:
        """Of the vCPU that came to where the machine stands."""
        return int(self.machine.cpus[self.machine.stop.vcpu].pc)
