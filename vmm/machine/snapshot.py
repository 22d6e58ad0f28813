"""A machine as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vmm.core.device_state import Captured
from vmm.core.stops import Stop
from vmm.inputs.position import Position
from vmm.loaders.image import Loaded

if TYPE_CHECKING:
    from vmm._native import vmm_machine, vmm_snapshot
    from vmm.inputs.run_log import Mark


__all__ = ["Snapshot"]


class Snapshot(NamedTuple):
    """For `Machine.restore`; freed when nobody refers to it."""

    native: vmm_snapshot
    machine: vmm_machine
    """Kept as long as the snapshot, so that no other takes its place."""
    devices: Captured
    loaded: Loaded | None
    recorded: Mark | None
    """How far the run's log had come; None: nobody had begun one."""
    position: Position
    """Where in its run the machine stood."""
    stop: Stop | None
    """Why its last run had ended."""

    def __repr__(self) -> str:
        return f"<Snapshot at {self.position}>"
