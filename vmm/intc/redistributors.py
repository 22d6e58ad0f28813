"""What an ITS drives: the LPIs of each GICv3 redistributor, in the core (IHI0069 chapter 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.native import lib

if TYPE_CHECKING:
    from vmm._native import vmm_machine


class Redistributors:
    """All of a machine's, by vCPU; `vmm.intc.its_commands.Redistributors` over the core."""

    def __init__(self, native: vmm_machine) -> None:
        self._machine = native

    def lpi(self, cpu: int, intid: int, pending: bool) -> None:
        lib.vmm_gic_lpi(self._machine, cpu, intid, pending)

    def reload(self, cpu: int) -> None:
        lib.vmm_gic_lpi_reload(self._machine, cpu)

    def move(self, source: int, target: int, intid: int) -> None:
        lib.vmm_gic_lpi_move(self._machine, source, target, intid)

    def move_all(self, source: int, target: int) -> None:
        lib.vmm_gic_lpi_move_all(self._machine, source, target)
