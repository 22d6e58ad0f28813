"""Lines as scripts drive them."""

from __future__ import annotations

from typing import Any

from vmm.decisions import Outside
from vmm.errors import VmmError


class Wires:
    """Who of several scenarios holds which line high: a line has one script at a time."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._holders: dict[int, Any] = {}

    def drive(self, number: int, name: str, level: bool, task: Any) -> None:
        """Hold the line high or let it go, for `task` (None: code outside any scenario); VmmError where another
        scenario holds it.
        """
        self.check(number, name, task)
        self._outside("line", number, int(level))
        if level:
            self._holders[number] = task
        else:
            self._holders.pop(number, None)

    def check(self, number: int, name: str, task: Any) -> None:
        """VmmError where another scenario holds the line high."""
        holder = self._holders.get(number, task)
        if holder is not task and not (holder is None or holder.finished):
            raise VmmError(f"{name} is held high by scenario {holder.name}; only that one may drive it")

    def pulse(self, number: int, name: str, task: Any) -> None:
        """An edge. It leaves the line high, and free for the next one to drive."""
        self.check(number, name, task)
        self._outside("line", number, 0)
        self._outside("line", number, 1)


class Irq:
    """A line as a script drives it."""

    def __init__(self, wires: Wires, number: int, name: str, running: Any) -> None:
        self._wires, self._number, self._name, self._running = wires, number, name, running

    def raise_(self) -> None:
        """Hold the line high until `lower`."""
        self._wires.drive(self._number, self._name, True, self._running())

    def lower(self) -> None:
        """Let the line go."""
        self._wires.drive(self._number, self._name, False, self._running())

    def pulse(self) -> None:
        """One edge: low if it was not, then high, until it is lowered; an edge-triggered input latches it."""
        self._wires.pulse(self._number, self._name, self._running())
