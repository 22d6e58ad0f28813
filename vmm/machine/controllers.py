"""The interrupt controllers of a machine, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vmm.arch import every
from vmm.arch.architecture import Action, Architecture
from vmm.boards.board import Board
from vmm.core.native import vcpu_index, vcpu_of
from vmm.errors import VmmError, within
from vmm.inputs.decisions import Inputs

if TYPE_CHECKING:
    from vmm._native import vmm_machine
    from vmm.intc.gic import Gic
    from vmm.intc.i8259 import Pic
    from vmm.intc.ioapic import IoApic
    from vmm.intc.lapic import LocalApic


class Controllers:
    """Those its board has; VmmError for any other."""

    def __init__(self, native: vmm_machine, board: Board, architecture: Architecture, inputs: Inputs) -> None:
        self._native, self._board, self._architecture = native, board, architecture
        self._decide = inputs.decide
        inputs.register({"pic": self._write_pic, "lapic event": self._lapic_event, "lint": self._lint})

    def pic(self) -> Pic:
        from vmm.intc.i8259 import Pic

        self._named("pic")
        return Pic(self._native, self._decide)

    def lapic(self) -> Sequence[LocalApic]:
        from vmm.intc.lapic import LocalApic

        only_on(self._architecture, "local APICs")
        return tuple(LocalApic(vcpu_of(self._native, n), self._decide) for n in range(self._native.vcpu_count))

    def ioapic(self) -> IoApic:
        from vmm.intc.ioapic import IoApic

        self._named("ioapic")
        return IoApic(self._native, self._decide)

    def gic(self) -> Gic:
        gic: Gic = self._named("gic")
        return gic

    # ---- the rows of what is done to them ----

    def _write_pic(self, chip: int, a0: int, value: int) -> None:
        pic: Pic = self._named("pic")
        within("8259A", chip, 2)
        within("port of an 8259A", a0, 2)
        within("byte for an 8259A", value, 256)
        pic.write(chip, a0, value)

    def _lapic_event(self, cpu: int, name: str) -> None:
        self._lapic(cpu).event(name)

    def _lint(self, cpu: int, pin: int, level: int) -> None:
        self._lapic(cpu).lint(pin, level != 0)

    def _lapic(self, cpu: int) -> LocalApic:
        """As nobody's decision."""
        from vmm.intc.lapic import LocalApic

        only_on(self._architecture, "local APICs")
        return LocalApic(vcpu_of(self._native, vcpu_index(self._native, cpu)))

    def _named(self, name: str) -> Any:
        if name not in self._board.devices:
            raise VmmError(f"board {self._board.name} has no {name.upper()}")
        return self._board.devices[name]


def only_on(architecture: Architecture, what: Action, refusal: str = "") -> None:
    """VmmError where no machine of this architecture has that."""
    if what not in architecture.actions:
        owners = dict.fromkeys(other.family.lower() for other in every() if what in other.actions)
        raise VmmError(refusal or f"{what} are {' and '.join(owners)}'s; this machine is {architecture.name}")
