"""vmm: a laboratory for interrupts. `import vmm` is cheap; names are loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm.inputs.traps import DONE, Brk, Exc, Hlt, Hvc, Int, Msr, Port, Smc, Svc, SysReg, Undefined
    from vmm.machine.machine import Config, Machine, boot
    from vmm.replayer.player import replay
    from vmm.scenario import (
        Acknowledged,
        Boundary,
        Burst,
        Combine,
        Console,
        Delivered,
        Elapsed,
        Ended,
        EventNumber,
        First,
        GuestError,
        LineChanged,
        NextBoundary,
        Nmi,
        Periodic,
        Poisson,
        Reach,
        Returned,
        Sequence,
        Shadow,
        Storm,
        Then,
        Timeout,
        Vector,
        with_timeout,
    )  # fmt: skip

__version__ = "0.1.0"
__all__ = [
    "DONE", "Acknowledged", "Boundary", "Brk", "Burst", "Combine", "Config", "Console", "Delivered", "Elapsed", "Ended",
    "EventNumber", "Exc", "First", "GuestError", "Hlt", "Hvc", "Int", "LineChanged", "Machine", "Msr", "NextBoundary",
    "Nmi", "Periodic", "Poisson", "Port", "Reach", "Returned", "Sequence", "Shadow", "Smc", "Storm", "Svc", "SysReg",
    "Then", "Timeout", "Undefined", "Vector", "VmmError", "boot", "replay", "with_timeout",
]  # fmt: skip

HOMES = {
    "vmm.machine.machine": ("Config", "Machine", "boot"),
    "vmm.scenario": (
        "Acknowledged", "Boundary", "Burst", "Combine", "Console", "Delivered", "Elapsed", "Ended", "EventNumber",
        "First", "GuestError", "LineChanged", "NextBoundary", "Nmi", "Periodic", "Poisson", "Reach", "Returned",
        "Sequence", "Shadow", "Storm", "Then", "Timeout", "Vector", "with_timeout",
    ),
    "vmm.replayer.player": ("replay",),
    "vmm.inputs.traps": (
        "DONE", "Brk", "Exc", "Hlt", "Hvc", "Int", "Msr", "Port", "Smc", "Svc", "SysReg", "Undefined",
    ),
}  # fmt: skip
_HOME = {name: home for home, names in HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vmm' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
