"""Events, in order, as marks on lanes: what every picture of a run is drawn of, and nothing else.

A stream: an event in, some marks out, in bounded memory and without a second pass. A mark names the event that it
follows from. How long an interrupt waited, and for what, is not told here (`vmm/diagnoses/latency.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vmm.arch import named
from vmm.core.event import Event
from vmm.trace.timeline.gic import Gic
from vmm.trace.timeline.marks import Lane, Mark, See
from vmm.trace.timeline.outside import Lines, Outside
from vmm.trace.timeline.pic import X86
from vmm.trace.timeline.tell import Tell
from vmm.trace.timeline.vcpu import Vcpu

if TYPE_CHECKING:
    from vmm.trace.export.exporter import Traced

__all__ = ["Lane", "Mark", "Timeline"]

CONTROLLERS: dict[str, type[X86] | type[Gic]] = {"vector": X86, "INTID": Gic}
"""By what an architecture's interrupts are numbered by."""


class Timeline:
    """Of one machine's events, from any of them on."""

    def __init__(self, machine: Traced) -> None:
        architecture = named(machine.architecture)
        self._tell = Tell(machine)
        self._x86 = architecture.has_vectors
        self._vcpus: dict[int, Vcpu] = {}
        self._sees: dict[tuple[int, str], list[See]] = {}
        irq, controller = architecture.irq, CONTROLLERS.get(architecture.number)
        parts = [Lines(irq).sees(), Outside(irq).sees(), *([controller().sees()] if controller else [])]
        self._common = [pair for part in parts for pair in part]
        self._last: Event | None = None

    def __call__(self, event: Event) -> Sequence[Mark]:
        """What follows from it; often nothing."""
        marks: list[Mark] = []
        self._last = event
        sees = self._sees.get((event[1], event[0]))
        if sees is None:
            sees = self._looking(event.vcpu, event.kind)
        for see in sees:
            see(event, marks)
        return marks

    def _looking(self, vcpu: int, kind: str) -> list[See]:
        """What looks at events of a kind of a vCPU; its own lanes come last."""
        if vcpu not in self._vcpus:
            self._vcpus[vcpu] = Vcpu(vcpu, self._tell, x86=self._x86)
        every = [*self._common, *self._vcpus[vcpu].sees()]
        return self._sees.setdefault((vcpu, kind), [see for of, see in every if of == kind])

    def end(self, ns: int | None = None) -> Iterator[Mark]:
        """Of spans that are open at the end of what was told, at `ns` of virtual time: that of the last event."""
        if last := self._last:
            for vcpu in self._vcpus.values():
                yield from vcpu.end(last.ns if ns is None else ns, last)
