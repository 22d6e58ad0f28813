"""What can be trapped on ARM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vmm.arch.arm.registers import SYSTEM64
from vmm.arch.traps import Key, Traps
from vmm.core.native import lib
from vmm.errors import VmmError, unknown, within

if TYPE_CHECKING:
    from vmm._native import vmm_trap, vmm_vcpu

__all__ = ["Brk", "Hvc", "Smc", "Svc", "SysReg", "Undefined"]


@dataclass(frozen=True)
class Svc(Key):
    """SVC #`immediate` (16 bits, in A32 24). Finished, the guest goes on behind it, as with the next two."""

    immediate: int

    def __post_init__(self) -> None:
        within("SVC", self.immediate, 1 << 24)


@dataclass(frozen=True)
class Hvc(Key):
    """HVC #`immediate` (16 bits), before firmware or a hypervisor sees it."""

    immediate: int

    def __post_init__(self) -> None:
        within("HVC", self.immediate, 1 << 16)


@dataclass(frozen=True)
class Smc(Key):
    """SMC #`immediate` (16 bits, in A32 4)."""

    immediate: int

    def __post_init__(self) -> None:
        within("SMC", self.immediate, 1 << 16)


@dataclass(frozen=True)
class Brk(Key):
    """BRK or BKPT #`immediate` (16 bits). Finished, the guest goes on behind it."""

    immediate: int

    def __post_init__(self) -> None:
        within("BRK", self.immediate, 1 << 16)


@dataclass(frozen=True)
class Undefined(Key):
    """Any instruction that is undefined where it stands. Finished, PC is still at it unless the handler moves it."""


@dataclass(frozen=True)
class SysReg(Key):
    """MRS and MSR of the A64 system register `name` ("cntvct_el0"), whatever the exception level."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in SYSTEM64:
            raise unknown("system register", self.name, SYSTEM64)


NAMES64 = {encoding.number: name for name, encoding in SYSTEM64.items()}

KEYS = (Svc, Hvc, Smc, Brk, Undefined, SysReg)
ASKED: dict[int, Callable[[int], Key]] = {
    lib.VMM_TRAP_SVC: Svc,
    lib.VMM_TRAP_HVC: Hvc,
    lib.VMM_TRAP_SMC: Smc,
    lib.VMM_TRAP_BRK: Brk,
    lib.VMM_TRAP_UNDEFINED: lambda _: Undefined(),
    lib.VMM_TRAP_SYSREG: lambda number: SysReg(NAMES64[number]),
}


def ask(vcpu: vmm_vcpu, key: Key) -> None:
    arm = lib.vmm_arm_of(vcpu)
    match key:
        case Svc():
            arm.traps.svc = 1
        case Hvc():
            arm.traps.hvc = 1
        case Smc():
            arm.traps.smc = 1
        case Brk():
            arm.traps.brk = 1
        case Undefined():
            arm.traps.undefined = 1
        case SysReg(name) if arm.aarch64:
            lib.vmm_arm_trap_system(vcpu, SYSTEM64[name].number)
        case SysReg():
            raise VmmError(f"{key}: system registers are trapped on AArch64 CPUs")


def writes(raw: vmm_trap) -> bool:
    return raw.kind == lib.VMM_TRAP_SYSREG and raw.size != 0


TRAPS = Traps({key.__name__: key for key in KEYS}, ASKED, ask, writes)
