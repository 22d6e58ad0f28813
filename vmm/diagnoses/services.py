"""What controllers have in service, as their events tell of it, and whose handler took it."""

from __future__ import annotations

from dataclasses import dataclass

from vmm.core.event import Event
from vmm.core.native import lib
from vmm.diagnoses.handlers import Handler, Handlers

WANTS = ("pending", "acknowledged", "ended", "delivered")
LOCAL_APIC = lib.VMM_OF_LOCAL_APIC
"""`value` of its events; of the pair's a request and an end have 0, an acknowledge the pin."""

Key = tuple[str, int, int]
"""Which controller, of which vCPU (0: of all), and what it calls the interrupt: a pin, a vector, an INTID."""
FIRST_SPI = 32
"""INTID of a virt board's line 0; those below are each vCPU's own (IHI0048B 2.2.1)."""


def gic_key(intid: int, vcpu: int) -> Key:
    """Of an interrupt of a GIC, at a vCPU."""
    return "GIC", vcpu if intid < FIRST_SPI else 0, intid


@dataclass(eq=False, slots=True)
class Service:
    """An interrupt that was acknowledged."""

    acknowledged: Event
    key: Key
    handler: Handler | None = None
    """That which acknowledged it, or was entered by that."""
    ended: Event | None = None


class Services:
    """Of all controllers."""

    WANTS = WANTS

    def __init__(self, handlers: Handlers, *, x86: bool) -> None:
        self._x86 = x86
        self._requested: set[Key] = set()
        self.handlers = handlers
        self.of: Service | None = None
        """What begins or ends with the last event."""
        self.held: dict[Key, Service] = {}
        """Not ended yet, the oldest first."""

    def see(self, event: Event) -> None:
        self.of = None
        if event.kind == "delivered":
            if self._x86 and self.held and self.handlers.of:
                self._took(self.handlers.of)
            return
        key = self.key(event)
        if event.kind == "pending":
            self._requested.add(key)
        elif event.kind == "ended":
            self.of = self._end(key, event)
        else:
            self._requested.discard(key)
            nest = self.handlers.under_way(event.vcpu)
            self.of = Service(event, key, None if self._x86 or not nest else nest[-1])
            self.held.pop(key, None)
            self.held[key] = self.of

    def key(self, event: Event) -> Key:
        """Of an event of a controller's, which of its interrupts it is of."""
        if not self._x86:
            return gic_key(event.number, event.value if event.kind == "pending" else event.vcpu)
        own: Key = "local APIC", event.vcpu, event.number
        if event.value == LOCAL_APIC and (event.kind != "acknowledged" or own in self._requested):
            return own
        return "8259A", 0, event.value if event.kind == "acknowledged" else event.number

    def _took(self, handler: Handler) -> None:
        """The acknowledge that comes with a delivery comes just before it."""
        for service in reversed(self.held.values()):
            taken = service.acknowledged
            if (taken.insns, taken.vcpu, taken.number) == (
                handler.delivered.insns,
                handler.delivered.vcpu,
                handler.number,
            ):
                service.handler = handler
                return

    def _end(self, key: Key, event: Event) -> Service | None:
        service = self.held.get(key)
        deactivates = self._x86 or event.value & 2
        if service is None:
            return None
        service.ended = service.ended or event
        if deactivates:
            del self.held[key]
        return service
