"""Lines as scripts drive them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vmm.errors import VmmError
from vmm.inputs.decisions import Outside


class Wires:
    """Who of several scenarios holds which line high: a line has one script at a time."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._holders: dict[int, Any] = {}

    def set(self, number: int, level: bool) -> None:
        self._outside("line", number, int(level))

    def hold(self, number: int, task: Any) -> None:
        """`task` (None: code outside any scenario) holds the line from now on."""
        self._holders[number] = task

    def release(self, number: int) -> None:
        """Nobody holds it any more."""
        self._holders.pop(number, None)

    def check(self, number: int, name: str, task: Any) -> None:
        """VmmError where a scenario other than `task` holds the line high."""
        holder = self._holders.get(number)
        if holder is not None and holder is not task and not holder.finished:
            raise VmmError(f"{name} is held high by scenario {holder.name}; only that one may drive it")


class Wire:
    """A line as a script drives it. VmmError where another scenario holds it high."""

    def __init__(self, wires: Wires, number: int, name: str, running: Callable[[], Any]) -> None:
        self._wires, self._number, self._name, self._running = wires, number, name, running

    @property
    def number(self) -> int:
        """The line's."""
        return self._number

    def raise_(self) -> None:
        """Hold the line high until `lower`."""
        self._check()
        self._wires.set(self._number, True)
        self._wires.hold(self._number, self._running())

    def lower(self) -> None:
        """Let the line go."""
        self._check()
        self._wires.set(self._number, False)
        self._wires.release(self._number)

    def pulse(self) -> None:
        """One edge: low if it was not, then high, until it is lowered; an edge-triggered input latches it. Whoever
        comes next may drive the line.
        """
        self._check()
        self._wires.set(self._number, False)
        self._wires.set(self._number, True)
        self._wires.release(self._number)

    def _check(self) -> None:
        self._wires.check(self._number, self._name, self._running())


class Ppi:
    """A vCPU's own interrupt input as a script drives it."""

    def __init__(self, outside: Outside, cpu: int, intid: int) -> None:
        self._outside, self._cpu, self._intid = outside, cpu, intid

    def raise_(self) -> None:
        """Assert it until `lower`."""
        self._outside("ppi", self._cpu, self._intid, 1)

    def lower(self) -> None:
        """Let it go."""
        self._outside("ppi", self._cpu, self._intid, 0)

    def pulse(self) -> None:
        """One edge."""
        self.lower()
        self.raise_()
