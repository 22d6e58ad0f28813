"""An event as JSON has it.

The fields are those of `vmm.trace.Event` that its kind and the architecture have, and symbol and source line of its
place, as far as the image tells; a guest error is told in words, too, with its place.
"""

from __future__ import annotations

from vmm.arch import named
from vmm.core.event import Event
from vmm.trace.export.exporter import Traced
from vmm.trace.words import guest_error

EVERY = ("kind", "vcpu", "insns", "ns", "depth", "number", "value", "pc")
WITH_CODE = ("delivered", "returned", "frame changed", "registers changed", "vectors changed")


def told(event: Event, machine: Traced) -> dict[str, object]:
    fields = event._asdict()
    names = EVERY + named(machine.architecture).words().frame if event.kind == "delivered" else EVERY
    facts = {name: fields[name] for name in names}
    if event.kind in WITH_CODE:
        facts["code"] = event.code
    symbol, line = machine.loaded.place(event.linear) if machine.loaded else (None, None)
    facts |= {name: text for name, text in (("symbol", symbol), ("line", line)) if text}
    if event.kind == "guest error":
        facts |= {"what": guest_error(event, machine), "where": machine.where(event.pc)}
    return facts
