"""Lanes of a vCPU: its code by symbol, handlers, masks, and what happens to it."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.core.event import Event
from vmm.core.native import lib
from vmm.trace.timeline.marks import BEGIN, END, INSTANTS, SPANS, Lane, Made, Mark, Sees, Values, instant, new
from vmm.trace.timeline.tell import Tell

BEGUN = ("line", "held", "work", "ended", "masked", "cpu mask", "acknowledged", "trapped", "guest error", "stop")
"""Kinds that say which of its instructions began last."""
MOMENTS = {
    "shadow": "shadow",
    "fault chain": "faults",
    "task switch": "task switches",
    "trapped": "traps",
    "guest error": "guest errors",
    "stop": "stops",
    "frame changed": "state changed",
    "registers changed": "state changed",
    "vectors changed": "state changed",
    "guard stored": "state changed",
    "transaction": "aborts",
}
"""Kinds that are moments, of transactions their aborts, and their lanes."""
NOWHERE = "no symbol"
MASKS = ("DAIF.F", "DAIF.I", "DAIF.A", "DAIF.D")
"""ARM's, by bit; 1 masks."""


class Vcpu:
    """Everything of it that events tell.

    Its code is that of the last symbol anybody knows of: the one interrupted, the handler's, the one returned to, and
    that of each instruction which an event names. A handler that never returns ends where one is entered in its place.
    """

    def __init__(self, index: int, tell: Tell, *, x86: bool) -> None:
        group = f"vCPU {index}"
        self._code, self._handlers = Lane(group, "code", SPANS), Lane(group, "handlers", SPANS)
        self._transaction = Lane(group, "transaction", SPANS)
        self._moments = {kind: Lane(group, name, INSTANTS) for kind, name in MOMENTS.items()}
        self._masks = Values(group, "{}")
        self._tell, self._x86 = tell, x86
        self._at = ""
        self._since = 0  # what began last is no news up to here; at power-on nothing has
        self._nest: list[str] = []
        self._names: Made[tuple[int, str, int], str] = Made(lambda key: self._name(*key))
        self._in_transaction = False

    def sees(self) -> Sees:
        for kind in BEGUN:
            yield kind, self._begun
        yield "delivered", self._delivered
        yield "returned", self._returned
        yield "cpu mask", self._if_changed if self._x86 else self._daif_changed
        yield "nmi mask", self._nmi_mask_changed
        yield "transaction", self._transacts
        for kind in self._moments.keys() - {"transaction"}:
            yield kind, self._moment

    # ---- code ----

    def _begun(self, event: Event, marks: list[Mark]) -> None:
        """An event names the instruction that began last: that is the one interrupted while no other has begun."""
        if event.insns > self._since:
            self._come(self._tell.symbol[event.pc] or NOWHERE, event, marks)

    def _come(self, symbol: str, event: Event, marks: list[Mark]) -> None:
        if symbol == self._at:
            return
        if self._at:
            marks.append(new(Mark, (self._code, END, event.ns, event.insns, "", 0, event)))
        self._at = symbol
        marks.append(new(Mark, (self._code, BEGIN, event.ns, event.insns, symbol, 0, event)))

    # ---- handlers ----

    def _name(self, number: int, source: str, code: int) -> str:
        return f"{self._tell.interrupt(number, source)} {self._tell.symbol[code] or f'{code:#x}'}"

    def _delivered(self, event: Event, marks: list[Mark]) -> None:
        nest, code = self._nest, event.code
        while len(nest) >= max(event.depth, 1):
            self._end(event, marks)
        name = self._names[event.number, event.source, code]
        nest.append(name)
        marks.append(new(Mark, (self._handlers, BEGIN, event.ns, event.insns, name, 0, event)))
        symbol = self._tell.symbol
        self._come(symbol[event.linear] or NOWHERE, event, marks)
        self._come(symbol[code] or NOWHERE, event, marks)
        self._since = event.insns

    def _returned(self, event: Event, marks: list[Mark]) -> None:
        while self._nest and len(self._nest) >= event.depth:
            self._end(event, marks)
        self._come(self._tell.symbol[event.pc] or NOWHERE, event, marks)
        self._since = event.insns

    def _end(self, event: Event, marks: list[Mark]) -> None:
        self._nest.pop()
        marks.append(new(Mark, (self._handlers, END, event.ns, event.insns, "", 0, event)))

    # ---- masks and moments ----

    def _if_changed(self, event: Event, marks: list[Mark]) -> None:
        self._masks.set("IF", 1 - event.number, event, marks)

    def _nmi_mask_changed(self, event: Event, marks: list[Mark]) -> None:
        self._masks.set("NMI blocking", event.number, event, marks)

    def _daif_changed(self, event: Event, marks: list[Mark]) -> None:
        changed = event.number ^ event.value
        for bit, name in enumerate(MASKS):
            if changed >> bit & 1:
                self._masks.set(name, event.number >> bit & 1, event, marks)

    def _transacts(self, event: Event, marks: list[Mark]) -> None:
        """A span from its beginning to what ended it, which is a moment where it is no commit."""
        if event.number == lib.VMM_TX_BEGINS:
            if not self._in_transaction:
                marks.append(new(Mark, (self._transaction, BEGIN, event.ns, event.insns, "transaction", 0, event)))
            self._in_transaction = True
            return
        if self._in_transaction:
            marks.append(new(Mark, (self._transaction, END, event.ns, event.insns, "", 0, event)))
        self._in_transaction = False
        if event.number != lib.VMM_TX_COMMITS:
            marks.append(instant(self._moments["transaction"], self._tell.sentence(event), event))

    def _moment(self, event: Event, marks: list[Mark]) -> None:
        marks.append(instant(self._moments[event.kind], self._tell.sentence(event), event))

    def end(self, ns: int, event: Event) -> Iterator[Mark]:
        """What ends with the run."""
        spans = [self._handlers] * len(self._nest) + [self._code] * bool(self._at)
        for lane in spans + [self._transaction] * self._in_transaction:
            yield Mark(lane, END, ns, event.insns, "", 0, event)
