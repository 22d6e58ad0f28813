"""What Python may take before the guest does: what a handler of `Machine.trap` is given. Keys are the architectures'.

    @m.trap(vmm.Int(0x80))
    def call(t):
        t.cpu["rax"] = 42
        return vmm.DONE        # finished: the guest goes on after the instruction

A handler that returns anything else lets the event be delivered as if nobody had looked. What nobody traps never
leaves the native core.
"""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING

from vmm.errors import VmmError, within

if TYPE_CHECKING:
    from vmm.arch.cpus import Cpu
    from vmm.arch.traps import Key

__all__ = ["DONE", "Trap"]

DONE = "done"
"""What a handler returns when it has finished the event itself."""


def unanswered(trap: Trap) -> None:
    """Nobody's handler: the event is delivered."""


class Trap:
    """What a handler sees of one event."""

    cpu: Cpu
    """The vCPU that is about to do it."""

    def __init__(self, key: Key, cpu: Cpu, *, value: int, size: int, write: bool) -> None:
        self.key = key
        self.cpu = cpu
        self.write = write
        """True for OUT, WRMSR and MSR."""
        self.size = size
        """Width of the access in bytes."""
        self._value = value
        self._over = False

    def __repr__(self) -> str:
        over = ", over" if self._over else ""
        return f"<Trap {self.key} on vCPU {self.cpu.index}, value {self._value:#x}{over}>"

    @property
    def value(self) -> int:
        """What is written (OUT, WRMSR, MSR) or to be read (IN, RDMSR, MRS): 64 bits; an exception's error code. To set
        it is a VmmError for another number, and once the handler has returned.
        """
        return self._value

    @value.setter
    def value(self, value: int) -> None:
        if self._over:
            raise VmmError(f"{self.key} is over: its value was taken when the handler returned")
        value = index(value)
        within("value of a trap", value, 1 << 64)
        self._value = value

    def end(self) -> int:
        """Its value, for good."""
        self._over = True
        return self._value
