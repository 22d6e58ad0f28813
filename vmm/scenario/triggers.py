"""What a script can wait for, a class each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from vmm.core.event import Event
from vmm.core.native import NEVER, lib
from vmm.errors import VmmError, unknown
from vmm.quantities import DURATIONS
from vmm.scenario.slots import ANY
from vmm.scenario.trigger import Context, EventWait, SlotWait, Trigger, Wait, number_of, vcpu_of
from vmm.trace import events

__all__ = [
    "Accessed", "Acknowledged", "Console", "Delivered", "Elapsed", "Ended", "EventNumber", "GuestError", "LineChanged",
    "NextBoundary", "Reach", "Returned", "Shadow", "Touch",
]  # fmt: skip

SOURCES = {word: number for number, word in events.SOURCES.items()} | {
    "line": lib.VMM_SRC_LINE,
    "spurious": lib.VMM_SRC_SPURIOUS,
}
"""The words for a delivery's source that name no pin."""
PAGE = 4096
SHADOWS = {"sti": lib.VMM_SHADOW_STI, "mov ss": lib.VMM_SHADOW_MOV_SS}


@dataclass(frozen=True)
class Reach(Trigger[None]):
    """The instruction at `where`, a location such as "symbol+0x10", "file.c:94" or a linear address, is about to begin,
    on vCPU `cpu` or on any.

    Where the machine stands when the wait begins does not count, unless it has not run yet. Gives None.
    """

    reason = "breakpoint"
    detail = "reached"

    where: str | int
    cpu: int | None = None

    def prime(self, context: Context) -> Wait:
        address = context.address(self.where)
        if lib.vmm_instructions(context.native):  # where it stands does not count
            lib.vmm_triggers_here(context.native)
        return SlotWait(context, self, lib.VMM_TRIGGER_REACH, at=address, vcpu=vcpu_of(context, self.cpu))


KINDS = {"read": 1, "write": 2, "any": 3}


class Touch(NamedTuple):
    """What `Accessed` gives."""

    address: int
    """Of the first of the bytes waited for that was accessed; linear."""
    writes: bool
    """Else it was read."""


@dataclass(frozen=True)
class Accessed(Trigger[Touch]):
    """Some of the `size` bytes at the location `where` were accessed, by vCPU `cpu` or by any: `kind` "write", "read"
    or "any". The instruction that did has been executed, or what was delivered is about to be handled. Gives a `Touch`.

    It is about RAM, whichever address it is accessed by: `where` is looked up in the page tables of vCPU `cpu`, or of
    the first, as they are when the wait begins; VmmError where it is not mapped there. What a device or a delivery
    writes counts, what a script writes does not. While somebody waits for one, every access of guests costs a call.
    """

    detail = "what was watched has been accessed; next is"

    where: str | int
    size: int = 1
    kind: Literal["write", "read", "any"] = "write"
    cpu: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("kind of access", self.kind, KINDS)
        if not 0 < self.size <= PAGE:
            raise VmmError(f"Accessed(size={self.size}): it is 1 to {PAGE} bytes")

    def prime(self, context: Context) -> Wait:
        linear, vcpu = context.address(self.where), vcpu_of(context, self.cpu)
        looks = context.native.vcpus[self.cpu or 0]
        first, last = (lib.vmm_physical(looks, at & NEVER) for at in (linear, linear + self.size - 1))
        if NEVER in (first, last) or last - first != self.size - 1:
            raise VmmError(f"{self}: linear address {linear:#x} is not mapped to RAM, or not in one piece")
        return AccessWait(
            context, self, lib.VMM_TRIGGER_ACCESS, linear=linear, at=first, number=self.size, value=KINDS[self.kind],
            vcpu=vcpu,
        )  # fmt: skip


@dataclass(frozen=True)
class Delivered(Trigger[Event]):
    """An interrupt or exception was delivered: its handler's first instruction is about to begin. Gives the event.

    `number` is x86's vector, on ARM the INTID or an exception's class; `source` as the trace names it ("NMI",
    "exception", "software", "local APIC", "SGI", …, "line" for an input of a controller).
    """

    reason = "delivered"
    detail = "an interrupt was delivered; its handler is at"

    number: int | None = None
    source: str | None = None
    cpu: int | None = None

    def prime(self, context: Context) -> Wait:
        if self.source is not None and self.source not in SOURCES:
            raise unknown("source of an interrupt", self.source, SOURCES)
        source = ANY if self.source is None else SOURCES[self.source]
        number, vcpu = number_of(self.number), vcpu_of(context, self.cpu)
        return EventWait(context, self, lib.VMM_EV_DELIVERED, number=number, vcpu=vcpu, source=source)


@dataclass(frozen=True)
class _OfOne(Trigger[Event]):
    """An event that an interrupt has, by its number."""

    EVENT: ClassVar[int]

    number: int | None = None
    cpu: int | None = None

    def prime(self, context: Context) -> Wait:
        return EventWait(context, self, self.EVENT, number=number_of(self.number), vcpu=vcpu_of(context, self.cpu))


@dataclass(frozen=True)
class Returned(_OfOne):
    """A handler of `number` returned: what it interrupted is about to go on. Gives the event."""

    EVENT = lib.VMM_EV_RETURNED


@dataclass(frozen=True)
class Acknowledged(_OfOne):
    """A controller took `number` (a vector; INTID) from pending to in service. Gives the event."""

    EVENT = lib.VMM_EV_ACKNOWLEDGED


@dataclass(frozen=True)
class Ended(_OfOne):
    """An end of interrupt; `number` is the pin of the 8259A pair (0-15), the vector of a local APIC, the INTID of a
    GIC. Gives the event.
    """

    EVENT = lib.VMM_EV_ENDED


@dataclass(frozen=True)
class LineChanged(Trigger[Event]):
    """Line `number` went high (`level` 1) or low (0), or either. Gives the event."""

    number: int | None = None
    level: int | None = None

    def prime(self, context: Context) -> Wait:
        return EventWait(context, self, lib.VMM_EV_LINE, number=number_of(self.number), value=number_of(self.level))


@dataclass(frozen=True)
class GuestError(Trigger[Event]):
    """The guest did what the architecture leaves UNPREDICTABLE or forbids. Gives the event."""

    def prime(self, context: Context) -> Wait:
        return EventWait(context, self, lib.VMM_EV_GUEST_ERROR)


@dataclass(frozen=True)
class Elapsed(Trigger[None]):
    """So many instructions (on vCPU `cpu`, or on all together) or so much virtual time from now on; exactly one of
    `insns`, `ns`, `us`, `ms` and `s`. Gives None.
    """

    reason = "elapsed"

    insns: int | None = None
    ns: float | None = None
    us: float | None = None
    ms: float | None = None
    s: float | None = None
    cpu: int | None = None

    def __post_init__(self) -> None:
        given = {name: value for name in ("insns", *DURATIONS) if (value := getattr(self, name)) is not None}
        if len(given) != 1:
            raise VmmError(f"Elapsed({', '.join(given)}): give one of insns, {', '.join(DURATIONS)}")
        name, value = next(iter(given.items()))
        if value < 0:
            raise VmmError(f"Elapsed({name}={value}): time does not run backwards")
        if self.cpu is not None and self.insns is None:
            raise VmmError("Elapsed: cpu goes with insns; time is the same for all vCPUs")

    @property
    def detail(self) -> str:  # type: ignore[override]
        """The stop's sentence, up to its place."""
        return "the time has passed at" if self.insns is None else f"{self.insns} insns have begun, and it stands at"

    @property
    def nanoseconds(self) -> int:
        """Virtual time as a whole number of ns; only where `insns` was not given."""
        given = [(getattr(self, name), worth) for name, worth in DURATIONS.items()]
        return sum(round(value * worth) for value, worth in given if value is not None)

    def prime(self, context: Context) -> Wait:
        native, vcpu = context.native, vcpu_of(context, self.cpu)
        if self.insns is None:
            return SlotWait(context, self, lib.VMM_TRIGGER_TIME, at=min(lib.vmm_now(native) + self.nanoseconds, NEVER))
        begun = lib.vmm_instructions(native) if self.cpu is None else native.vcpus[self.cpu].count
        return SlotWait(context, self, lib.VMM_TRIGGER_INSNS, at=min(begun + self.insns, NEVER), vcpu=vcpu)


@dataclass(frozen=True)
class Console(Trigger[str]):
    """The guest has written `text` to its first serial port since the wait began. Gives all it wrote since then."""

    text: str

    def __post_init__(self) -> None:
        if not self.text:
            raise VmmError("Console(''): an empty text is always there")

    def prime(self, context: Context) -> Wait:
        return ConsoleWait(context, self)


@dataclass(frozen=True)
class Shadow(Trigger[None]):
    """x86: the next instruction runs in an interrupt shadow, `kind` "sti" or "mov ss", or either. Gives None.

    While somebody waits for one, every boundary is looked at.
    """

    kind: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in (None, *SHADOWS):
            raise VmmError(f"Shadow({self.kind!r}): it is 'sti' or 'mov ss'")

    def prime(self, context: Context) -> Wait:
        lib.vmm_triggers_here(context.native)
        return SlotWait(context, self, lib.VMM_TRIGGER_SHADOW, number=ANY if self.kind is None else SHADOWS[self.kind])


@dataclass(frozen=True)
class NextBoundary(Trigger[None]):
    """The next instruction boundary on vCPU `cpu`, or on any; each iteration of a REP string instruction has one."""

    reason = "breakpoint"
    detail = "reached"

    cpu: int | None = None

    def prime(self, context: Context) -> Wait:
        lib.vmm_triggers_here(context.native)
        return SlotWait(context, self, lib.VMM_TRIGGER_EVERY, vcpu=vcpu_of(context, self.cpu))


@dataclass(frozen=True)
class EventNumber(Trigger[None]):
    """Event `number` of the run has happened, counted from 1 as the trace's hash counts them. Gives None."""

    number: int

    def prime(self, context: Context) -> Wait:
        hashed = context.native.trace.hashed
        if hashed >= self.number:
            raise VmmError(f"event {self.number} has happened already: {hashed} have")
        return SlotWait(context, self, lib.VMM_TRIGGER_HASHED, at=self.number)


class AccessWait(SlotWait):
    """For an access to RAM at `at`, which is mapped at `linear`."""

    def __init__(self, context: Context, trigger: Accessed, kind: int, *, linear: int, at: int, **fields: int) -> None:
        self._offset = linear - at
        super().__init__(context, trigger, kind, at=at, **fields)

    def _given(self, slot: int) -> Touch:
        slots = self._context.slots
        return Touch(slots.seen(slot) + self._offset, slots.source(slot) == KINDS["write"])


class ConsoleWait(Wait):
    """For a text."""

    def __init__(self, context: Context, trigger: Console) -> None:
        self._context, self._trigger = context, trigger
        self._wanted, self._found = trigger.text.encode(), False
        self._heard = bytearray()
        self._deaf = context.listen(self._hear)

    def _hear(self, data: bytes) -> None:
        self._heard += data
        if not self._found and self._wanted in self._heard[-len(self._wanted) - len(data) :]:
            self._found = True
            self._context.interrupt()

    def done(self) -> bool:
        if self._found:
            self.result = self._heard.decode(errors="replace")
            self._deaf()
        return self._found

    def cancel(self) -> None:
        self._deaf()

    def story(self) -> str:
        return str(self._trigger)
