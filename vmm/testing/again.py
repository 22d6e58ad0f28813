"""A machine that the cases of one test have one after the other: each begins where a snapshot was taken.

A case has it only as long as it is what a new one would be: whoever sets something up that no snapshot takes back
(traps, devices, limits, scenarios, observers) has had it for the last time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vmm.errors import VmmError
from vmm.machine.machine import began_of
from vmm.testing.boundaries import Boundary, Place, Region, stand, visit
from vmm.testing.machines import Machines, Then

TAKEN_BACK = frozenset({
    "line", "line until served", "line until taken", "ppi", "ppi until served", "nmi", "inject", "msi", "sgi", "pic",
    "lapic event", "lint", "skip to timer", "delay timer", "answer", "turn", "end", "input", "byte", "device", "memory",
    "cpu",
})  # fmt: skip
"""Decisions of which nothing is left when the machine goes back."""
NEW_EACH = ("prepare", "console")
"""Options of the marker `guest` with code of the test's own, which is to see each of its machines from the start."""


class Again:
    """Of the image and region that a test names."""

    def __init__(self, machines: Machines, image: str, options: dict[str, Any], region: Region) -> None:
        machines(image, **options)
        self._machines, self._region = machines, region
        self.tested = machines.tested[-1]
        self._fresh = self.tested.then()
        self._begun = began_of(self.tested.machine)
        self._visit: tuple[int, Then] | None = None
        self.tested.recorder.log.kinds.clear()

    @property
    def reusable(self) -> bool:
        """It can go back to what a new one is."""
        same = self._begun == began_of(self.tested.machine) and self.tested.machine.stop.reason != "engine"
        return same and self.tested.recorder.log.kinds <= TAKEN_BACK

    def again(self) -> None:
        """It is as a new one. VmmError where it cannot."""
        self.tested.back(self._fresh)
        self.tested.recorder.log.kinds.clear()

    def reach(self, place: Place) -> Boundary:
        """Bring it to a place of its region."""
        machine, log = self.tested.machine, self.tested.recorder.log
        untouched = self.reusable and not log.kinds and not machine.instructions
        begun = 0
        if untouched and self._visit and self._visit[0] <= place.visit:
            begun, then = self._visit
            self.tested.back(then)
        visit(machine, self._region, place.visit, begun)
        if untouched and begun != place.visit:
            self._visit = place.visit, self.tested.then()
        return stand(machine, self._region, place)

    def close(self) -> None:
        """It ends."""
        self._machines.close()


class Cases:
    """Of the test that runs: its machine, as long as its cases can have it again."""

    def __init__(self) -> None:
        self._key: object = None
        self._again: Again | None = None

    def lend(self, key: object, made: Callable[[], Again]) -> Again:
        """The one of this key, as a new one; `made` makes it."""
        if self._again and (self._key != key or not self._returned(self._again)):
            self.close()
        if self._again is None:
            self._again, self._key = made(), key
        return self._again

    @staticmethod
    def _returned(again: Again) -> bool:
        try:
            if again.reusable:
                again.again()
                return True
        except VmmError:  # its test has closed it
            pass
        return False

    def close(self) -> None:
        """It ends, if there is one."""
        gone, self._again, self._key = self._again, None, None
        if gone:
            gone.close()
