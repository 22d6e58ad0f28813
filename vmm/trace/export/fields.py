"""Events as JSON has them, all of a batch at once: there are millions of them.

The fields are those of `vmm.trace.Event` that its kind and the architecture have, and symbol and source line of its
place, as far as the image tells; a guest error is told in words, too, with its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from operator import attrgetter

from vmm.arch import named
from vmm.core.event import Event
from vmm.trace.export.exporter import Traced
from vmm.trace.timeline.marks import Made
from vmm.trace.words import guest_error

WITH_CODE = frozenset(("delivered", "returned", "frame changed", "registers changed", "vectors changed"))
OWN = WITH_CODE | {"guest error"}
"""Kinds that have more than the fields of every event."""


class Objects:
    """Of one machine's events."""

    def __init__(self, machine: Traced) -> None:
        self._machine = machine
        names = [name for name in named(machine.architecture).words().frame if name not in ("source", "error")]
        self._frame = attrgetter(*names)
        self._frame_text = "".join(f', "{name}": %d' for name in names)
        self._place: Made[int, str] = Made(self._placed)
        self._strings: Made[str, str] = Made(json.dumps)

    def of(self, events: Iterable[Event]) -> Iterator[str]:
        """Each as a line without its end."""
        place, own = self._place, self._own
        for event in events:
            kind, vcpu, insns, number, value, _, pc, _, _, _, _, _, _, _, _, ns, depth, base, _ = event
            more = own(event) if kind in OWN else ""
            yield (
                f'{{"kind": "{kind}", "vcpu": {vcpu}, "insns": {insns}, "ns": {ns}, "depth": {depth}, '
                f'"number": {number}, "value": {value}, "pc": {pc}{more}{place[event.linear if base else pc]}}}'
            )

    def _own(self, event: Event) -> str:
        if event.kind == "guest error":
            words = {"what": guest_error(event, self._machine), "where": self._machine.where(event.pc)}
            return f", {json.dumps(words)[1:-1]}"
        code = f', "code": {event.code}'
        if event.kind != "delivered":
            return code
        error = "null" if event.error is None else event.error
        frame = self._frame_text % self._frame(event)
        return f', "source": {self._strings[event.source]}{frame}, "error": {error}{code}'

    def _placed(self, linear: int) -> str:
        symbol, line = self._machine.loaded.place(linear) if self._machine.loaded else (None, None)
        return "".join(f', "{name}": {json.dumps(text)}' for name, text in (("symbol", symbol), ("line", line)) if text)
