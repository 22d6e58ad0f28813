"""Lanes of an 8259A pair, and of local APICs: which of the two an event is of only both together know."""

from __future__ import annotations

from vmm.core.event import Event
from vmm.trace.timeline.marks import INSTANTS, Lane, Made, Mark, Sees, Values, instant

PINS = 16
"""Lines of a PC that lead to the pair as well."""
SLAVE, CASCADE = 8, 2
"""The slave's first pin; the master's that it leads to."""
LOCAL_APIC = 1
"""`value` of its events; of the pair's a request and an end have 0, an acknowledge the pin."""
SPURIOUS_PINS = (7, 15)


class X86:
    """Requests and what is in service, a bit each, as events tell of them.

    A request ends where it is acknowledged or its line falls, though a level may go on requesting.
    """

    def __init__(self) -> None:
        self._irr, self._isr, self._imr = (Values("8259A", f"{name} {{}}") for name in ("IRR", "ISR", "IMR"))
        self._apics: Made[int, tuple[Values, Values]] = Made(_local_apic)
        self._vain, self._spurious = Lane("8259A", "vain ends", INSTANTS), Lane("8259A", "spurious", INSTANTS)
        self._apic_spurious: Made[int, Lane] = Made(lambda vcpu: Lane(f"local APIC {vcpu}", "spurious", INSTANTS))

    def sees(self) -> Sees:
        yield "pending", self._pending
        yield "acknowledged", self._acknowledged
        yield "ended", self._ended
        yield "spurious", self._is_spurious
        yield "masked", self._masked
        yield "vain", self._is_vain
        yield "line", self._line

    def _pending(self, event: Event, marks: list[Mark]) -> None:
        irr = self._apics[event.vcpu][0] if event.value == LOCAL_APIC else self._irr
        irr.set(event.number, 1, event, marks)

    def _acknowledged(self, event: Event, marks: list[Mark]) -> None:
        pin = event.value
        if pin == LOCAL_APIC and event.vcpu in self._apics:
            irr, isr = self._apics[event.vcpu]
            if irr.get(event.number):  # else it is the pair's pin 1
                irr.set(event.number, 0, event, marks)
                isr.set(event.number, 1, event, marks)
                return
        if pin >= SLAVE:
            self._take(CASCADE, event, marks)
        self._take(pin, event, marks)

    def _take(self, pin: int, event: Event, marks: list[Mark]) -> None:
        self._irr.set(pin, 0, event, marks)
        self._isr.set(pin, 1, event, marks)

    def _ended(self, event: Event, marks: list[Mark]) -> None:
        isr = self._apics[event.vcpu][1] if event.value == LOCAL_APIC else self._isr
        isr.set(event.number, 0, event, marks)

    def _is_spurious(self, event: Event, marks: list[Mark]) -> None:
        name = f"vector {event.number:#04x}"
        if event.value not in SPURIOUS_PINS:
            marks.append(instant(self._apic_spurious[event.vcpu], name, event))
            return
        if event.value >= SLAVE:
            self._take(CASCADE, event, marks)
        marks.append(instant(self._spurious, name, event))

    def _masked(self, event: Event, marks: list[Mark]) -> None:
        for bit in range(SLAVE):
            self._imr.set(SLAVE * event.number + bit, event.value >> bit & 1, event, marks)

    def _is_vain(self, event: Event, marks: list[Mark]) -> None:
        marks.append(instant(self._vain, "slave" if event.number else "master", event))

    def _line(self, event: Event, marks: list[Mark]) -> None:
        pin = event.number
        if event.value or not self._irr.get(pin):
            return
        self._irr.set(pin, 0, event, marks)
        if pin >= SLAVE and not any(map(self._irr.get, range(SLAVE, PINS))):
            self._irr.set(CASCADE, 0, event, marks)


def _local_apic(vcpu: int) -> tuple[Values, Values]:
    group = f"local APIC {vcpu}"
    return Values(group, "IRR {:#04x}"), Values(group, "ISR {:#04x}")
