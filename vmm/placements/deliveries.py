"""Whether a source that no boundary of the window takes is delivered at all: behind it, where the guest unmasks it."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from vmm.errors import VmmError
from vmm.scenario.triggers import Reach

if TYPE_CHECKING:
    from vmm.placements.sources import Source
    from vmm.placements.subject import Subject


def is_delivered(subject: Subject, source: Source, patience: int) -> bool:
    """In a run where it happens at the window's first boundary, more is delivered than in the undisturbed one."""
    return bool(_delivered(subject, source, patience) - _delivered(subject, None, patience))


def _delivered(subject: Subject, source: Source | None, patience: int) -> Counter[tuple[int, int, str]]:
    machine = subject.boot()
    subject.enter(machine)
    if source:
        with suppress(VmmError):  # it cannot happen there
            source.happen(machine)
    until = subject.window.until
    machine.run(until=None if until is None else Reach(until), insns=patience)
    return Counter({(each.vcpu, each.vector, each.source): each.delivered for each in machine.trace.interrupts()})
