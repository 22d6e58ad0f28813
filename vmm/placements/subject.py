"""What is explored: an image on its machine, brought to its window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vmm.catalog import resolve
from vmm.core.stops import AWAITED
from vmm.errors import VmmError
from vmm.machine.machine import Machine, boot
from vmm.machine.options import Options
from vmm.placements.aim import COUNTED, counted
from vmm.placements.diagnosing import NOTHING, Wanted
from vmm.scenario.trigger import Trigger
from vmm.scenario.triggers import Reach

UNDISTURBED = 1_000_000_000
"""Instructions that the run without any interrupt may take to the window, and to its end."""


def patience(undisturbed: int) -> int:
    """How many instructions a run may take from the window's first boundary on, where one takes `undisturbed`."""
    return 10 * undisturbed + 200_000


@dataclass(frozen=True)
class Window:
    """From the visit `hit` of `begin`, counted from 1, to the next boundary at `end`, both included; `until`: where
    runs end behind that, None: with the guest. `begin` and `end` are locations, "insn:N", where so many have begun, or
    triggers; an end that is a trigger stands for the count at which the undisturbed run comes to it.
    """

    begin: str | int | Trigger[Any]
    end: str | int | Trigger[Any]
    until: str | int | None = None
    hit: int = 1


@dataclass
class Subject:
    """A fresh machine at its window, as often as one is asked for."""

    image: str | Path
    options: Options
    window: Window
    prepare: Callable[[Machine], Any] | None = None
    initrd: Sequence[str] = ()
    load_address: int | None = None
    diagnoses: Wanted = NOTHING
    """Each run is looked at for them, from its machine's first instruction on."""

    @cached_property
    def path(self) -> Path:
        """The image's file; a source is assembled once."""
        return resolve(str(self.image))

    def boot(self) -> Machine:
        """Ready to run."""
        quiet: Options = {"console": None, **self.options}
        machine = boot(self.path, initrd=self.initrd, load_address=self.load_address, **quiet)
        self.diagnoses.watch(machine)
        if self.prepare:
            self.prepare(machine)
        return machine

    def enter(self, machine: Machine) -> None:
        """To the window's first boundary; VmmError where it never comes there."""
        if self.window.hit < 1:
            raise VmmError(f"hit {self.window.hit}: visits are counted from 1")
        begin, end, until = self.window.begin, self.window.end, self.window.until
        for where in (None if counted(begin) else begin, None if counted(end) else end, until):
            if isinstance(where, str | int):
                machine.address(where)  # a wrong name costs nobody a run
        if number := counted(begin):
            self._enter_at(machine, number)
            return
        trigger = begin if isinstance(begin, Trigger) else Reach(begin)
        for visit in range(1, self.window.hit + 1):
            stop = machine.run(until=trigger, insns=UNDISTURBED)
            if stop.reason not in AWAITED:
                times = f" {self.window.hit} times, but {visit - 1}" if self.window.hit > 1 else ""
                raise VmmError(f"the guest never comes to {told(self.window.begin)}{times}: {stop}")

    def _enter_at(self, machine: Machine, number: int) -> None:
        if self.window.hit > 1:
            raise VmmError(f"hit {self.window.hit}: {COUNTED}{number} comes once")
        stop = machine.run(insns=number - machine.instructions) if number > machine.instructions else machine.stop
        if machine.instructions != number or stop.reason not in ("count", "not run"):
            raise VmmError(f"the guest never comes to {COUNTED}{number}: {stop}, after {machine.instructions}")


def told(where: str | int | Trigger[Any]) -> str:
    return f"{where:#x}" if isinstance(where, int) else str(where)
