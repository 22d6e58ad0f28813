"""What a trigger is, and what waiting for one is.

A trigger is a value: two that say the same are equal. To wait for it, it is primed at a boundary; what that gives holds
its slots of the core, and knows when it is done. A new trigger is a class with `prime`, and its name in its module's
`__all__`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from vmm.core.native import lib, vcpu_index
from vmm.errors import VmmError
from vmm.scenario.slots import ANY, Slots

if TYPE_CHECKING:
    from vmm._native import vmm_machine
    from vmm.core.event import Event


__all__ = ["Trigger"]

Given = TypeVar("Given", covariant=True)
"""What a trigger gives."""


class Context(Protocol):
    """What triggers must know of the machine they are primed on."""

    slots: Slots
    native: vmm_machine

    def address(self, where: str | int) -> int: ...

    def event(self, number: int) -> Event: ...

    def listen(self, listener: Callable[[bytes], None]) -> Callable[[], None]:
        """Hand what the guest writes to `listener`; call what is given back to end that."""

    def interrupt(self) -> None:
        """Stop at the next boundary, for a wait that no slot knows of is done."""


class Wait:
    """For one trigger. `done` may only be asked while the machine stands; `cancel` gives up what it holds."""

    result: Any = None

    @property
    def for_time(self) -> bool:
        """Only that time passes is waited for: nothing went wrong where a machine is switched off before."""
        return False

    def done(self) -> bool:
        raise NotImplementedError

    def cancel(self) -> None:
        raise NotImplementedError

    def story(self) -> str:
        """What is waited for, in words."""
        raise NotImplementedError


@dataclass(frozen=True)
class Trigger(Generic[Given]):
    """The base of them all; `Trigger[Event]` is one that gives an event.

    In a scenario `await` one; in plain code give it to `Machine.run(until=…)`. Each fires at an instruction boundary,
    and the machine stands there, with that instruction not yet begun, while the script goes on.
    """

    reason: ClassVar[str] = "event"
    """Of the stop of a run that came to it: one of `vmm.core.stops.AWAITED`."""
    detail: ClassVar[str] = "what was awaited has happened at"
    """That stop's sentence, up to its place."""

    def __await__(self) -> Generator[Trigger[Any], Any, Given]:
        given: Given = yield self
        return given

    def __init_subclass__(cls) -> None:
        cls.__repr__ = lambda self: str(self)  # type: ignore[method-assign]

    def __str__(self) -> str:
        """Without what was not said."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        words = (f"{name}={value!r}" for name, value in said.items() if value is not None)
        return f"{type(self).__name__}({', '.join(words)})"

    def prime(self, context: Context) -> Wait:
        """Wait for it from now on; VmmError for a location, source or vCPU that does not exist."""
        raise not_one(self)


def prime(context: Context, trigger: object) -> Wait:
    """As the trigger's own; VmmError for what is none."""
    if not isinstance(trigger, Trigger):
        raise not_one(trigger)
    return trigger.prime(context)


def not_one(thing: object) -> VmmError:
    """The error for what is no trigger."""
    return VmmError(f"{thing!r} is not a trigger; await one of vmm's, such as Reach('symbol')")


TIMES = (lib.VMM_TRIGGER_TIME, lib.VMM_TRIGGER_INSNS)


class SlotWait(Wait):
    """For something the core sees by itself: a slot of `kind` (enum vmm_trigger_kind)."""

    def __init__(self, context: Context, trigger: Trigger[Any], kind: int, **fields: int) -> None:
        self._context, self._trigger, self._kind = context, trigger, kind
        self._slot: int | None = context.slots.take(kind, **fields)

    def done(self) -> bool:
        if self._slot is not None and self._context.slots.fired(self._slot):
            self.result = self._given(self._slot)
            self.cancel()
        return self._slot is None

    def cancel(self) -> None:
        if self._slot is not None:
            self._context.slots.free(self._slot)
            self._slot = None

    def story(self) -> str:
        return str(self._trigger)

    @property
    def for_time(self) -> bool:
        return self._kind in TIMES

    def _given(self, slot: int) -> Any:
        """What the trigger gives once `slot` has fired."""
        return None


class EventWait(SlotWait):
    """For an event of the trace (enum vmm_event_kind); it is what the trigger gives."""

    def __init__(self, context: Context, trigger: Trigger[Any], event: int, **fields: int) -> None:
        super().__init__(context, trigger, lib.VMM_TRIGGER_EVENT, event=event, **fields)

    def _given(self, slot: int) -> Event:
        return self._context.event(self._context.slots.seen(slot))


def vcpu_of(context: Context, cpu: int | None) -> int:
    """As a slot has it; None: any. VmmError for a vCPU there is not."""
    return ANY if cpu is None else vcpu_index(context.native, cpu)


def number_of(number: int | None) -> int:
    """As a slot has it; None: any."""
    return ANY if number is None else number & 0xFFFFFFFF
