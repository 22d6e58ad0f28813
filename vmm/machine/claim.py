"""Whose hands a machine is in: one thread's, and there in one run at a time."""

from __future__ import annotations

from threading import Lock, get_ident
from types import TracebackType
from typing import TYPE_CHECKING

from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm._native import vmm_machine


INSIDE = "run() inside a run: what a run asks (a trap, a device, a timer, the console, an observer) cannot run it"


class Claim:
    """Of one machine: a context for the time of a run, in which the core refuses other threads' calls (native/calls.h).
    VmmError where a run is under way.
    """

    def __init__(self, native: vmm_machine) -> None:
        self._native, self._lock = native, Lock()

    @property
    def elsewhere(self) -> bool:
        """Another thread has it."""
        return self._native.thread not in (0, get_ident())

    @property
    def taken(self) -> bool:
        """A run is under way."""
        return self._lock.locked()

    def check(self) -> None:
        """VmmError where a run is under way."""
        if self._lock.locked():
            raise self._refusal()

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise self._refusal()
        self._native.thread = get_ident()

    def _refusal(self) -> VmmError:
        return VmmError("run(): the machine runs in another thread" if self.elsewhere else INSIDE)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._native.thread = 0
        self._lock.release()
