"""Lanes of what comes from outside: lines, stimuli, devices."""

from __future__ import annotations

from vmm.core.event import Event
from vmm.trace.timeline.marks import INSTANTS, NUMBER, Lane, Made, Mark, Sees, Values, instant
from vmm.trace.words import work


class Lines:
    """Their levels, named as the architecture names its lines; of a line that outlives a driver how many hold it."""

    def __init__(self, irq: str) -> None:
        self._levels = Values("lines", f"{irq} {{}}")
        self._held = Values("lines", f"{irq} {{}} drivers", NUMBER)
        self._inputs: Made[int, Values] = Made(lambda vcpu: Values("lines", f"PPI {{}}, vCPU {vcpu}"))

    def sees(self) -> Sees:
        yield "line", self._line
        yield "held", self._drivers
        yield "ppi", self._input

    def _line(self, event: Event, marks: list[Mark]) -> None:
        self._levels.set(event.number, event.value, event, marks)
        if event.number in self._held:
            self._held.set(event.number, event.value, event, marks)

    def _drivers(self, event: Event, marks: list[Mark]) -> None:
        self._held.set(event.number, event.value.bit_count(), event, marks)

    def _input(self, event: Event, marks: list[Mark]) -> None:
        self._inputs[event.vcpu].set(event.number, event.value, event, marks)


class Outside:
    """Stimuli, and the work of devices by their lines."""

    def __init__(self, irq: str) -> None:
        self._stimuli: Made[int, Lane] = Made(lambda number: Lane("stimuli", f"stimulus {number}", INSTANTS))
        self._devices: Made[int, Lane] = Made(lambda line: Lane("devices", f"{irq} {line}", INSTANTS))

    def sees(self) -> Sees:
        yield "stimulus", self._stimulus
        yield "work", self._work

    def _stimulus(self, event: Event, marks: list[Mark]) -> None:
        marks.append(instant(self._stimuli[event.number], "requested" if event.value else "spontaneous", event))

    def _work(self, event: Event, marks: list[Mark]) -> None:
        marks.append(instant(self._devices[event.number], work(event), event))
