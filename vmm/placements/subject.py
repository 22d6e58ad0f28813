"""What is explored: an image on its machine, brought to its window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vmm.catalog import resolve
from vmm.errors import VmmError
from vmm.machine.machine import Machine, boot
from vmm.machine.options import Options
from vmm.placements.diagnosing import NOTHING, Wanted
from vmm.scenario.triggers import Reach

UNDISTURBED = 1_000_000_000
"""Instructions that the run without any interrupt may take to the window, and to its end."""


def patience(undisturbed: int) -> int:
    """How many instructions a run may take from the window's first boundary on, where one takes `undisturbed`."""
    return 10 * undisturbed + 200_000


@dataclass(frozen=True)
class Window:
    """From the visit `hit` of `begin`, counted from 1, to the next boundary at `end`, both included; `until`: where
    runs end behind that, None: with the guest.
    """

    begin: str | int
    end: str | int
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
        for where in (self.window.begin, self.window.end, self.window.until):
            if where is not None:
                machine.address(where)  # a wrong name costs nobody a run
        for visit in range(1, self.window.hit + 1):
            stop = machine.run(until=Reach(self.window.begin), insns=UNDISTURBED)
            if stop.reason != "breakpoint":
                times = f" {self.window.hit} times, but {visit - 1}" if self.window.hit > 1 else ""
                raise VmmError(f"the guest never comes to {told(self.window.begin)}{times}: {stop}")


def told(where: str | int) -> str:
    return f"{where:#x}" if isinstance(where, int) else where
