"""Where a run is to come to: a location, or a count of the instructions that have begun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vmm.core.native import lib
from vmm.core.stops import AWAITED, Stop
from vmm.scenario.combinators import First
from vmm.scenario.trigger import Trigger
from vmm.scenario.triggers import Reach

if TYPE_CHECKING:
    from vmm.machine.machine import Machine

COUNTED = "insn:"


def counted(where: str | int | Trigger[Any]) -> int | None:
    """Instructions of the run that have begun there, if it is told by that."""
    number = where.removeprefix(COUNTED) if isinstance(where, str) and where.startswith(COUNTED) else ""
    return int(number) if number.isdecimal() and int(number) else None


def await_(slot: Any, machine: Machine, where: str | int) -> None:
    """Into a `vmm_trigger`."""
    number = counted(where)
    slot.kind = lib.VMM_TRIGGER_REACH if number is None else lib.VMM_TRIGGER_INSNS
    slot.at, slot.vcpu = machine.address(where) if number is None else number, lib.VMM_ANY


class Aim:
    """Of one machine."""

    def __init__(self, machine: Machine, where: str | int) -> None:
        self._machine, self._number = machine, counted(where)
        self._address = machine.address(where) if self._number is None else 0

    @property
    def reached(self) -> bool:
        """It stands there; behind a count, too."""
        if self._number is not None:
            return self._machine.instructions >= self._number
        return self._machine.cpus[self._machine.position.vcpu].pc == self._address

    def run(self, forbidden: Sequence[Reach], insns: int) -> Stop:
        """On towards it, or to a place where the run is over."""
        if self._number is None:
            return self._machine.run(until=soonest([Reach(self._address), *forbidden]), insns=insns)
        left = self._number - self._machine.instructions
        return self._machine.run(until=soonest(forbidden), insns=min(left, insns))

    def came(self, stop: Stop) -> bool:
        """What `run` gave, where the run goes on behind that."""
        return stop.reason in AWAITED or (stop.reason == "count" and self._number is not None and self.reached)


def soonest(places: Sequence[Trigger[Any]]) -> Trigger[Any] | None:
    """Whichever comes first, as a run awaits it."""
    return First(*places) if len(places) > 1 else places[0] if places else None
