"""Triggers that somebody waits for now: each wait holds its slots of the core, and knows when it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from vmm.core.native import lib
from vmm.errors import VmmError, unknown
from vmm.scenario import triggers as t
from vmm.scenario.slots import ANY, Slots
from vmm.trace import events

SHADOWS = {"sti": lib.VMM_SHADOW_STI, "mov ss": lib.VMM_SHADOW_MOV_SS}
SOURCES = {word: number for number, word in events.SOURCES.items()} | {
    "line": lib.VMM_SRC_LINE,
    "spurious": lib.VMM_SRC_SPURIOUS,
}
"""The words for a delivery's source that name no pin."""


class Where(Protocol):
    """What waits must know of their machine."""

    slots: Slots
    native: Any

    def address(self, where: str | int) -> int: ...

    def event(self, number: int) -> Any: ...

    def listen(self, listener: Callable[[bytes], None]) -> Callable[[], None]:
        """Hand what the guest writes to `listener`; call what is given back to end that."""

    def interrupt(self) -> None:
        """Stop at the next boundary, for a wait that no slot knows of is done."""


class Wait:
    """Of one trigger. `done` may only be asked while the machine stands; `cancel` gives up what it holds."""

    result: Any = None

    def done(self) -> bool:
        raise NotImplementedError

    def cancel(self) -> None:
        raise NotImplementedError

    def story(self) -> str:
        """What is waited for, in words."""
        raise NotImplementedError


class SlotWait(Wait):
    """For something the core sees by itself."""

    def __init__(self, where: Where, trigger: t.Trigger, kind: int, **fields: int) -> None:
        self._where, self._trigger = where, trigger
        self._is_event = kind == lib.VMM_TRIGGER_EVENT
        self._slot: int | None = where.slots.take(kind, **fields)

    def done(self) -> bool:
        if self._slot is not None and self._where.slots.fired(self._slot):
            if self._is_event:
                self.result = self._where.event(self._where.slots.seen(self._slot))
            self.cancel()
        return self._slot is None

    def cancel(self) -> None:
        if self._slot is not None:
            self._where.slots.free(self._slot)
            self._slot = None

    def story(self) -> str:
        return str(self._trigger)


class ConsoleWait(Wait):
    """For a text."""

    def __init__(self, where: Where, trigger: t.Console) -> None:
        self._where, self._trigger = where, trigger
        self._wanted, self._found = trigger.text.encode(), False
        self._heard = bytearray()
        self._deaf = where.listen(self._hear)

    def _hear(self, data: bytes) -> None:
        self._heard += data
        if not self._found and self._wanted in self._heard[-len(self._wanted) - len(data) :]:
            self._found = True
            self._where.interrupt()

    def done(self) -> bool:
        if self._found:
            self.result = self._heard.decode(errors="replace")
            self._deaf()
        return self._found

    def cancel(self) -> None:
        self._deaf()

    def story(self) -> str:
        return str(self._trigger)


class ThenWait(Wait):
    """For one, then the other."""

    def __init__(self, where: Where, trigger: t.Then) -> None:
        self._where, self._trigger = where, trigger
        self._now, self._next = start(where, trigger.first), True

    def done(self) -> bool:
        if self._next and self._now.done():
            self._now, self._next = start(self._where, self._trigger.second), False
        if self._next or not self._now.done():
            return False
        self.result = self._now.result
        return True

    def cancel(self) -> None:
        self._now.cancel()

    def story(self) -> str:
        return self._now.story()


class FirstWait(Wait):
    """For any of several."""

    def __init__(self, where: Where, trigger: t.First) -> None:
        self._trigger = trigger
        self._waits = [start(where, part) for part in trigger.triggers]
        self._over = False

    def done(self) -> bool:
        for trigger, wait in zip(self._trigger.triggers, self._waits, strict=True):
            if not self._over and wait.done():
                self.result, self._over = t.Fired(trigger, wait.result), True
        if self._over:
            self.cancel()
        return self._over

    def cancel(self) -> None:
        for wait in self._waits:
            wait.cancel()

    def story(self) -> str:
        return " or ".join(wait.story() for wait in self._waits)


class CombineWait(Wait):
    """For all of several."""

    def __init__(self, where: Where, trigger: t.Combine) -> None:
        self._waits = [start(where, part) for part in trigger.triggers]
        self._open = list(self._waits)

    def done(self) -> bool:
        self._open = [wait for wait in self._open if not wait.done()]
        self.result = [wait.result for wait in self._waits]
        return not self._open

    def cancel(self) -> None:
        for wait in self._open:
            wait.cancel()

    def story(self) -> str:
        return " and ".join(wait.story() for wait in self._open)


def _vcpu(where: Where, cpu: int | None) -> int:
    if cpu is None:
        return ANY
    if not 0 <= cpu < where.native.vcpu_count:
        raise VmmError(f"vCPU {cpu} is not among 0-{where.native.vcpu_count - 1}")
    return cpu


def _any(number: int | None) -> int:
    return ANY if number is None else number & 0xFFFFFFFF


def _reach(where: Where, trigger: t.Reach) -> Wait:
    native = where.native
    address = where.address(trigger.where)
    if lib.vmm_instructions(native):  # where it stands does not count
        lib.vmm_triggers_here(native)
    return SlotWait(where, trigger, lib.VMM_TRIGGER_REACH, at=address, vcpu=_vcpu(where, trigger.cpu))


def _event(kind: int) -> Callable[[Where, Any], Wait]:
    def begin(where: Where, trigger: Any) -> Wait:
        fields = {"event": kind, "number": _any(trigger.number), "vcpu": _vcpu(where, trigger.cpu)}
        return SlotWait(where, trigger, lib.VMM_TRIGGER_EVENT, **fields)

    return begin


def _delivered(where: Where, trigger: t.Delivered) -> Wait:
    if trigger.source is not None and trigger.source not in SOURCES:
        raise unknown("source of an interrupt", trigger.source, SOURCES)
    source = ANY if trigger.source is None else SOURCES[trigger.source]
    fields = {"number": _any(trigger.number), "vcpu": _vcpu(where, trigger.cpu), "source": source}
    return SlotWait(where, trigger, lib.VMM_TRIGGER_EVENT, event=lib.VMM_EV_DELIVERED, **fields)


def _line(where: Where, trigger: t.LineChanged) -> Wait:
    fields = {"number": _any(trigger.number), "value": _any(trigger.level)}
    return SlotWait(where, trigger, lib.VMM_TRIGGER_EVENT, event=lib.VMM_EV_LINE, **fields)


def _guest_error(where: Where, trigger: t.GuestError) -> Wait:
    return SlotWait(where, trigger, lib.VMM_TRIGGER_EVENT, event=lib.VMM_EV_GUEST_ERROR)


def _elapsed(where: Where, trigger: t.Elapsed) -> Wait:
    native, vcpu = where.native, _vcpu(where, trigger.cpu)
    if trigger.insns is None:
        at = lib.vmm_now(native) + trigger.nanoseconds
        return SlotWait(where, trigger, lib.VMM_TRIGGER_TIME, at=at)
    begun = lib.vmm_instructions(native) if trigger.cpu is None else native.vcpus[trigger.cpu].count
    return SlotWait(where, trigger, lib.VMM_TRIGGER_INSNS, at=begun + trigger.insns, vcpu=vcpu)


def _shadow(where: Where, trigger: t.Shadow) -> Wait:
    number = ANY if trigger.kind is None else SHADOWS[trigger.kind]
    lib.vmm_triggers_here(where.native)
    return SlotWait(where, trigger, lib.VMM_TRIGGER_SHADOW, number=number)


def _next_boundary(where: Where, trigger: t.NextBoundary) -> Wait:
    lib.vmm_triggers_here(where.native)
    return SlotWait(where, trigger, lib.VMM_TRIGGER_EVERY, vcpu=_vcpu(where, trigger.cpu))


def _event_number(where: Where, trigger: t.EventNumber) -> Wait:
    if where.native.trace.hashed >= trigger.number:
        raise VmmError(f"event {trigger.number} has happened already: {where.native.trace.hashed} have")
    return SlotWait(where, trigger, lib.VMM_TRIGGER_HASHED, at=trigger.number)


BEGIN: dict[type[t.Trigger], Callable[[Where, Any], Wait]] = {
    t.Reach: _reach,
    t.Delivered: _delivered,
    t.Returned: _event(lib.VMM_EV_RETURNED),
    t.Acknowledged: _event(lib.VMM_EV_ACKNOWLEDGED),
    t.Ended: _event(lib.VMM_EV_ENDED),
    t.LineChanged: _line,
    t.GuestError: _guest_error,
    t.Elapsed: _elapsed,
    t.Shadow: _shadow,
    t.NextBoundary: _next_boundary,
    t.EventNumber: _event_number,
    t.Console: ConsoleWait,
    t.Then: ThenWait,
    t.First: FirstWait,
    t.Combine: CombineWait,
}
"""How each kind of trigger is waited for."""


def start(where: Where, trigger: t.Trigger) -> Wait:
    """Wait for `trigger` from now on; VmmError for a symbol, source or vCPU that does not exist."""
    if type(trigger) not in BEGIN:
        raise VmmError(f"{trigger!r} is not a trigger; await one of vmm's, such as Reach('symbol')")
    return BEGIN[type(trigger)](where, trigger)
