"""What has happened, as far as it was kept: the core's ring of 4096 events, and behind it what somebody records."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from vmm.core.event import Event
from vmm.errors import VmmError
from vmm.trace import Trace

RING = 4096
Fits = Callable[[Event], bool]


class Past:
    """Of one machine, where it stands. Events are told apart by their places in `events`."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    @cached_property
    def events(self) -> list[Event]:
        """The last ones, oldest first."""
        return self._trace.last(RING)

    def last(self, fits: Fits, before: int | None = None) -> int | None:
        """The place of the last one that fits; None: there was none, or it was not kept."""
        places = range(len(self.events) if before is None else before)
        return next((n for n in reversed(places) if fits(self.events[n])), None)

    def first(self, fits: Fits, since: int) -> int | None:
        """The place of the first one from `since` on that fits."""
        return next((n for n in range(since, len(self.events)) if fits(self.events[n])), None)

    def recorded(self, kind: str, number: int, fits: Fits) -> Event | None:
        """The last one of all that were ever recorded."""
        try:
            logged = self._trace.of(kind=kind, number=number)
        except VmmError:  # nothing was
            return None
        if (last := logged.last) is None or fits(last):
            return last
        found = None
        for event in logged:
            found = event if fits(event) else found
        return found

    @property
    def beginning(self) -> str:
        """When that was whose event was not kept; empty where all were."""
        return f"before insn {self.events[0].insns}, where the kept events begin" if len(self.events) == RING else ""
