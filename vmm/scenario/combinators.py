"""Triggers made of others: one after the other, the first of several, all of them, one before a limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from vmm.errors import VmmError
from vmm.scenario.trigger import Context, Given, Trigger, Wait, prime
from vmm.scenario.triggers import Elapsed, Reach

__all__ = ["Boundary", "Combine", "Fired", "First", "Then", "Timeout", "with_timeout"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
Each = TypeVar("Each", bound=tuple[Any, ...], covariant=True)
"""What several triggers give, in their order."""


@dataclass(frozen=True)
class Then(Trigger[Given]):
    """One after the other. Gives what the last gives."""

    reason = "breakpoint"
    detail = "reached"

    first: Trigger[Any]
    second: Trigger[Given]

    def prime(self, context: Context) -> Wait:
        return ThenWait(context, self)


def Boundary(after: str | int, insns: int = 0, cpu: int | None = None) -> Trigger[None]:
    """The boundary `insns` instructions after the one at `after`: handlers that come between count, too."""
    reached = Reach(after, cpu)
    return Then(reached, Elapsed(insns=insns, cpu=cpu)) if insns else reached


@dataclass(frozen=True)
class Fired(Generic[Given]):
    """What `First` gives: which trigger it was and what it gave."""

    trigger: Trigger[Given]
    result: Given


class Several(Trigger[Given]):
    """Of triggers, which are named one after the other."""

    triggers: tuple[Trigger[Any], ...]

    def __str__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self.triggers))})"


@dataclass(frozen=True, init=False)
class First(Several[Fired[Given]]):
    """Whichever comes first; of two at one boundary the one named first. Gives `Fired`; the others are given up."""

    triggers: tuple[Trigger[Any], ...]

    @overload
    def __init__(self: First[A], a: Trigger[A], /) -> None: ...

    @overload
    def __init__(self: First[A | B], a: Trigger[A], b: Trigger[B], /) -> None: ...

    @overload
    def __init__(self: First[A | B | C], a: Trigger[A], b: Trigger[B], c: Trigger[C], /) -> None: ...

    @overload
    def __init__(self: First[A | B | C | D], a: Trigger[A], b: Trigger[B], c: Trigger[C], d: Trigger[D], /) -> None: ...

    @overload
    def __init__(self: First[Any], *triggers: Trigger[Any]) -> None: ...

    def __init__(self, *triggers: Trigger[Any]) -> None:
        object.__setattr__(self, "triggers", _some("First", triggers))

    def prime(self, context: Context) -> Wait:
        return FirstWait(context, self)


@dataclass(frozen=True, init=False)
class Combine(Several[Each]):
    """All of them, in any order. Gives a tuple of what each gave, in the order they are named."""

    triggers: tuple[Trigger[Any], ...]

    @overload
    def __init__(self: Combine[tuple[A]], a: Trigger[A], /) -> None: ...

    @overload
    def __init__(self: Combine[tuple[A, B]], a: Trigger[A], b: Trigger[B], /) -> None: ...

    @overload
    def __init__(self: Combine[tuple[A, B, C]], a: Trigger[A], b: Trigger[B], c: Trigger[C], /) -> None: ...

    @overload
    def __init__(
        self: Combine[tuple[A, B, C, D]], a: Trigger[A], b: Trigger[B], c: Trigger[C], d: Trigger[D], /
    ) -> None: ...

    @overload
    def __init__(self: Combine[tuple[Any, ...]], *triggers: Trigger[Any]) -> None: ...

    def __init__(self, *triggers: Trigger[Any]) -> None:
        object.__setattr__(self, "triggers", _some("Combine", triggers))

    def prime(self, context: Context) -> Wait:
        return CombineWait(context, self)


def _some(name: str, triggers: tuple[Trigger[Any], ...]) -> tuple[Trigger[Any], ...]:
    if not triggers:
        raise VmmError(f"{name}() waits for nothing")
    for trigger in triggers:
        if not isinstance(trigger, Trigger):
            raise VmmError(f"{name}: {trigger!r} is not a trigger")
    return triggers


class Timeout(VmmError):
    """`with_timeout` waited in vain."""


async def with_timeout(
    trigger: Trigger[A], *, insns: int | None = None, ns: float | None = None, us: float | None = None,
    ms: float | None = None, s: float | None = None,
) -> A:  # fmt: skip
    """What `trigger` gives; Timeout when the instructions or the virtual time pass first."""
    limit = Elapsed(insns=insns, ns=ns, us=us, ms=ms, s=s)
    fired: Fired[Any] = await First(trigger, limit)
    if fired.trigger is limit:
        raise Timeout(f"{trigger} did not come within {limit}")
    given: A = fired.result
    return given


def _primed(context: Context, triggers: tuple[Trigger[Any], ...]) -> list[Wait]:
    """All of them, or none."""
    waits: list[Wait] = []
    try:
        for trigger in triggers:
            waits.append(prime(context, trigger))
    except BaseException:
        for wait in waits:
            wait.cancel()
        raise
    return waits


class ThenWait(Wait):
    """For one, then the other."""

    def __init__(self, context: Context, trigger: Then[Any]) -> None:
        self._context, self._trigger = context, trigger
        self._now, self._next = prime(context, trigger.first), True

    def done(self) -> bool:
        if self._next and self._now.done():
            self._now, self._next = prime(self._context, self._trigger.second), False
        if self._next or not self._now.done():
            return False
        self.result = self._now.result
        return True

    @property
    def for_time(self) -> bool:
        return not self._next and self._now.for_time

    def cancel(self) -> None:
        self._now.cancel()

    def story(self) -> str:
        return self._now.story()


class FirstWait(Wait):
    """For any of several."""

    def __init__(self, context: Context, trigger: First[Any]) -> None:
        self._trigger = trigger
        self._waits = _primed(context, trigger.triggers)
        self._over = False

    def done(self) -> bool:
        for trigger, wait in zip(self._trigger.triggers, self._waits, strict=True):
            if not self._over and wait.done():
                self.result, self._over = Fired(trigger, wait.result), True
        if self._over:
            self.cancel()
        return self._over

    @property
    def for_time(self) -> bool:
        return all(wait.for_time for wait in self._waits)

    def cancel(self) -> None:
        for wait in self._waits:
            wait.cancel()

    def story(self) -> str:
        return " or ".join(wait.story() for wait in self._waits)


class CombineWait(Wait):
    """For all of several."""

    def __init__(self, context: Context, trigger: Combine[Any]) -> None:
        self._waits = _primed(context, trigger.triggers)
        self._open = list(self._waits)

    def done(self) -> bool:
        self._open = [wait for wait in self._open if not wait.done()]
        self.result = tuple(wait.result for wait in self._waits)
        return not self._open

    @property
    def for_time(self) -> bool:
        return all(wait.for_time for wait in self._open)

    def cancel(self) -> None:
        for wait in self._open:
            wait.cancel()

    def story(self) -> str:
        return " and ".join(wait.story() for wait in self._open)
