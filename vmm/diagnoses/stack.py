"""Handlers that nest deeper than their stack reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import CERTAIN, LIKELY, Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.handlers import Handler
from vmm.errors import VmmError

GUARDS = ("stack_guard", "guard")
"""Symbols of a word below a stack that nothing may reach."""
FAR = 1 << 20
"""Bytes between stack pointers that are of two stacks."""


@dataclass(frozen=True)
class _Level:
    handler: Handler
    sp: int


class Rule(Diagnosis):
    """Stack pointers are those that deliveries tell, at each level of nesting."""

    RULE = (
        "a handler is entered with its stack pointer at or below the guard word (a symbol, stack_guard or guard) that "
        "its stack lies above, which is certain; likely where that would be so if all that came had nested"
    )
    WANTS = ("delivered",)

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._handlers = books.handlers
        self._nests: list[list[Handler]] = []
        self._known: set[tuple[tuple[int, str, int], ...]] = set()
        """Nests like which there was one already."""
        self._guard = next(filter(None, map(self._address, GUARDS)), None)

    def applies(self) -> str:
        return "" if self._guard else f"the image has no symbol {' or '.join(GUARDS)}"

    def _address(self, name: str) -> int | None:
        try:
            return self._patient.address(name)
        except VmmError:
            return None

    def see(self, event: Event) -> None:
        nest = self._handlers.under_way(event.vcpu)
        if nest[-1].synchronous:
            return
        if not nest[-1].is_a32:  # whose stack pointers only their returns tell
            like = tuple((each.number, each.delivered.source, each.delivered.sp) for each in nest)
            if like in self._known:
                return
            self._known.add(like)
        self._nests.append(nest[:])

    def verdicts(self) -> Iterator[Verdict]:
        if self._guard is None:
            return
        levels = [found for nest in self._nests if (found := self._above(nest, self._guard))]
        if not levels:
            return
        deepest = max(levels, key=lambda each: each[0].sp - each[-1].sp)
        broken = next((each for each in levels if each[-1].sp <= self._guard), None)
        needs = _needs(levels)
        room, needed = deepest[0].sp - self._guard, sum(needs.values())
        took = deepest[0].sp - deepest[-1].sp
        figures = (
            f"{room} bytes are there, the deepest nesting ({len(deepest)} handlers) took {took} up to where the last "
            f"was entered: {', '.join(f'{source} {size}' for (_, source), size in needs.items())}; all that came, "
            f"nested, would need at least {needed}"
        )
        if broken:
            inner = broken[-1].handler
            below = self._guard - broken[-1].sp
            yield self._verdict(
                f"the stack is overrun: {inner.delivered.source} comes at {self._patient.where(inner.interrupted)}, "
                f"where the stack pointer is {below} bytes below the guard word; {figures}",
                broken,
                CERTAIN,
            )
        elif needed >= room:
            yield self._verdict(f"the stack is too small for what may nest: {figures}", deepest, LIKELY)

    @staticmethod
    def _above(nest: Sequence[Handler], guard: int) -> list[_Level]:
        """The innermost that share the stack above the guard word, the outermost first; none where that is another."""
        found: list[_Level] = []
        for handler in reversed(nest):
            sp = _stack_pointer(handler)
            if sp is None or (found and not 0 <= sp - found[0].sp < FAR):
                break
            found.insert(0, _Level(handler, sp))
        return found if found and guard < found[0].sp < guard + FAR else []

    def _verdict(self, text: str, levels: list[_Level], confidence: str) -> Verdict:
        evidence = [
            self.at(handler.delivered, handler.interrupted, f"{handler.delivered.source}, at level {number}")
            for number, handler in enumerate((each.handler for each in levels), 1)
        ]
        return self.verdict(text, *reversed(evidence), confidence=confidence)


def _needs(levels: Sequence[Sequence[_Level]]) -> dict[tuple[int, str], int]:
    """Bytes from a handler's entry to that of one it was interrupted by, at most, by number and source."""
    needs: dict[tuple[int, str], int] = {}
    for nest in levels:
        for outer, inner in pairwise(nest):
            key = outer.handler.number, outer.handler.delivered.source
            needs[key] = max(needs.get(key, 0), outer.sp - inner.sp)
    return needs


def _stack_pointer(handler: Handler) -> int | None:
    """Where it was entered, as far as that is on the stack that it goes on with: AArch32 has one for each mode, and
    only the return tells that of the interrupted one.
    """
    if not handler.is_a32:
        return handler.delivered.sp
    return handler.returned.sp if handler.returned else None
