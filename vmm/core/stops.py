"""Why a run ended, as a value and in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from vmm.core.native import lib
from vmm.protocols import ASLEEP

if TYPE_CHECKING:
    from vmm._native import vmm_stop_info

TRIGGER = "trigger"
REASONS = {
    lib.VMM_STOP_EXIT: "exit",
    lib.VMM_STOP_POWEROFF: "poweroff",
    lib.VMM_STOP_RESET: "reset",
    lib.VMM_STOP_LIMIT: "limit",
    lib.VMM_STOP_IDLE: "idle",
    lib.VMM_STOP_SHUTDOWN: "shutdown",
    lib.VMM_STOP_UNMAPPED: "unmapped",
    lib.VMM_STOP_TRIGGER: TRIGGER,
    lib.VMM_STOP_SLICE: "count",
    lib.VMM_STOP_USER: "user",
    lib.VMM_STOP_ENGINE: "engine",
}
NUMBERS = {name: number for number, name in REASONS.items()}
AWAITED = ("breakpoint", "delivered", "event", "elapsed", "predicate")
"""The reasons of a run that came to what it was to run to; which one, the trigger decides."""
EXIT_STATUS = {"poweroff": 0, "reset": 0, "count": 0, "user": 0, "limit": 124} | dict.fromkeys(AWAITED, 0)
"""A run's exit status by its stop's reason; `exit` gives the guest's own, the rest is 125."""

ACCESSES = ("read from", "write to", "instruction fetch from")


@dataclass(frozen=True)
class Stop:
    """Why a run ended: `reason` (a value of REASONS or AWAITED), the guest's `code`, a sentence, the vCPU and a linear
    address; `result` is what the trigger gave that was run to.
    """

    reason: str
    code: int
    detail: str
    vcpu: int
    address: int
    result: Any = None

    @property
    def exit_status(self) -> int:
        return self.code & 0xFF if self.reason == "exit" else EXIT_STATUS.get(self.reason, 125)


class Stopped(Protocol):
    """What the words need of a machine."""

    cpus: Any

    def where(self, linear: int) -> str: ...


def describe(machine: Stopped, raw: vmm_stop_info) -> str:
    """The sentence for the core's `vmm_stop_info`."""
    reason = REASONS.get(raw.reason, "")
    return WORDS[reason](machine, raw) if reason in WORDS else f"stopped at {machine.where(raw.address)}"


def _limit(machine: Stopped, raw: vmm_stop_info) -> str:
    what = "virtual time" if raw.code else "instruction"
    return f"the {what} limit was reached at {machine.where(raw.address)}"


def _idle(machine: Stopped, raw: vmm_stop_info) -> str:
    where = machine.where(raw.address)
    if raw.code & ASLEEP:
        return f"asleep in a state that the board lacks (SLP_TYP {raw.code & 0xFF}) at {where}: nothing can wake it"
    if raw.code and all(cpu.off for cpu in machine.cpus):
        return f"every vCPU is switched off, the last at {where}"
    if raw.code:
        return f"halted at {where} with interrupts masked: nothing can wake it"
    return f"halted at {where} and nothing is pending that could wake it"


def _shutdown(machine: Stopped, raw: vmm_stop_info) -> str:
    whose = f" of vCPU {raw.vcpu}" if len(machine.cpus) > 1 else ""
    return str(machine.cpus[raw.vcpu].shutdown_story(machine.where(raw.address), whose, bool(raw.code)))


def _unmapped(machine: Stopped, raw: vmm_stop_info) -> str:
    recent = machine.cpus[raw.vcpu].recent()
    where = machine.where(recent[-1]) if recent else "the reset vector"
    return f"{ACCESSES[raw.code]} unmapped physical address {raw.address:#x} at {where}"


def _engine(machine: Stopped, raw: vmm_stop_info) -> str:
    if raw.code == lib.VMM_GAVE_UP:
        return f"the CPU emulator gave up at {machine.where(raw.address)}, for good: make another machine"
    return f"the CPU emulator refused to go on at {machine.where(raw.address)} (error {raw.code})"


WORDS: dict[str, Callable[[Stopped, vmm_stop_info], str]] = {
    "exit": lambda machine, raw: f"the guest ended the run with status {raw.code}",
    "poweroff": lambda machine, raw: "the guest switched the machine off",
    "reset": lambda machine, raw: "the guest reset the machine",
    "limit": _limit,
    "idle": _idle,
    "shutdown": _shutdown,
    "unmapped": _unmapped,
    "engine": _engine,
}
