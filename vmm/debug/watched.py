"""A watchpoint: on memory as it was mapped when it was set, for the guest may be elsewhere when it goes on."""

from __future__ import annotations

from dataclasses import dataclass

from vmm.arch.vcpu import Vcpu
from vmm.core.native import lib
from vmm.errors import VmmError
from vmm.scenario.slots import ANY
from vmm.scenario.trigger import Context, Wait
from vmm.scenario.triggers import KINDS, Accessed, AccessWait


@dataclass(frozen=True)
class Watched(Accessed):
    """An `Accessed` whose place in RAM is known."""

    physical: int = 0

    def prime(self, context: Context) -> Wait:
        assert isinstance(self.where, int), "gdb knows addresses alone"
        return AccessWait(
            context, self, lib.VMM_TRIGGER_ACCESS, linear=self.where, at=self.physical, number=self.size,
            value=KINDS[self.kind], vcpu=ANY,
        )  # fmt: skip


def watched(cpu: Vcpu, accessed: Accessed) -> Watched:
    """With its place as a vCPU maps it; VmmError where it does not, or not in one piece."""
    assert isinstance(accessed.where, int), "gdb knows addresses alone"
    first, last = (cpu.physical(accessed.where + n) for n in (0, accessed.size - 1))
    if first is None or last is None or last - first != accessed.size - 1:
        raise VmmError(f"{accessed.where:#x} is not mapped to RAM, or not in one piece")
    return Watched(accessed.where, accessed.size, accessed.kind, None, first)
