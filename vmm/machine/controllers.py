"""The interrupt controllers of a machine, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vmm.arch import every
from vmm.arch.architecture import Action, Architecture
from vmm.boards.board import Board
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm._native import vmm_machine
    from vmm.intc.gic import Gic
    from vmm.intc.i8259 import Pic
    from vmm.intc.ioapic import IoApic
    from vmm.intc.lapic import LocalApic


class Controllers:
    """Those its board has; VmmError for any other."""

    def __init__(self, native: vmm_machine, board: Board, architecture: Architecture) -> None:
        self._native, self._board, self._architecture = native, board, architecture

    def pic(self) -> Pic:
        pic: Pic = self._named("pic")
        return pic

    def lapic(self) -> Sequence[LocalApic]:
        from vmm.intc.lapic import LocalApic

        only_on(self._architecture, "local APICs")
        return tuple(LocalApic(self._native.vcpus[n]) for n in range(self._native.vcpu_count))

    def ioapic(self) -> IoApic:
        ioapic: IoApic = self._named("ioapic")
        return ioapic

    def gic(self) -> Gic:
        gic: Gic = self._named("gic")
        return gic

    def _named(self, name: str) -> Any:
        if name not in self._board.devices:
            raise VmmError(f"board {self._board.name} has no {name.upper()}")
        return self._board.devices[name]


def only_on(architecture: Architecture, what: Action, refusal: str = "") -> None:
    """VmmError where no machine of this architecture has that."""
    if what not in architecture.actions:
        owners = dict.fromkeys(other.family.lower() for other in every() if what in other.actions)
        raise VmmError(refusal or f"{what} are {' and '.join(owners)}'s; this machine is {architecture.name}")
