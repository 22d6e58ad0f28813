"""The core's byte of which some bits are waves, as a device fills it in; its reads are `native/devices/wave_byte.c`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.clock import describe
from vmm.core.native import lib, part_of
from vmm.protocols import FOREVER

if TYPE_CHECKING:
    from vmm._native import vmm_machine, vmm_timer


class WaveByte:
    """Of a machine, which has one. Bits that no wave has are `fixed`."""

    OWNER = "wave byte"
    """What the bus calls it."""

    def __init__(self, machine: vmm_machine) -> None:
        self._machine = machine
        self._native = part_of(machine, lib.vmm_wave_byte_of(machine))

    @property
    def fixed(self) -> int:
        return self._native.fixed

    @fixed.setter
    def fixed(self, value: int) -> None:
        self._native.fixed = value

    def read(self) -> int:
        """As it is now."""
        return lib.vmm_wave_byte_read(self._machine)

    def wave(self, bit: int) -> Bit:
        """A bit, 0-7, as a `vmm.protocols.Wave`."""
        return Bit(self._native.bit[bit])


class Bit:
    """One of them, which nobody is told of."""

    def __init__(self, native: vmm_timer) -> None:
        self._native = native

    def start(
        self,
        *,
        origin_ns: int,
        hz_num: int,
        hz_den: int,
        level: bool,
        first_tick: int,
        high_ticks: int = 0,
        low_ticks: int = 0,
        toggles: int = FOREVER,
    ) -> None:
        describe(self._native, origin_ns, hz_num, hz_den, level, first_tick, high_ticks, low_ticks, toggles)

    def stop(self, level: bool) -> None:
        self.start(origin_ns=0, hz_num=1, hz_den=1, level=level, first_tick=0, toggles=0)
