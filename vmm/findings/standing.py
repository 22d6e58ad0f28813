"""What is looked at: a machine where it stands, and what its controllers say of requests and of what is in service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from vmm.core.event import Event
from vmm.findings.past import Fits, Past
from vmm.trace.events import SYNCHRONOUS

if TYPE_CHECKING:
    from vmm._native import vmm_machine


class Service(NamedTuple):
    """An interrupt that was taken and not ended."""

    name: str
    since: str
    """When and where, as far as that is known."""
    handler: str
    """What its handler does, in words; empty where that is not known."""
    left: bool
    """Its handler, where it had one, is no longer under way."""
    owed: str
    """What would end it."""
    taken: int | None
    """The instruction count at which it was acknowledged; None: that is not known."""


class Request(NamedTuple):
    """An interrupt that is asked for and not taken."""

    name: str
    since: int | None
    """Instruction count; None: that is not kept."""
    why: str
    """Why it is not taken, in words."""
    behind: str = ""
    """The name of what is in service and holds it back."""
    barred: bool = False
    """The guest has masked it, or never enabled it."""


class End(NamedTuple):
    """Where a line ends that takes edges: a pin of a controller."""

    vector: int
    """As its delivery has it: vector or INTID."""
    requested: bool
    """It is, now."""
    enabled: bool
    pending: Fits
    """An event that says that a request was latched there."""
    acknowledged: Fits
    keeps: bool
    """A request stays though its line falls."""
    masked: str
    """Why an edge is not latched."""
    mask_then: Callable[[int], str] = lambda place: ""
    """Where it was masked at an event's place in the past, as far as that is known."""


class Controller(Protocol):
    """One kind of controller: a module each. What it yields is of lines by their numbers, and of vCPUs by theirs."""

    def services(self, at: Standing) -> Iterator[Service]: ...

    def requests(self, at: Standing) -> Iterator[Request]: ...

    def edges(self, at: Standing, line: int) -> Iterator[End]: ...

    def taken(self, at: Standing, line: int) -> Iterator[Fits]:
        """Which events say that an interrupt of this line was taken, where it ends at a level-triggered pin."""

    def sources(self, at: Standing, vcpu: int) -> Iterator[str]:
        """What would wake that vCPU, if it came."""

    def mask(self, at: Standing, line: int) -> str:
        """Where a line is masked; empty where it is not, and where it does not end."""

    def deaf(self, at: Standing, vcpu: int) -> str:
        """Why none of them would; empty where some would."""


@dataclass(frozen=True)
class Standing:
    """A machine where it stands."""

    native: vmm_machine
    cpus: Sequence[Any]
    """Of its architecture's class."""
    devices: Mapping[str, Any]
    """Its board's, controllers among them, by name."""
    lines: Mapping[int, str]
    """What each is called."""
    irqs: int
    """Lines 0 to one less are interrupts."""
    where: Callable[[int], str]
    now_ns: int
    past: Past

    def high(self, line: int) -> bool:
        """Some driver holds it."""
        raw = self.native.lines[line]
        return bool(raw.drivers & ~raw.cut)

    def on(self, vcpu: int) -> str:
        """Behind what is said of a vCPU, where there are several."""
        return f" on vCPU {vcpu}" if len(self.cpus) > 1 else ""

    def whose(self, vcpu: int) -> str:
        """Behind what is a vCPU's, where there are several."""
        return f" of vCPU {vcpu}" if len(self.cpus) > 1 else ""

    def was_taken(self, vectors: set[int]) -> bool:
        """An interrupt of one of these numbers was delivered, ever."""
        rows = (self.native.stats[n] for n in range(self.native.stat_count))
        return any(row.vector in vectors and row.source not in SYNCHRONOUS for row in rows)

    def service(self, name: str, number: int, vcpu: int | None, acknowledged: Fits, owed: str) -> Service:
        """What is in service since the last event that is `acknowledged`; `number` is that of its delivery."""
        place = self.past.last(acknowledged)
        event = self.past.recorded("acknowledged", number, acknowledged) if place is None else self.past.events[place]
        since = self._since(event, place) if event else self.past.beginning
        end = None if place is None else self.past.first(partial(_is_return, event, number), place)
        if end is not None:
            handler = f"its handler returned at insn {self.past.events[end].insns}"
            return Service(name, since, handler, True, owed, event and event.insns)
        cpus = range(len(self.cpus)) if vcpu is None else [vcpu]
        busy = any(self._handles(cpu, number) for cpu in cpus)
        forgotten = event is None and self.was_taken({number}) and not busy
        return Service(name, since, NOT_RETURNED if busy else "", forgotten, owed, event and event.insns)

    def _since(self, taken: Event, place: int | None) -> str:
        """Where the acknowledge delivers at once, that is what it interrupted; else the guest's own read."""
        next_one = self.past.events[place + 1] if place is not None and place + 1 < len(self.past.events) else taken
        delivers = next_one.kind == "delivered" and (next_one.vcpu, next_one.insns) == (taken.vcpu, taken.insns)
        return f"insn {taken.insns} at {self.where(next_one.linear if delivers else taken.linear)}"

    def _handles(self, vcpu: int, number: int) -> bool:
        """A handler of this interrupt is under way there."""
        cpu = self.native.vcpus[vcpu]
        return any(cpu.nest[n].number == number for n in range(cpu.depth))


def _is_return(taken: Event | None, number: int, event: Event) -> bool:
    return taken is not None and (event.kind, event.vcpu, event.number) == ("returned", taken.vcpu, number)


NOT_RETURNED = "its handler has not returned"


def some(names: Sequence[str], most: int = 8) -> str:
    """As a sentence lists them: "IRQ 1, IRQ 3 and IRQ 4"."""
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
