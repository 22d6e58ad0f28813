"""A handler that is entered again before it has returned."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import CERTAIN, LIKELY, Budget, Diagnosis, Evidence, Patient, Verdict
from vmm.diagnoses.handlers import Handler

FRAMES = 4096
"""Bytes of one stack from a frame to the next: more lie between the stacks of two tasks."""
Activation = tuple[Handler, Event | None]
"""A handler, and the last instruction that unmasked interrupts in it."""
OPEN = 3
"""Activations at once of a handler that does not keep itself out; work that is put off to its end is entered once more,
but not again from there.
"""


class Rule(Diagnosis):
    """Kernels that do what was put off at a handler's end are entered there by the next one, whose work waits."""

    RULE = (
        "an interrupt's handler was entered again on the same stack before it had returned; certain where it was "
        f"under way {OPEN} times at once, for then nothing keeps it out"
    )
    WANTS = ("cpu mask", "delivered", "returned")

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._masks = books.masks
        self._handlers = books.handlers
        self._openings: dict[Handler, Event] = {}
        self._deepest: dict[int, list[Activation]] = {}

    def see(self, event: Event) -> None:
        if event.kind == "cpu mask":
            nest = self._handlers.under_way(event.vcpu)
            if nest and not self._masks.masked(event):
                self._openings[nest[-1]] = event
            return
        handler = self._handlers.of
        if handler and event.kind == "delivered" and not handler.synchronous:
            self._entered(handler)
        elif handler:
            self._openings.pop(handler, None)

    def _entered(self, handler: Handler) -> None:
        """Those of its kind that it finds under way, from the outermost on whose stack and door it has."""
        chain = [handler]
        for outer in reversed(self._handlers.under_way(handler.delivered.vcpu)[:-1]):
            if outer.number == handler.number and not outer.synchronous:
                if not 0 <= outer.delivered.sp - chain[0].delivered.sp <= FRAMES:
                    break
                chain.insert(0, outer)
        known = self._deepest.get(handler.number, [])
        if len(chain) > max(len(known), 1):
            self._deepest[handler.number] = [(each, self._openings.get(each)) for each in chain]

    def verdicts(self) -> Iterator[Verdict]:
        for chain in self._deepest.values():
            doors = {opening.linear for _, opening in chain[:-1] if opening}
            again = len(chain) >= OPEN and len(doors) == 1 and all(opening for _, opening in chain[:-1])
            yield self._verdict(chain, CERTAIN if again else LIKELY)

    def _verdict(self, chain: list[Activation], confidence: str) -> Verdict:
        (first, opening), (second, _) = chain[:2]
        where = self._patient.where
        name = self.interrupt(first.delivered)
        door = f" at {where(opening.linear)}" if opening else ""
        text = (
            f"{name} is entered again before its handler has returned: {len(chain)} times at once from insn "
            f"{first.delivered.insns} on. The handler lets interrupts in{door}, its own among them, and is interrupted "
            f"at {where(second.delivered.linear)}; what it keeps in memory is then the other's"
        )
        return self.verdict(text, *self._evidence(chain), confidence=confidence)

    def _evidence(self, chain: list[Activation]) -> Iterator[Evidence]:
        if opening := chain[0][1]:
            yield self.evidence(opening, "the handler lets interrupts in")
        for depth, (handler, _) in enumerate(chain, 1):
            yield self.evidence(handler.delivered, f"entered, {depth} deep, and this was interrupted")
