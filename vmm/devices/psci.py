"""Power State Coordination Interface 1.1, and the two calls by which SMCCC 1.1 is discovered.

Source: Arm DEN0022 "PSCI", chapter 5; Arm DEN0028 "SMC Calling Convention", "Arm Architecture Calls". CPUs are powered
one by one (affinity level 0) and suspend in standby only: state is retained until an interrupt, as with WFI.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from vmm.protocols import EndRun

SMCCC_VERSION = 0x80000000
SMCCC_ARCH_FEATURES = 0x80000001
PSCI_VERSION = 0x84000000
CPU_SUSPEND = 0x84000001
CPU_OFF = 0x84000002
CPU_ON = 0x84000003
AFFINITY_INFO = 0x84000004
MIGRATE_INFO_TYPE = 0x84000006
SYSTEM_OFF = 0x84000008
SYSTEM_RESET = 0x84000009
PSCI_FEATURES = 0x8400000A

SMC64 = 0x40000000
"""The bit of a function's number that makes its arguments 64 bits wide."""
HAS_SMC64 = (CPU_SUSPEND, CPU_ON, AFFINITY_INFO)

SUCCESS = 0
NOT_SUPPORTED = -1
INVALID_PARAMETERS = -2
ALREADY_ON = -4
ON_PENDING = -5
INVALID_ADDRESS = -9

VERSION_1_1 = 0x10001
NO_MIGRATION = 2
"""MIGRATE_INFO_TYPE: there is no Trusted OS to migrate."""

AFFINITIES = {"on": 0, "off": 1, "pending": 2}
AFF0 = 0xFF
STANDBY = 0xFFFF
"""Bits of a power state that may be set: the platform's id of a standby state of the CPU itself."""

State = Literal["on", "off", "pending"]


class Power(Protocol):
    """What a machine lets PSCI do to its vCPUs, by index; "self" is the one that calls."""

    def state(self, cpu: int) -> State | None:
        """None for a vCPU that does not exist; "pending" from `start` until its first instruction."""

    def start(self, cpu: int, entry: int, context: int) -> None:
        """Let one that is off begin at physical address `entry` with `context` in its first register.

        It begins in the caller's execution state; on an AArch32 one, bit 0 of `entry` selects T32.
        """

    def stop_self(self) -> None: ...

    def suspend_self(self) -> None:
        """Wait as WFI does; the call's result is written before."""


class Psci:
    """Does a guest's PSCI calls; SYSTEM_OFF and SYSTEM_RESET end the run as "poweroff" and "reset"."""

    def __init__(self, power: Power, stop: EndRun) -> None:
        self._power = power
        self._stop = stop
        self._functions: dict[int, Callable[[bool, int, int, int], int | None]] = {
            SMCCC_VERSION: lambda *_: VERSION_1_1,
            SMCCC_ARCH_FEATURES: self._arch_features,
            PSCI_VERSION: lambda *_: VERSION_1_1,
            CPU_SUSPEND: self._cpu_suspend,
            CPU_OFF: lambda *_: self._power.stop_self(),
            CPU_ON: self._cpu_on,
            AFFINITY_INFO: self._affinity_info,
            MIGRATE_INFO_TYPE: lambda *_: NO_MIGRATION,
            SYSTEM_OFF: lambda *_: self._stop("poweroff"),
            SYSTEM_RESET: lambda *_: self._stop("reset"),
            PSCI_FEATURES: self._psci_features,
        }

    def call(self, function: int, arguments: tuple[int, int, int], aarch64: bool) -> int | None:
        """The result register, unsigned, as wide as the caller's registers; None if the call does not return.

        `aarch64`: the caller is in AArch64 state.
        """
        function &= 0xFFFFFFFF
        mask = (1 << 64 if function & SMC64 else 1 << 32) - 1
        result: int | None = NOT_SUPPORTED
        if self._offers(function, aarch64):
            first, second, third = (argument & mask for argument in arguments)
            result = self._functions[function & ~SMC64](aarch64, first, second, third)
        return None if result is None else result & (1 << (64 if aarch64 else 32)) - 1

    def _offers(self, function: int, aarch64: bool) -> bool:
        """An AArch32 caller has no SMC64 functions (DEN0028)."""
        if function & SMC64:
            return aarch64 and function & ~SMC64 in HAS_SMC64
        return function in self._functions

    def _arch_features(self, aarch64: bool, function: int, *_: int) -> int:
        return SUCCESS if function in (SMCCC_VERSION, SMCCC_ARCH_FEATURES) else NOT_SUPPORTED

    def _psci_features(self, aarch64: bool, function: int, *_: int) -> int:
        """No function has a feature flag set: CPU_SUSPEND takes power states in the original format."""
        return SUCCESS if self._offers(function, aarch64) else NOT_SUPPORTED

    def _state(self, target: int) -> State | None:
        return self._power.state(target) if target <= AFF0 else None

    def _affinity_info(self, aarch64: bool, target: int, level: int, *_: int) -> int:
        """Affinity levels above 0 need not be supported since PSCI 1.0."""
        state = self._state(target)
        return INVALID_PARAMETERS if level or state is None else AFFINITIES[state]

    def _cpu_on(self, aarch64: bool, target: int, entry: int, context: int) -> int:
        state = self._state(target)
        if state is None:
            return INVALID_PARAMETERS
        if state != "off":
            return ALREADY_ON if state == "on" else ON_PENDING
        # A64 and A32 instructions are aligned to 4; bit 0 makes it T32, aligned to 2.
        if entry & 3 and (aarch64 or not entry & 1):
            return INVALID_ADDRESS
        self._power.start(target, entry, context)
        return SUCCESS

    def _cpu_suspend(self, aarch64: bool, power_state: int, *_: int) -> int:
        if power_state & ~STANDBY:
            return INVALID_PARAMETERS
        self._power.suspend_self()
        return SUCCESS
