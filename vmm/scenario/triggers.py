"""What a script can wait for. A trigger is a value: two that say the same are equal.

In a scenario `await` one; in plain code give it to `Machine.run(until=…)`. Each fires at an instruction boundary, and
the machine stands there, with that instruction not yet begun, while the script goes on.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from vmm.errors import VmmError

UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}


@dataclass(frozen=True)
class Trigger:
    """The base of them all."""

    def __await__(self) -> Generator[Trigger, Any, Any]:
        return (yield self)

    def __str__(self) -> str:
        """Without what was not said."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        words = (f"{name}={value!r}" for name, value in said.items() if value is not None)
        return f"{type(self).__name__}({', '.join(words)})"


@dataclass(frozen=True)
class Reach(Trigger):
    """The instruction at `where`, a symbol or a linear address, is about to begin, on vCPU `cpu` or on any.

    Where the machine stands when the wait begins does not count, unless it has not run yet. Gives None.
    """

    where: str | int
    cpu: int | None = None


@dataclass(frozen=True)
class Delivered(Trigger):
    """An interrupt or exception was delivered: its handler's first instruction is about to begin. Gives the event.

    `number` is x86's vector, on ARM the INTID or an exception's class; `source` as the trace names it ("NMI",
    "exception", "software", "local APIC", "SGI", …, "line" for a wire of a controller).
    """

    number: int | None = None
    source: str | None = None
    cpu: int | None = None


@dataclass(frozen=True)
class Returned(Trigger):
    """A handler of `number` returned: what it interrupted is about to go on. Gives the event."""

    number: int | None = None
    cpu: int | None = None


@dataclass(frozen=True)
class Acknowledged(Trigger):
    """A controller took `number` (a vector; INTID) from pending to in service. Gives the event."""

    number: int | None = None
    cpu: int | None = None


@dataclass(frozen=True)
class Ended(Trigger):
    """An end of interrupt; `number` is the pin of the 8259A pair (0-15), the vector of a local APIC, the INTID of a
    GIC. Gives the event.
    """

    number: int | None = None
    cpu: int | None = None


@dataclass(frozen=True)
class LineChanged(Trigger):
    """Line `number` went high (`level` 1) or low (0), or either. Gives the event."""

    number: int | None = None
    level: int | None = None


@dataclass(frozen=True)
class GuestError(Trigger):
    """The guest did what the architecture leaves UNPREDICTABLE or forbids. Gives the event."""


@dataclass(frozen=True)
class Elapsed(Trigger):
    """So many instructions (on vCPU `cpu`, or on all together) or so much virtual time from now on; exactly one of
    `insns`, `ns`, `us`, `ms` and `s`. Gives None.
    """

    insns: int | None = None
    ns: float | None = None
    us: float | None = None
    ms: float | None = None
    s: float | None = None
    cpu: int | None = None

    def __post_init__(self) -> None:
        given = {name: value for name in ("insns", *UNITS) if (value := getattr(self, name)) is not None}
        if len(given) != 1:
            raise VmmError(f"Elapsed({', '.join(given)}): give one of insns, {', '.join(UNITS)}")
        name, value = next(iter(given.items()))
        if value < 0:
            raise VmmError(f"Elapsed({name}={value}): time does not run backwards")
        if self.cpu is not None and self.insns is None:
            raise VmmError("Elapsed: cpu goes with insns; time is the same for all vCPUs")

    @property
    def nanoseconds(self) -> int:
        """Virtual time as a whole number of ns; only where `insns` was not given."""
        given = [(getattr(self, name), unit) for name, unit in UNITS.items()]
        return sum(round(value * unit) for value, unit in given if value is not None)


@dataclass(frozen=True)
class Console(Trigger):
    """The guest has written `text` to its first serial port since the wait began. Gives all it wrote since then."""

    text: str

    def __post_init__(self) -> None:
        if not self.text:
            raise VmmError("Console(''): an empty text is always there")


@dataclass(frozen=True)
class Shadow(Trigger):
    """x86: the next instruction runs in an interrupt shadow, `kind` "sti" or "mov ss", or either. Gives None.

    While somebody waits for one, every boundary is looked at.
    """

    kind: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in (None, "sti", "mov ss"):
            raise VmmError(f"Shadow({self.kind!r}): it is 'sti' or 'mov ss'")


@dataclass(frozen=True)
class NextBoundary(Trigger):
    """The next instruction boundary on vCPU `cpu`, or on any; each iteration of a REP string instruction has one."""

    cpu: int | None = None


@dataclass(frozen=True)
class EventNumber(Trigger):
    """Event `number` of the run has happened, counted from 1 as the trace's hash counts them. Gives None."""

    number: int


@dataclass(frozen=True)
class Then(Trigger):
    """One after the other. Gives what the last gives."""

    first: Trigger
    second: Trigger


def Boundary(after: str | int, insns: int = 0, cpu: int | None = None) -> Trigger:
    """The boundary `insns` instructions after the one at `after`: handlers that come between count, too."""
    reached = Reach(after, cpu)
    return Then(reached, Elapsed(insns=insns, cpu=cpu)) if insns else reached


@dataclass(frozen=True, init=False)
class First(Trigger):
    """Whichever comes first; of two at one boundary the one named first. Gives `Fired`; the others are given up."""

    triggers: tuple[Trigger, ...]

    def __init__(self, *triggers: Trigger) -> None:
        object.__setattr__(self, "triggers", _some("First", triggers))


@dataclass(frozen=True, init=False)
class Combine(Trigger):
    """All of them, in any order. Gives a list of what each gave, in the order they are named."""

    triggers: tuple[Trigger, ...]

    def __init__(self, *triggers: Trigger) -> None:
        object.__setattr__(self, "triggers", _some("Combine", triggers))


def _some(name: str, triggers: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
    if not triggers:
        raise VmmError(f"{name}() waits for nothing")
    for trigger in triggers:
        if not isinstance(trigger, Trigger):
            raise VmmError(f"{name}: {trigger!r} is not a trigger")
    return triggers


class Fired(NamedTuple):
    """Which trigger it was and what it gave."""

    trigger: Trigger
    result: Any


class Timeout(VmmError):
    """`with_timeout` waited in vain."""


async def with_timeout(
    trigger: Trigger, *, insns: int | None = None, ns: float | None = None, us: float | None = None,
    ms: float | None = None, s: float | None = None,
) -> Any:  # fmt: skip
    """What `trigger` gives; Timeout when the instructions or the virtual time pass first."""
    limit = Elapsed(insns=insns, ns=ns, us=us, ms=ms, s=s)
    fired = await First(trigger, limit)
    if fired.trigger is limit:
        raise Timeout(f"{trigger} did not come within {limit}")
    return fired.result
