"""What firmware may do to the vCPUs of an ARM machine: start them, switch them off, let them wait (DEN0022)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from vmm.core.native import lib

if TYPE_CHECKING:
    from vmm._native import vmm_machine


class Power:
    """Over the core's vCPUs; "self" is the one whose call is being answered."""

    def __init__(self, native: vmm_machine) -> None:
        self._machine = native
        self.caller = 0

    def state(self, cpu: int) -> Literal["on", "off", "pending"] | None:
        """None for a vCPU that does not exist. One that is started is on at once."""
        if not 0 <= cpu < self._machine.vcpu_count:
            return None
        return "off" if self._machine.vcpus[cpu].off else "on"

    def start(self, cpu: int, entry: int, context: int) -> None:
        """From reset, at physical address `entry` with `context` in X0 or R0."""
        lib.vmm_arm_start(self._machine.vcpus[cpu], entry, context)

    def stop_self(self) -> None:
        lib.vmm_arm_off(self._machine.vcpus[self.caller])

    def suspend_self(self) -> None:
        """Wait as WFI does."""
        lib.vmm_arm_wait(self._machine.vcpus[self.caller])
