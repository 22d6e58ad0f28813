"""Why a run ended, as a value and in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from vmm.core.native import lib
from vmm.protocols import ASLEEP

if TYPE_CHECKING:
    from vmm._native import vmm_stop_info

__all__ = ["Stop"]

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
NOT_ENDED = ("not run", "running")
"""The reasons of a stop that is none: no run has ended yet, or one is under way."""
ENDED_BY_GUEST = ("exit", "poweroff", "reset")
"""The reasons of an end that the guest, or the world outside, asked for."""
EXIT_STATUS = {"poweroff": 0, "reset": 0, "count": 0, "user": 0, "limit": 124}
EXIT_STATUS |= dict.fromkeys((*AWAITED, *NOT_ENDED), 0)
"""A run's exit status by its stop's reason; `exit` gives the guest's own, the rest is 125."""

ACCESSES = ("read from", "write to", "instruction fetch from")


@dataclass(frozen=True, repr=False)
class Stop:
    """Why a run ended."""

    reason: str
    """The machine's: "exit", "poweroff", "reset", "limit", "idle", "shutdown", "unmapped", "engine"; the script's:
    "count" (`insns` have begun), "user" (`Machine.end`), and what was run to: "breakpoint", "delivered", "event",
    "elapsed", "predicate". Before the first run has ended: "not run", "running".
    """
    code: int
    """Of "exit": the guest's status."""
    detail: str
    """A sentence, with the place."""
    vcpu: int
    address: int
    """Linear; of "unmapped" physical."""
    result: Any = None
    """What the trigger gave that was run to."""
    was_off: bool = field(default=False, compare=False)
    """The machine had been switched off before, so this run did nothing: the stop is the one that switched it off."""

    def __str__(self) -> str:
        nothing = "; it was off already, so this run did nothing" if self.was_off else ""
        return f"{self.reason}: {self.detail}{nothing}"

    def __repr__(self) -> str:
        given = "" if self.result is None else f"; it gave {self.result!r}"
        return f"<Stop {self}{given}>"

    @property
    def exit_status(self) -> int:
        """That `vmm run` would have."""
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
