"""A run that is gone on and back in: what each key of the stepper does to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vmm.catalog import files_of
from vmm.debug import monitor
from vmm.debug.past import SLICE, BrokenIn, Past
from vmm.debug.target import SIGINT, Break, Exited, Halt, Target
from vmm.disassembly import Disassembler
from vmm.errors import VmmError
from vmm.scenario.triggers import Delivered, Elapsed, NextBoundary, Returned
from vmm.sources import SourceTexts

if TYPE_CHECKING:
    from vmm.arch.cpus import Cpu
    from vmm.core.event import Event
    from vmm.debug.course import Came, Course
    from vmm.machine.machine import Machine
    from vmm.stepper.kept import Kept

LOOK = 2000
"""Instructions that are looked ahead for the next delivery."""
BROKEN = "stopped on the way"
CHUNK = 20_000
"""Instructions that a search runs before it looks at their events."""
SHOWN = 200
"""Events to either side of where it stands."""


class Coming(NamedTuple):
    """The next delivery to the vCPU that is shown, if nothing else comes from outside."""

    event: Event
    insns: int
    """Until then, on all vCPUs."""
    place: int
    """The linear address of the instruction that it comes before, or that raises it."""


class Known(NamedTuple):
    """The whole of a recorded run, from a machine of its own that has run it."""

    machine: Machine
    insns: int


class Walk:
    """Of one course. A move that finds nothing stays where it is, or at the end it came to, and `told` says so."""

    def __init__(self, course: Course, console: Kept, known: Known | None = None) -> None:
        self.machine, self.console, self.known = course.machine, console, known
        self.machine.trace.record()
        source = self.machine.source
        self.sources = SourceTexts(files_of(source.image)[-1].parent if source else Path())
        self._course, self._disassembler = course, Disassembler(self.machine.architecture)
        self.past = Past(course, console)
        self.target = Target(course, self.past)
        self.told = ""
        """What the last move came to."""
        self.wants_in = False
        """Somebody wants a long move to end."""
        self.coming: Coming | None = None
        self._look()

    @property
    def cpu(self) -> Cpu:
        """The vCPU that is shown, and that steps are about."""
        return self.machine.cpus[self.target.chosen]

    def breakpoints(self) -> set[int]:
        """Their linear addresses."""
        return {each.address for each in self.target.breaks}

    def events(self) -> tuple[list[Event], list[Event]]:
        """Those before where it stands, the newest last, and those to come, as far as they are known."""
        trace = self.machine.trace
        here = trace.emitted
        so_far = trace.last(SHOWN)
        later = self.known.machine.trace.between(here, here + SHOWN) if self.known else self._ahead
        return so_far, later

    # ---- moves ----

    def forward(self) -> None:
        """One boundary."""
        with self._moving():
            self._tell(self.target.step(self._poll))

    def back(self) -> None:
        """One boundary."""
        with self._moving():
            self._tell(self.target.step_back(self._poll))

    def next_delivery(self) -> None:
        """To the first boundary of the next handler, of any vCPU."""
        with self._moving():
            self._forward(Delivered())

    def last_delivery(self) -> None:
        """Back to the first boundary of the handler before."""
        with self._moving():
            self._back(Delivered())

    def finish(self) -> None:
        """Out of the innermost handler under way."""
        with self._moving():
            depth = len(self.cpu.handlers())
            if not depth:
                raise VmmError("no handler is under way")
            index = self.cpu.index
            while len(self.cpu.handlers()) >= depth and self._forward(Returned(cpu=index)):
                pass

    def go_on(self) -> None:
        """To a breakpoint, or the end."""
        with self._moving():
            self._tell(self.target.go(self._poll))

    def go_back(self) -> None:
        """To the last breakpoint, or the beginning."""
        with self._moving():
            self._tell(self.target.back(self._poll))

    def go_to(self, insns: int) -> None:
        """Where so many instructions have begun on all vCPUs."""
        with self._moving():
            self.past.check()
            if insns < self.machine.instructions:
                self._rewind(insns)
            self._to_count(insns)

    def search(self, text: str) -> None:
        """To the next event that has this in its words."""
        with self._moving():
            while True:
                moment, trace = self.past.moment(), self.machine.trace
                first = trace.emitted
                more = self._to_count(self.machine.instructions + CHUNK)
                new = trace.between(first, trace.emitted)
                found = next((n for n, event in enumerate(new) if self._has(event, text.lower())), None)
                if found is not None:
                    self.past.go_to(moment)
                    self._behind(new[found].insns, first + found)
                    return
                if not more:
                    return

    def _has(self, event: Event, wanted: str) -> bool:
        return wanted in self.machine.trace.describe(event).lower()

    def _behind(self, insns: int, number: int) -> None:
        """To the first boundary behind an event before which so many were emitted, at so many instructions."""
        self.told = ""
        self._to_count(insns)
        while self.machine.trace.emitted <= number and self._arrived(self.target.leg(NextBoundary(), self._poll)):
            pass
        self._follow()

    # ---- what comes from outside, and what is only looked at ----

    def toggle(self, where: str) -> None:
        """A breakpoint at a location, or no more."""
        address = self.machine.address(where)
        wanted = Break(0, address, 1)
        if wanted in self.target.breaks:
            self.target.clear(wanted)
            self.told = f"no breakpoint at {self.machine.where(address)} any more"
        else:
            self.target.set(wanted)
            self.told = f"breakpoint at {self.machine.where(address)}"

    def command(self, line: str) -> None:
        """One of gdb's `monitor`."""
        self.told = monitor.answer(self.target, line).rstrip()
        self._look()

    def show(self, cpu: int) -> None:
        """This vCPU from now on."""
        self.target.chosen = self.target.general = cpu % len(self.machine.cpus)
        self.told = ""
        self._look()

    # ---- how ----

    @contextmanager
    def _moving(self) -> Iterator[None]:
        self.told, self.wants_in = "", False
        try:
            yield
        except BrokenIn:
            self.told = BROKEN
        except VmmError as error:
            self.told = str(error)
        self._look()

    def _poll(self) -> bool:
        return self.wants_in

    def _tell(self, halt: Halt | Exited) -> None:
        if isinstance(halt, Exited):
            self.told = f"the run is over: {halt.stop.detail}"
        elif halt.signal == SIGINT:
            self.told = BROKEN
        elif halt.value == "begin":
            self.told = "this is the beginning"
        elif halt.told:
            self.told = halt.told

    def _forward(self, trigger: Delivered | Returned) -> bool:
        """On to a trigger; False: it did not fire before the run's end."""
        came = self.target.go_to(trigger, self._poll)
        self._follow()
        return self._arrived(came)

    def _to_count(self, insns: int) -> bool:
        """On to where so many have begun; False: the run ends before."""
        there = True
        while there and (left := insns - self.machine.instructions) > 0:
            there = self._arrived(self.target.leg(Elapsed(insns=min(left, SLICE)), self._poll))
        self._follow()
        return there

    def _arrived(self, came: Came | Exited) -> bool:
        """False: the run is over."""
        if isinstance(came, Exited):
            self._tell(came)
            return False
        if came.broken_in:
            raise BrokenIn
        if came.stop:
            self.told = f"{came.stop.reason}: {came.stop.detail}"
        return came.stop is None

    def _back(self, trigger: Delivered) -> None:
        self.past.check()
        if self.past.search([trigger], lambda: None, self._poll) is None:
            self.told = "this is the beginning"
        self._follow()

    def _rewind(self, insns: int) -> None:
        """To the newest moment at or before that count."""
        moments = [at for at in self.past.moments if at.insns <= insns]
        if not moments:
            raise VmmError(f"insn {insns} is before the beginning")
        self.past.go(moments[-1], self._poll)
        self._follow()

    def _follow(self) -> None:
        """Whose turn it is is shown."""
        self.target.chosen = self.target.general = self.machine.position.vcpu

    def _look(self) -> None:
        """For the next delivery; the machine stands as before."""
        self.coming, self._ahead = None, []
        if self._course.why_not is not None:
            return
        moment, here, emitted = self.past.moment(), self.machine.instructions, self.machine.trace.emitted
        wanted = Delivered(cpu=self.cpu.index)
        try:
            while (left := LOOK - (self.machine.instructions - here)) > 0:
                came = self._course.forward([wanted], left)
                if came.trigger:
                    place = self._disassembler.place(came.result, self.cpu)
                    self.coming = Coming(came.result, self.machine.instructions - here, place)
                if came.trigger or came.stop:
                    break
            self._ahead = self.machine.trace.last(self.machine.trace.emitted - emitted)[:SHOWN]
        except VmmError:
            pass  # who goes there is told
        finally:
            self.past.go_to(moment)
