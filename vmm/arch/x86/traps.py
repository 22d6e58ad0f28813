"""What can be trapped on x86."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vmm.arch.traps import Key, Traps
from vmm.core.native import lib
from vmm.errors import within

if TYPE_CHECKING:
    from vmm._native import vmm_trap, vmm_vcpu

__all__ = ["Exc", "Hlt", "Int", "Msr", "Port"]


@dataclass(frozen=True)
class Int(Key):
    """INT n, INT3 and INTO: `vector` 0-255. Finished, RIP is after the instruction."""

    vector: int

    def __post_init__(self) -> None:
        within("interrupt vector", self.vector, 256)


@dataclass(frozen=True)
class Exc(Key):
    """An exception that an instruction raises: `vector` 0-31. Finished, RIP is still at a faulting instruction unless
    the handler moves it. INT1 and faults raised while an event is being delivered are not asked for.
    """

    vector: int

    def __post_init__(self) -> None:
        within("exception vector", self.vector, 32)


@dataclass(frozen=True)
class Hlt(Key):
    """HLT. Finished, the vCPU does not halt."""


@dataclass(frozen=True)
class Msr(Key):
    """RDMSR and WRMSR of `index` (32 bits)."""

    index: int

    def __post_init__(self) -> None:
        within("MSR", self.index, 1 << 32)


@dataclass(frozen=True)
class Port(Key):
    """IN and OUT at `number` 0-FFFFh."""

    number: int

    def __post_init__(self) -> None:
        within("port", self.number, 1 << 16)


KEYS = (Int, Exc, Hlt, Msr, Port)
ASKED: dict[int, Callable[[int], Key]] = {
    lib.VMM_TRAP_INT: Int,
    lib.VMM_TRAP_EXCEPTION: Exc,
    lib.VMM_TRAP_HLT: lambda _: Hlt(),
    lib.VMM_TRAP_RDMSR: Msr,
    lib.VMM_TRAP_WRMSR: Msr,
    lib.VMM_TRAP_IN: Port,
    lib.VMM_TRAP_OUT: Port,
}


def ask(vcpu: vmm_vcpu, key: Key) -> None:
    traps = lib.vmm_x86_of(vcpu).traps
    match key:
        case Int(vector):
            traps.vectors[vector >> 6] |= 1 << (vector & 63)
        case Exc(vector):
            traps.exceptions |= 1 << vector
        case Hlt():
            traps.hlt = 1
        case Msr():
            traps.msr = 1
        case Port(number):
            traps.port = 1
            traps.ports[number >> 3] |= 1 << (number & 7)


def writes(raw: vmm_trap) -> bool:
    return raw.kind in (lib.VMM_TRAP_WRMSR, lib.VMM_TRAP_OUT)


TRAPS = Traps({key.__name__: key for key in KEYS}, ASKED, ask, writes)
