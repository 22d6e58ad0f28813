"""Scripts beside a guest: what they wait for, how they are resumed, what comes by itself.

Stimuli are imported when somebody names one: not every run has some, and starting is part of what users wait for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vmm.scenario.tasks import Task, Tasks
from vmm.scenario.triggers import (
    Acknowledged,
    Boundary,
    Combine,
    Console,
    Delivered,
    Elapsed,
    Ended,
    EventNumber,
    Fired,
    First,
    GuestError,
    LineChanged,
    NextBoundary,
    Reach,
    Returned,
    Shadow,
    Then,
    Timeout,
    Trigger,
    with_timeout,
)

if TYPE_CHECKING:
    from vmm.scenario.stimulation import Stimulation
    from vmm.scenario.stimuli import Burst, Nmi, Periodic, Poisson, Sequence, Stimulus, Storm, Vector

__all__ = [
    "Acknowledged",
    "Boundary",
    "Burst",
    "Combine",
    "Console",
    "Delivered",
    "Elapsed",
    "Ended",
    "EventNumber",
    "Fired",
    "First",
    "GuestError",
    "LineChanged",
    "NextBoundary",
    "Nmi",
    "Periodic",
    "Poisson",
    "Reach",
    "Returned",
    "Sequence",
    "Shadow",
    "Stimulation",
    "Stimulus",
    "Storm",
    "Task",
    "Tasks",
    "Then",
    "Timeout",
    "Trigger",
    "Vector",
    "with_timeout",
]

STIMULI = {
    **dict.fromkeys(("Burst", "Nmi", "Periodic", "Poisson", "Sequence", "Stimulus", "Storm", "Vector"), "stimuli"),
    "Stimulation": "stimulation",
}


def __getattr__(name: str) -> Any:
    if name not in STIMULI:
        raise AttributeError(f"module 'vmm.scenario' has no attribute {name!r}")
    return getattr(import_module(f"vmm.scenario.{STIMULI[name]}"), name)
