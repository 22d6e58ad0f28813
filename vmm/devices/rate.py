"""Exact conversion between virtual nanoseconds and the ticks of a device's own clock."""

from __future__ import annotations

from dataclasses import dataclass

SECOND = 1_000_000_000
"""Nanoseconds in a second."""


@dataclass(frozen=True)
class Rate:
    """A clock of `num / den` Hz that ticks first one period after 0 ns; integers only, so it never drifts."""

    num: int
    den: int = 1

    def ticks(self, ns: int) -> int:
        """How many ticks have happened by `ns`."""
        return ns * self.num // (self.den * SECOND)

    def ns(self, tick: int) -> int:
        """The first whole nanosecond at which `tick` has happened, as in `vmm.protocols.Wave`."""
        return -(-tick * self.den * SECOND // self.num)
