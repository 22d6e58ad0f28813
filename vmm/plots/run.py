"""A run that is over, as plots look at it: what was recorded of it, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from vmm.core.event import Event
from vmm.core.native import lib
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm.machine.machine import Machine

SYNCHRONOUS = ("exception", "software")
WHAT = (1 << lib.VMM_WORK_BITS) - 1


class Execution(NamedTuple):
    """Of a handler, in microseconds of the run."""

    name: str
    """Of its interrupt."""
    begin: float
    end: float
    depth: int
    """From 1."""


class Work(NamedTuple):
    """That a device had for its driver, and that is done, in microseconds of the run."""

    came: float
    waited: float


class Run:
    """`title` is over its picture."""

    def __init__(self, machine: Machine, title: str) -> None:
        self.title, self._machine = title, machine
        self.colors: dict[str, str] = {}
        """Of each of its `names`."""
        self._numbers: dict[str, set[int]] = {}
        for event in self.events("delivered"):
            self._numbers.setdefault(event.source, set()).add(event.number)

    @property
    def insn_us(self) -> float:
        """How long an instruction takes."""
        return self._machine.insn_ns / 1000

    @property
    def end_us(self) -> float:
        return self._machine.now_ns / 1000

    def events(self, *kinds: str) -> Iterator[Event]:
        """In order."""
        return iter(self._machine.trace.of(kind=kinds))

    def name(self, delivered: Event) -> str:
        """Of an interrupt: its source, with its number where that has several."""
        several = len(self._numbers[delivered.source]) > 1
        return f"{delivered.source} {delivered.number:#x}" if several else delivered.source

    @property
    def names(self) -> set[str]:
        """Of all interrupts there were."""
        return {self.name(event) for event in self.events("delivered")}

    def waited(self) -> dict[str, list[Event]]:
        """Deliveries of what can wait, by name."""
        found: dict[str, list[Event]] = {}
        for event in self.events("delivered"):
            if event.source not in SYNCHRONOUS:
                found.setdefault(self.name(event), []).append(event)
        return found

    def executions(self) -> list[Execution]:
        """Of interrupts' handlers, as they ended; those that had not at the run's end come last."""
        found: list[Execution] = []
        nest: dict[int, list[Event]] = {}
        for event in self.events("delivered", "returned"):
            under_way = nest.setdefault(event.vcpu, [])
            if event.kind == "delivered":
                del under_way[max(event.depth - 1, 0) :]
                under_way.append(event)
            elif under_way:
                found.append(self._execution(under_way.pop(), event.ns / 1000, len(under_way) + 1))
        for under_way in nest.values():
            found += [self._execution(event, self.end_us, depth) for depth, event in enumerate(under_way, 1)]
        return found

    def _execution(self, delivered: Event, end: float, depth: int) -> Execution:
        return Execution(self.name(delivered), delivered.ns / 1000, end, depth)

    def works(self) -> list[Work]:
        """As they were done."""
        came: dict[tuple[int, int], int] = {}
        done: list[Work] = []
        for event in self.events("work"):
            work, what = (event.number, event.value >> lib.VMM_WORK_BITS), event.value & WHAT
            if what == lib.VMM_WORK_COMES:
                came[work] = event.ns
            elif what == lib.VMM_WORK_DONE and work in came:
                done.append(Work(came[work] / 1000, (event.ns - came.pop(work)) / 1000))
        return done

    def works_asked(self) -> int:
        """Interrupts by which devices asked for theirs to be done."""
        return sum(event.value & WHAT == lib.VMM_WORK_ASKED for event in self.events("work"))

    def address(self, name: str) -> int | None:
        """Of a symbol; None: there is none."""
        try:
            return self._machine.address(name)
        except VmmError:
            return None
