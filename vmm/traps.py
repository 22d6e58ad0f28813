"""What Python may take before the guest does: the keys of `Machine.trap` and what a handler is given.

    @m.trap(vmm.Int(0x80))
    def call(t):
        t.cpu["rax"] = 42
        return vmm.DONE        # finished: the guest goes on after the instruction

A handler that returns anything else lets the event be delivered as if nobody had looked. What nobody traps never
leaves the native core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm.cpu.x86 import X86

DONE = "done"
"""What a handler returns when it has finished the event itself."""


def _within(what: str, value: int, limit: int) -> None:
    if not 0 <= value < limit:
        raise VmmError(f"{what} {value:#x} is outside 0-{limit - 1:#x}")


@dataclass(frozen=True)
class Int:
    """INT n, INT3 and INTO: `vector` 0-255. Finished, RIP is after the instruction."""

    vector: int

    def __post_init__(self) -> None:
        _within("interrupt vector", self.vector, 256)


@dataclass(frozen=True)
class Exc:
    """An exception that an instruction raises: `vector` 0-31. Finished, RIP is still at a faulting instruction unless
    the handler moves it. INT1 and faults raised while an event is being delivered are not asked for.
    """

    vector: int

    def __post_init__(self) -> None:
        _within("exception vector", self.vector, 32)


@dataclass(frozen=True)
class Hlt:
    """HLT. Finished, the vCPU does not halt."""


@dataclass(frozen=True)
class Msr:
    """RDMSR and WRMSR of `index` (32 bits)."""

    index: int

    def __post_init__(self) -> None:
        _within("MSR", self.index, 1 << 32)


@dataclass(frozen=True)
class Port:
    """IN and OUT at `number` 0-FFFFh."""

    number: int

    def __post_init__(self) -> None:
        _within("port", self.number, 1 << 16)


Key = Int | Exc | Hlt | Msr | Port


class Trap:
    """What a handler sees of one event."""

    def __init__(self, key: Key, cpu: X86, native: Any, *, write: bool) -> None:
        self.key = key
        self.cpu = cpu
        self.write = write
        """True for OUT and WRMSR."""
        self._native = native

    @property
    def value(self) -> int:
        """What is written (OUT, WRMSR) or to be read (IN, RDMSR); an exception's error code."""
        return int(self._native.value)

    @value.setter
    def value(self, value: int) -> None:
        self._native.value = value

    @property
    def size(self) -> int:
        """Width of the access in bytes."""
        return int(self._native.size)
