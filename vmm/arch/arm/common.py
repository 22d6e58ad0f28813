"""What may be asked of both execution states alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vmm.arch.architecture import Action, Dump

if TYPE_CHECKING:
    from vmm.arch.arm.vcpu import Arm
    from vmm.arch.debugger import Debugger
    from vmm.arch.traps import Traps
    from vmm.arch.words import Words

FAMILY = "ARM"
BOARD = "virt"
CPU_PREFIX = "cortex-"
ACTIONS: frozenset[Action] = frozenset({"SPIs", "PPIs", "SGIs"})
NO_NMI = "ARM has no NMI; a group 0 interrupt is an FIQ"


def words() -> Words:
    from vmm.arch.arm.words import WORDS

    return WORDS


def traps() -> Traps:
    from vmm.arch.arm.traps import TRAPS

    return TRAPS


def dump() -> Dump:
    from vmm.arch.arm import dump

    return dump


def qemu_registers(cpu: Arm) -> Iterator[str]:
    from vmm.arch.arm import qemu

    return qemu.registers(cpu)


def debugger() -> Debugger:
    from vmm.arch.arm.debugger import DEBUGGER

    return DEBUGGER
