"""The vCPUs' own masks, as "cpu mask" tells of them: IF, and DAIF's I."""

from __future__ import annotations

from vmm.core.event import Event

DAIF_I = 1 << 1


class Masks:
    """Of all vCPUs."""

    WANTS = ("cpu mask",)

    def __init__(self, *, x86: bool) -> None:
        self._x86 = x86
        self.since: dict[int, Event] = {}
        """By vCPU, the event that masked interrupts, if they are masked and that was seen."""

    def masked(self, event: Event) -> bool:
        """A "cpu mask" says that interrupts are masked now (x86: maskable ones; ARM: IRQs)."""
        return bool(event.number if self._x86 else event.number & DAIF_I)

    def see(self, event: Event) -> None:
        if not self.masked(event):
            self.since.pop(event.vcpu, None)
        else:
            self.since.setdefault(event.vcpu, event)
