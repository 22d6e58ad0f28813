"""Lanes of an 8259A pair, and of local APICs: which of the two an event is of only both together know; of an IOAPIC."""

from __future__ import annotations

from vmm.core.event import Event
from vmm.core.native import lib
from vmm.trace.timeline.marks import INSTANTS, Lane, Made, Mark, Sees, Values, instant

PINS = 16
"""Lines of a PC that lead to the pair as well."""
SLAVE, CASCADE = 8, 2
"""The slave's first pin; the master's that it leads to."""
LOCAL_APIC = lib.VMM_OF_LOCAL_APIC
"""`value` of its events; of the pair's a request and an end have 0, an acknowledge the pin."""
SPURIOUS_PINS = (7, 15)
ENTRY = {
    "mask": lib.VMM_PIN_MASKED,
    "remote IRR": lib.VMM_PIN_REMOTE_IRR,
    "send pending": lib.VMM_PIN_SEND_PENDING,
}
"""Bits of an IOAPIC's entry."""
STAYS, IS_OVER, CASCADE_IS_OVER = lib.VMM_REQUEST_STAYS, lib.VMM_REQUEST_IS_OVER, lib.VMM_CASCADE_IS_OVER


class X86:
    """Requests and what is in service, a bit each, as events tell of them.

    That a chip is initialised anew (ICW1) is told to who records.
    """

    def __init__(self) -> None:
        self._irr, self._isr, self._imr = (Values("8259A", f"{name} {{}}") for name in ("IRR", "ISR", "IMR"))
        self._entries = [(Values("IOAPIC", f"{name} {{}}"), bit) for name, bit in ENTRY.items()]
        self._stays: dict[int, int] = {}
        """Of pins, whether their requests outlive their lines."""
        self._slave_held = False
        """The slave's request was gone before its acknowledge: its output stays up until then, for the spurious pin."""
        self._apics: Made[int, tuple[Values, Values]] = Made(_local_apic)
        self._vain, self._spurious = Lane("8259A", "vain ends", INSTANTS), Lane("8259A", "spurious", INSTANTS)
        self._apic_spurious: Made[int, Lane] = Made(lambda vcpu: Lane(f"local APIC {vcpu}", "spurious", INSTANTS))

    def sees(self) -> Sees:
        yield "pending", self._pending
        yield "acknowledged", self._acknowledged
        yield "ended", self._ended
        yield "spurious", self._is_spurious
        yield "masked", self._masked
        yield "state set", self._initialised
        yield "vain", self._is_vain
        yield "line", self._line
        yield "pin state", self._entry

    def _pending(self, event: Event, marks: list[Mark]) -> None:
        if event.value == LOCAL_APIC:
            self._apics[event.vcpu][0].set(event.number, 1, event, marks)
            return
        self._stays[event.number] = event.flags & STAYS
        self._irr.set(event.number, 1, event, marks)

    def _acknowledged(self, event: Event, marks: list[Mark]) -> None:
        pin = event.value
        if pin == LOCAL_APIC and event.vcpu in self._apics:
            irr, isr = self._apics[event.vcpu]
            if irr.get(event.number):  # else it is the pair's pin 1
                irr.set(event.number, 0, event, marks)
                isr.set(event.number, 1, event, marks)
                return
        if pin >= SLAVE:
            self._take_from_slave(event, marks)
        self._irr.set(pin, event.flags & STAYS, event, marks)
        self._isr.set(pin, 0 if event.flags & IS_OVER else 1, event, marks)

    def _take_from_slave(self, event: Event, marks: list[Mark]) -> None:
        self._slave_held = False
        self._irr.set(CASCADE, 0, event, marks)
        self._isr.set(CASCADE, 0 if event.flags & CASCADE_IS_OVER else 1, event, marks)

    def _ended(self, event: Event, marks: list[Mark]) -> None:
        isr = self._apics[event.vcpu][1] if event.value == LOCAL_APIC else self._isr
        isr.set(event.number, 0, event, marks)

    def _is_spurious(self, event: Event, marks: list[Mark]) -> None:
        name = f"vector {event.number:#04x}"
        if event.value not in SPURIOUS_PINS:
            marks.append(instant(self._apic_spurious[event.vcpu], name, event))
            return
        if event.value >= SLAVE:
            self._take_from_slave(event, marks)
        marks.append(instant(self._spurious, name, event))

    def _masked(self, event: Event, marks: list[Mark]) -> None:
        for bit in range(SLAVE):
            self._imr.set(SLAVE * event.number + bit, event.value >> bit & 1, event, marks)
        self._cascade(event, marks)

    def _initialised(self, event: Event, marks: list[Mark]) -> None:
        for bit in range(SLAVE):
            pin = SLAVE * event.number + bit
            self._imr.set(pin, 0, event, marks)
            if pin in self._irr:
                self._irr.set(pin, event.value >> bit & 1, event, marks)
            if pin in self._isr:
                self._isr.set(pin, 0, event, marks)
        if event.number:
            self._slave_held = False
        self._cascade(event, marks)

    def _entry(self, event: Event, marks: list[Mark]) -> None:
        """An edge has no more lanes than its mask: the other bits are a level's alone."""
        pin = event.number
        for values, bit in self._entries:
            is_set = event.value & bit != 0
            if is_set or bit == lib.VMM_PIN_MASKED or pin in values:
                values.set(pin, int(is_set), event, marks)

    def _slave_requests(self) -> bool:
        return any(self._irr.get(each) > self._imr.get(each) for each in range(SLAVE, PINS))

    def _cascade(self, event: Event, marks: list[Mark]) -> None:
        """The slave's output may fall."""
        goes_on = self._slave_held or self._slave_requests() or self._stays.get(CASCADE)
        if event.number and not goes_on and self._irr.get(CASCADE):
            self._irr.set(CASCADE, 0, event, marks)

    def _is_vain(self, event: Event, marks: list[Mark]) -> None:
        marks.append(instant(self._vain, "slave" if event.number else "master", event))

    def _line(self, event: Event, marks: list[Mark]) -> None:
        pin = event.number
        if event.value or self._stays.get(pin) or not self._irr.get(pin):
            return
        was = self._slave_requests()
        self._irr.set(pin, 0, event, marks)
        if pin >= SLAVE and was and not self._slave_requests():
            self._slave_held = True


def _local_apic(vcpu: int) -> tuple[Values, Values]:
    group = f"local APIC {vcpu}"
    return Values(group, "IRR {:#04x}"), Values(group, "ISR {:#04x}")
