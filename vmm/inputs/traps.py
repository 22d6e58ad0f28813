"""What Python may take before the guest does: what a handler of `Machine.trap` is given. Keys are the architectures'.

    @m.trap(vmm.Int(0x80))
    def call(t):
        t.cpu["rax"] = 42
        return vmm.DONE        # finished: the guest goes on after the instruction

A handler that returns anything else lets the event be delivered as if nobody had looked. What nobody traps never
leaves the native core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmm._native import vmm_trap
    from vmm.arch.traps import Key
    from vmm.arch.vcpu import Vcpu

__all__ = ["DONE"]

DONE = "done"
"""What a handler returns when it has finished the event itself."""


def unanswered(trap: Trap) -> None:
    """Nobody's handler: the event is delivered."""


class Trap:
    """What a handler sees of one event."""

    def __init__(self, key: Key, cpu: Vcpu, native: vmm_trap, *, write: bool) -> None:
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
