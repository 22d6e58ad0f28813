"""The core's counter that guests read while it runs, as its device starts and stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.native import lib, part_of

if TYPE_CHECKING:
    from vmm._native import vmm_machine


class NativeCounter:
    """Of a machine, which has one: the 64 bits `offset` bytes into its device's memory."""

    OWNER = "counter register"
    """What the bus calls it."""

    def __init__(self, machine: vmm_machine, offset: int) -> None:
        self._machine = machine
        self._native = part_of(machine, lib.vmm_counter_of(machine))
        self._native.offset = offset

    def start(self, count: int, period_ns: int) -> None:
        self._native.count = count
        self._native.since = lib.vmm_now(self._machine)
        self._native.period = period_ns

    def passed(self) -> int:
        return lib.vmm_counter_passed(self._machine)
