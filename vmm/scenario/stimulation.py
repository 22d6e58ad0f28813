"""Stimuli at work in a machine: how one is told to the core, and what it has done so far."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from vmm.core.native import NEVER, ffi, lib
from vmm.errors import VmmError
from vmm.scenario.stimuli import Nmi, Stimulus, Vector
from vmm.scenario.triggers import Elapsed

if TYPE_CHECKING:
    from vmm._native import vmm_machine, vmm_stimulus

__all__ = ["Stimulation"]

FIELDS = tuple(name for name, _ in ffi.typeof("vmm_stimulus_plan").fields)


class Line(Protocol):
    """A line, by its number."""

    @property
    def number(self) -> int: ...


Target = Nmi | Vector | Line
Armed = bool | tuple[str | int, str | int]


class Stimulation:
    """A stimulus that was started. Counts are readable after it ended, until 64 others have been started."""

    def __init__(self, native: vmm_machine, decide: Callable[..., None], serial: int) -> None:
        self._native, self._decide = native, decide
        self.serial = serial
        """As the trace numbers it: how many were started before."""

    def __repr__(self) -> str:
        raw = lib.vmm_stimulus_find(self._native, self.serial)
        made = "over" if raw == ffi.NULL else f"{raw.requested} requested, {raw.spontaneous} spontaneous"
        return f"<Stimulation {self.serial}: {made}>"

    def stop(self) -> None:
        """No more of it; a line that it holds for a time is let go. Harmless when it is over."""
        self._decide("stop stimulus", self.serial)

    @property
    def pulses(self) -> int:
        """Made so far."""
        return self.requested + self.spontaneous

    @property
    def requested(self) -> int:
        """Those the guest had asked for: the line was unmasked in a controller, or it was between the two places."""
        return self._raw.requested

    @property
    def spontaneous(self) -> int:
        """Those it had not asked for. An NMI or an injected vector that is armed between no places always is one."""
        return self._raw.spontaneous

    @property
    def suppressed(self) -> int:
        """Held back because the guest had not asked."""
        return self._raw.suppressed

    @property
    def _raw(self) -> vmm_stimulus:
        raw = lib.vmm_stimulus_find(self._native, self.serial)
        if raw == ffi.NULL:
            raise VmmError(f"stimulus {self.serial} was over and has made room for another; read its counts earlier")
        return raw


def decision(
    native: vmm_machine, address: Callable[[str | int], int], target: Target, stimulus: Stimulus, *, seed: int | None,
    until: Elapsed | None, armed: Armed,
) -> tuple[bytes | int, ...]:  # fmt: skip
    """The arguments of the decision "stimulate": a sequence's times as bytes, 64 bits each, low byte first, and the
    plan's numbers.
    """
    plan = stimulus.plan() | _target(target) | _armed(armed, address)
    plan["seed"] = lib.vmm_stimulus_seed(native) if seed is None else seed & NEVER
    plan["until"] = NEVER if until is None else _until(until, stimulus.unit)
    return struct.pack(f"<{len(stimulus.times)}Q", *stimulus.times), *(plan.get(name, 0) for name in FIELDS)


def _target(target: Target) -> dict[str, int]:
    if isinstance(target, Nmi):
        return {"target": lib.VMM_TARGET_NMI, "number": target.cpu}
    if isinstance(target, Vector):
        return {"target": lib.VMM_TARGET_INJECT, "number": target.cpu, "vector": target.number}
    number = getattr(target, "number", None)
    if not isinstance(number, int):
        raise VmmError(f"{target!r} cannot be stimulated: a line such as m.irq(4) can, Nmi() and Vector(0x40)")
    return {"target": lib.VMM_TARGET_LINE, "number": number}


def _armed(armed: Armed, address: Callable[[str | int], int]) -> dict[str, int]:
    if isinstance(armed, bool):
        return {"armed": lib.VMM_ARMED_UNMASKED if armed else lib.VMM_ARMED_ALWAYS}
    if not isinstance(armed, tuple) or len(armed) != 2:
        raise VmmError(f"armed={armed!r}: it is True, False or two places, where it begins and where it ends")
    begin, end = (address(where) & NEVER for where in armed)
    return {"armed": lib.VMM_ARMED_BETWEEN, "begin": begin, "end": end}


def _until(until: Elapsed, unit: str) -> int:
    if (until.insns is not None) != (unit == "insns") or until.cpu is not None:
        counts = "instructions of all vCPUs" if unit == "insns" else "time"
        raise VmmError(f"until={until}: this stimulus counts {counts}")
    return until.nanoseconds if until.insns is None else until.insns
