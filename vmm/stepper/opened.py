"""What is stepped through: an image that runs for the first time, or a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vmm.debug.course import Live, Replayed
from vmm.replayer.player import Replay
from vmm.stepper.kept import Kept
from vmm.stepper.walk import Known, Walk

if TYPE_CHECKING:
    from vmm.inputs.recorder import Recorder
    from vmm.machine.machine import Machine


def live(machine: Machine, recorder: Recorder, console: Kept) -> Walk:
    """Of a machine that has not run yet, and whose console is that one."""
    return Walk(Live(machine, recorder), console)


def recorded(path: Path, image: str | None = None) -> Walk:
    """Of a recording, whose whole run is known; VmmError and Diverged as of `vmm.replay`."""
    whole = Replay(path, image, Kept())
    whole.machine.trace.record()
    whole.run()
    console = Kept()
    return Walk(Replayed(Replay(path, image, console)), console, Known(whole.machine, whole.machine.instructions))
