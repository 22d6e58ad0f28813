"""Interrupt lines as their events tell of them: when each rose and fell, and whether anybody took it meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vmm.core.event import Event
from vmm.diagnoses.masks import Masks
from vmm.diagnoses.services import FIRST_SPI, LOCAL_APIC, Key, Service, Services

WANTS = ("line", "held", "masked", "pending", "acknowledged")
PINS = 16
"""Lines of a PC that lead to the 8259A pair as well."""


@dataclass(eq=False, slots=True)
class High:
    """A line from one rise to its fall."""

    line: int
    rose: Event
    fell: Event | None = None
    masked: Event | None = None
    """What kept it out when it fell: a controller's mask, else the vCPU's own."""
    held: list[Event] = field(default_factory=list)
    """Its drivers came or went, and it stayed high."""
    services: int = 0
    """How often it was taken."""
    service: Service | None = None
    """The last of them."""


@dataclass(eq=False, slots=True)
class Line:
    """What became of its rises so far."""

    rises: int = 0
    taken: int = 0
    """Of them, those that brought an interrupt."""
    last: High | None = None


class Lines:
    """Of all controllers."""

    WANTS = WANTS

    def __init__(self, services: Services, masks: Masks, *, x86: bool) -> None:
        self._x86 = x86
        self.services = services
        self.lines: dict[int, Line] = {}
        self.of: High | None = None
        """The rise that the last event is of: of a line that rises or falls, or is taken."""
        self._lines: dict[Key, int] = {}
        self._changed: Event | None = None
        self._masks: dict[int, Event] = {}
        self._off = masks

    def see(self, event: Event) -> None:
        self.of = None
        kind = event.kind
        if kind == "line":
            self.of = self._line(event)
        elif kind == "held":
            self._held(event)
        elif kind == "masked":
            self._masks[event.number] = event
        elif kind == "pending":
            self._latched(event)
        elif (service := self.services.of) and (high := self.high(service)):
            self.of = high
            self.lines[high.line].taken += not high.services
            high.services += 1
            high.service = service

    def more(self, rises: Mapping[int, int]) -> None:
        """Lines rose so often besides, and were taken each time."""
        for number, count in rises.items():
            line = self.lines.setdefault(number, Line())
            line.rises += count
            line.taken += count

    def high(self, service: Service) -> High | None:
        """The last rise of the line that a service is of; None: of none."""
        return self.last_rise(service.key)

    def last_rise(self, key: Key) -> High | None:
        """Of the line that requests what a controller knows so; None: of none."""
        number = self._lines.get(key)
        return self.lines[number].last if number in self.lines else None

    def waiting(self) -> Iterator[High]:
        """Of those that a controller lets through, which are high and were not taken."""
        for number, line in sorted(self.lines.items()):
            if line.last and not line.last.fell and not line.last.services and not self.barred(number):
                yield line.last

    def barred(self, line: int) -> Event | None:
        """The controller's mask under which a line is now; None: it is open, as far as that is known."""
        if not self._x86:
            mask = self._masks.get(FIRST_SPI + line)
            return mask if mask and mask.value else None
        chip, pin = divmod(line, 8)
        if line >= PINS:
            return None
        mask = self._masks.get(chip)
        return mask if mask and mask.value >> pin & 1 else None

    def from_outside(self, line: int, drivers: Mapping[int, Sequence[str]]) -> bool:
        """None of the board's devices drives it (the HPET has those of a PC that lead to the IOAPIC alone)."""
        return line not in drivers and not (self._x86 and line >= PINS)

    def off(self, vcpu: int) -> Event | None:
        """The instruction that masked interrupts there, if they are masked."""
        return self._off.since.get(vcpu)

    def open(self, vcpu: int) -> bool:
        """Interrupts are not masked there, or a sleep ends though they are (ARM's WFI, DDI0487 D1.16.2)."""
        return not self._x86 or vcpu not in self._off.since

    def _line(self, event: Event) -> High | None:
        line = self.lines.setdefault(event.number, Line())
        if event.value:
            self._changed = event
            line.rises += 1
            line.last = High(event.number, event)
        elif line.last and not line.last.fell:
            line.last.fell = event
            line.last.masked = self.barred(event.number) or self.off(0)
        return line.last

    def _held(self, event: Event) -> None:
        line = self.lines.get(event.number)
        if line and line.last:
            line.last.held.append(event)

    def _latched(self, event: Event) -> None:
        """What a controller does at an edge comes right behind it, and so tells which of its inputs the line has."""
        rose = self._changed
        if rose is None or (rose.insns, rose.ns) != (event.insns, event.ns):
            return
        if not self._x86:
            if event.number == FIRST_SPI + rose.number:
                self._lines[("GIC", 0, event.number)] = rose.number
        elif event.value == LOCAL_APIC:
            self._lines[("local APIC", event.vcpu, event.number)] = rose.number
        elif event.number == rose.number:
            self._lines[("8259A", 0, event.number)] = rose.number
