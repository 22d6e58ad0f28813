"""What every architecture says of its traps: events that a script may see before the guest does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vmm._native import vmm_trap, vmm_vcpu


class Key:
    """What can be trapped: a value, two that say the same are equal."""


@dataclass(frozen=True)
class Traps:
    """Those of an architecture."""

    keys: Mapping[str, Callable[..., Key]]
    """Classes by their names."""
    asked: Mapping[int, Callable[[int], Key]]
    """The key of what the core asks about, by its `vmm_trap.kind` and from its `number`."""
    ask: Callable[[vmm_vcpu, Any], None]
    """Let the core ask about a key on this vCPU; VmmError for one that this vCPU cannot have."""
    writes: Callable[[vmm_trap], bool]
    """Whether the access that the core asks about is a write."""
