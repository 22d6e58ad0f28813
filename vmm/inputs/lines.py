"""Interrupt lines as scripts drive them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from vmm.core.bus import SCRIPT_DRIVER
from vmm.core.native import lib
from vmm.errors import VmmError
from vmm.inputs.decisions import Inputs

if TYPE_CHECKING:
    from vmm._native import vmm_machine

__all__ = ["IrqLine", "PpiLine"]


class Scenario(Protocol):
    """A scenario under way; see vmm/scenario/tasks.py."""

    name: str
    finished: bool


class Lines:
    """The scripts' end of every line of a machine, and which scenario holds it high: a line has one at a time."""

    def __init__(self, native: vmm_machine, inputs: Inputs, running: Callable[[], Scenario | None]) -> None:
        self._native, self._inputs, self._running = native, inputs, running
        self._holders: dict[int, Scenario | None] = {}
        inputs.register({
            "line": self._drive, "line until served": self._drive_until_served,
            "line until taken": self._drive_until_taken,
            "ppi": self._drive_ppi, "ppi until served": self._drive_ppi_until_served,
        })  # fmt: skip

    def line(self, number: int, name: str) -> IrqLine:
        """The end of line `number`, which is called `name`."""
        return IrqLine(self, number, name)

    def ppi(self, cpu: int, intid: int) -> PpiLine:
        """A vCPU's own input of a GIC."""
        return PpiLine(self._inputs, cpu, intid)

    def set(self, number: int, level: bool) -> None:
        """Hold the line high, or let it go."""
        self._inputs.decide("line", number, int(level))

    def until_served(self, number: int) -> None:
        """Hold the line high until a controller has acknowledged it."""
        self._inputs.decide("line until served", number)

    def until_taken(self, number: int) -> None:
        """Hold the line high until a vCPU takes an interrupt."""
        self._inputs.decide("line until taken", number)

    def _drive(self, number: int, level: int) -> None:
        lib.vmm_line_set(self._native, number, SCRIPT_DRIVER, level)

    def _drive_until_served(self, number: int) -> None:
        lib.vmm_line_until_served(self._native, number, SCRIPT_DRIVER)

    def _drive_until_taken(self, number: int) -> None:
        lib.vmm_line_until_taken(self._native, number, SCRIPT_DRIVER)

    def _drive_ppi_until_served(self, cpu: int, intid: int) -> None:
        lib.vmm_gic_ppi_until_served(self._native, cpu, intid)

    def _drive_ppi(self, cpu: int, intid: int, level: int) -> None:
        lib.vmm_gic_set_ppi(self._native, cpu, intid, level)

    def story(self, number: int) -> str:
        """The level of a line, and which scenario holds it, in words."""
        holder = self._holders.get(number)
        level = "high" if self.is_high(number) else "low"
        held = f", held by scenario {holder.name}" if holder and not holder.finished else ""
        return level + held

    def is_high(self, number: int) -> bool:
        """Its level: somebody drives it high."""
        raw = self._native.lines[number]
        return bool(raw.drivers & ~raw.cut)

    def hold(self, number: int) -> None:
        """Whose code runs now (a scenario's, or none's) holds the line from now on."""
        self._holders[number] = self._running()

    def release(self, number: int) -> None:
        """Nobody holds it any more."""
        self._holders.pop(number, None)

    def check(self, number: int, name: str) -> None:
        """VmmError where another scenario than the one whose code runs now holds the line high."""
        holder = self._holders.get(number)
        if holder is not None and holder is not self._running() and not holder.finished:
            raise VmmError(f"{name} is held high by scenario {holder.name}; only that one may drive it")


class IrqLine:
    """A line as a script drives it. VmmError where another scenario holds it high.

    | call | the line | an edge-triggered input | a level-triggered input |
    |---|---|---|---|
    | `until_served()` | high until acknowledged | interrupts once | interrupts once |
    | `raise_()`, `lower()` | high from the one to the other | once | again and again while it is high |
    | `edge()` | high, and low at once | once; an 8259A's: a spurious one | a GIC's: never |
    | `until_taken()` | high until a vCPU takes an interrupt | once; an 8259A's: a spurious one | a spurious one |
    | `pulse()` | low, then high, and high it stays | once each time | again and again, until it is lowered |
    """

    def __init__(self, lines: Lines, number: int, name: str) -> None:
        self._lines, self._number, self._name = lines, number, name

    def __repr__(self) -> str:
        return f"<{self._name}: {self._lines.story(self._number)}>"

    @property
    def number(self) -> int:
        """The line's."""
        return self._number

    @property
    def high(self) -> bool:
        """Its level now, whoever drives it."""
        return self._lines.is_high(self._number)

    def raise_(self) -> None:
        """Hold the line high until `lower`."""
        self._lines.check(self._number, self._name)
        self._lines.set(self._number, True)
        self._lines.hold(self._number)

    def lower(self) -> None:
        """Let the line go."""
        self._lines.check(self._number, self._name)
        self._lines.set(self._number, False)
        self._lines.release(self._number)

    def until_served(self) -> None:
        """High until a controller has acknowledged it, then low by itself at the next boundary: one interrupt, whether
        its input is edge- or level-triggered, masked at first or not. What takes no acknowledge, such as an NMI, leaves
        it high. Whoever comes next may drive the line.
        """
        self._lines.check(self._number, self._name)
        self._lines.set(self._number, False)
        self._lines.until_served(self._number)
        self._lines.release(self._number)

    def until_taken(self) -> None:
        """High until a vCPU begins to take an interrupt, and low before its controller is asked which: a request that
        is gone by then. An 8259A answers with the spurious IR7 or IR15 (231468), a GIC with INTID 1023 (IHI0048B
        4.4.4) unless the input is edge-triggered and has latched it; an IOAPIC has sent its message. Low as well when
        it is acknowledged. Whoever comes next may drive the line.
        """
        self._lines.check(self._number, self._name)
        self._lines.until_taken(self._number)
        self._lines.release(self._number)

    def edge(self) -> None:
        """A rising edge and a falling one behind it, at this boundary; then the line is low. An IOAPIC's input
        sends its message, an edge-triggered one of a GIC latches it, a level-sensitive one never sees it, and an 8259A,
        which wants the line high until its acknowledge, makes the spurious IR7 or IR15 of it (231468).
        """
        self.lower()
        self.raise_()
        self.lower()

    def pulse(self) -> None:
        """A rising edge that stays: low if it was not, then high, until it is lowered or pulsed again; as long, a
        level-triggered input interrupts again and again: see `until_served`. Whoever comes next may drive the line.
        """
        self._lines.check(self._number, self._name)
        self._lines.set(self._number, False)
        self._lines.set(self._number, True)
        self._lines.release(self._number)


class PpiLine:
    """A vCPU's own interrupt input as a script drives it; its calls are an IrqLine's."""

    def __init__(self, inputs: Inputs, cpu: int, intid: int) -> None:
        self._inputs, self._cpu, self._intid = inputs, cpu, intid

    def __repr__(self) -> str:
        return f"<PPI {self._intid} of vCPU {self._cpu}>"

    def raise_(self) -> None:
        """Assert it until `lower`."""
        self._inputs.decide("ppi", self._cpu, self._intid, 1)

    def lower(self) -> None:
        """Let it go."""
        self._inputs.decide("ppi", self._cpu, self._intid, 0)

    def until_served(self) -> None:
        """Asserted until it is acknowledged: one interrupt, whether it is edge- or level-triggered."""
        self.lower()
        self._inputs.decide("ppi until served", self._cpu, self._intid)

    def edge(self) -> None:
        """A rising edge and a falling one behind it: an edge-triggered input latches it, a level-triggered one never
        sees it.
        """
        self.pulse()
        self.lower()

    def pulse(self) -> None:
        """A rising edge that stays, until it is lowered or pulsed again: a level-triggered input interrupts again and
        again for as long.
        """
        self.lower()
        self.raise_()
