"""What Python may take before the guest does: the keys of `Machine.trap` and what a handler is given.

    @m.trap(vmm.Int(0x80))
    def call(t):
        t.cpu["rax"] = 42
        return vmm.DONE        # finished: the guest goes on after the instruction

A handler that returns anything else lets the event be delivered as if nobody had looked. What nobody traps never
leaves the native core.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from vmm.cpu.arm_registers import SYSTEM64
from vmm.engine import lib
from vmm.errors import VmmError, unknown, within

if TYPE_CHECKING:
    from vmm.cpu.processors import Cpu

DONE = "done"
"""What a handler returns when it has finished the event itself."""


@dataclass(frozen=True)
class Int:
    """INT n, INT3 and INTO: `vector` 0-255. Finished, RIP is after the instruction."""

    vector: int

    def __post_init__(self) -> None:
        within("interrupt vector", self.vector, 256)


@dataclass(frozen=True)
class Exc:
    """An exception that an instruction raises: `vector` 0-31. Finished, RIP is still at a faulting instruction unless
    the handler moves it. INT1 and faults raised while an event is being delivered are not asked for.
    """

    vector: int

    def __post_init__(self) -> None:
        within("exception vector", self.vector, 32)


@dataclass(frozen=True)
class Hlt:
    """HLT. Finished, the vCPU does not halt."""


@dataclass(frozen=True)
class Msr:
    """RDMSR and WRMSR of `index` (32 bits)."""

    index: int

    def __post_init__(self) -> None:
        within("MSR", self.index, 1 << 32)


@dataclass(frozen=True)
class Port:
    """IN and OUT at `number` 0-FFFFh."""

    number: int

    def __post_init__(self) -> None:
        within("port", self.number, 1 << 16)


@dataclass(frozen=True)
class Svc:
    """SVC #`immediate` (16 bits, in A32 24). Finished, the guest goes on behind it, as with the next two."""

    immediate: int

    def __post_init__(self) -> None:
        within("SVC", self.immediate, 1 << 24)


@dataclass(frozen=True)
class Hvc:
    """HVC #`immediate` (16 bits), before firmware or a hypervisor sees it."""

    immediate: int

    def __post_init__(self) -> None:
        within("HVC", self.immediate, 1 << 16)


@dataclass(frozen=True)
class Smc:
    """SMC #`immediate` (16 bits, in A32 4)."""

    immediate: int

    def __post_init__(self) -> None:
        within("SMC", self.immediate, 1 << 16)


@dataclass(frozen=True)
class Brk:
    """BRK or BKPT #`immediate` (16 bits). Finished, the guest goes on behind it."""

    immediate: int

    def __post_init__(self) -> None:
        within("BRK", self.immediate, 1 << 16)


@dataclass(frozen=True)
class Undefined:
    """Any instruction that is undefined where it stands. Finished, PC is still at it unless the handler moves it."""


@dataclass(frozen=True)
class SysReg:
    """MRS and MSR of the A64 system register `name` ("cntvct_el0"), whatever the exception level."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in SYSTEM64:
            raise unknown("system register", self.name, SYSTEM64)


Key = Int | Exc | Hlt | Msr | Port | Svc | Hvc | Smc | Brk | Undefined | SysReg


def key_of(name: str, fields: Sequence[Any]) -> Key:
    """The key of the class `name` with these fields; VmmError for a name that is none."""
    classes = {key.__name__: key for key in get_args(Key)}
    if name not in classes:
        raise unknown("trap", name, classes)
    key: Key = classes[name](*fields)
    return key


def unanswered(trap: Trap) -> None:
    """Nobody's handler: the event is delivered."""


NAMES64 = {encoding.number: name for name, encoding in SYSTEM64.items()}

KEYS: dict[int, Callable[[int], Key]] = {
    lib.VMM_TRAP_INT: Int,
    lib.VMM_TRAP_EXCEPTION: Exc,
    lib.VMM_TRAP_HLT: lambda _: Hlt(),
    lib.VMM_TRAP_RDMSR: Msr,
    lib.VMM_TRAP_WRMSR: Msr,
    lib.VMM_TRAP_IN: Port,
    lib.VMM_TRAP_OUT: Port,
    lib.VMM_TRAP_SVC: Svc,
    lib.VMM_TRAP_HVC: Hvc,
    lib.VMM_TRAP_SMC: Smc,
    lib.VMM_TRAP_BRK: Brk,
    lib.VMM_TRAP_UNDEFINED: lambda _: Undefined(),
    lib.VMM_TRAP_SYSREG: lambda number: SysReg(NAMES64[number]),
}
"""The key of what the core asks about, from its `vmm_trap.number`."""


def arm_x86(vcpu: Any, key: Key) -> None:
    """Let the core ask about `key`; VmmError for a key that no x86 CPU has."""
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
        case _:
            raise VmmError(f"{key} cannot happen on an x86 CPU")


def arm_arm(vcpu: Any, key: Key) -> None:
    """Let the core ask about `key`; VmmError for a key that no ARM CPU has."""
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
        case _:
            raise VmmError(f"{key} cannot happen on an ARM CPU")


class Trap:
    """What a handler sees of one event."""

    def __init__(self, key: Key, cpu: Cpu, native: Any, *, write: bool) -> None:
        self.key = key
        self.cpu = cpu
        self.write = write
        """True for OUT, WRMSR and MSR."""
        self._native = native

    @property
    def value(self) -> int:
        """What is written (OUT, WRMSR, MSR) or to be read (IN, RDMSR, MRS); an exception's error code."""
        return int(self._native.value)

    @value.setter
    def value(self, value: int) -> None:
        self._native.value = value

    @property
    def size(self) -> int:
        """Width of the access in bytes."""
        return int(self._native.size)
