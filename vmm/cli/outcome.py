"""What comes of a run."""

from __future__ import annotations

from typing import NamedTuple

from vmm.core.stops import Stop


class Outcome(NamedTuple):
    """Of a run."""

    status: int
    """The exit status."""
    stop: Stop
    whole: bool
    """It came to its end: it was not cut short, and no script failed."""
    certain: bool
    """A diagnosis is certain of something."""
