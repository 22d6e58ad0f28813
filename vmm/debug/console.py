"""What the guest writes is shown once, however often it is gone back and on again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol


class Written(Protocol):
    """A console that goes back with its machine."""

    at: int
    """Bytes that the guest has written where it stands."""

    def changed(self) -> None:
        """From here on the guest writes something else."""


class Once:
    """In front of who takes it."""

    HEARS: ClassVar = "later"

    def __init__(self, taker: Callable[[bytes], Any]) -> None:
        self._taker = taker
        self.at = 0
        """Bytes that the guest has written where it stands."""
        self._shown = 0

    def __call__(self, data: bytes) -> None:
        self.at += len(data)
        new = self.at - self._shown
        if new > 0:
            self._shown = self.at
            self._taker(data[-new:])

    def changed(self) -> None:
        """From here on the guest writes something else."""
        self._shown = self.at
