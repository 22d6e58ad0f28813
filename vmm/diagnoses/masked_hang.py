"""Code that masks interrupts and never comes back, found by what no mask keeps out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Evidence, Patient, Verdict
from vmm.diagnoses.lines import High

ALLOWED = Budget(insns=10_000, text="10000insns")
IF, PSR_I = 1 << 9, 1 << 7
"""Of a frame's RFLAGS, and of an SPSR."""
FIQ_32, VECTOR_64, FIQ_64 = 0x1C, 0x180, 0x100
"""Offsets of a FIQ's vector: ARMv7-A, and AArch64 within a group of four (DDI0487 D1.10.2)."""


@dataclass
class Hang:
    """A vCPU that was found with interrupts masked for too long."""

    masked: Event
    found: Event
    waiting: list[High]
    """Lines that nobody took meanwhile."""
    times: int = 1


class Rule(Diagnosis):
    """A long critical section ends at last; one that something waits behind to the end of the run has hung."""

    RULE = (
        "an NMI, or a FIQ past masked IRQs, interrupted code that had masked interrupts for longer than the budget, "
        "while an unmasked line waited; and they were never unmasked again"
    )
    WANTS = ("delivered", "cpu mask")
    BUDGET = f"how long interrupts may be masked ({ALLOWED.text})"

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._lines = books.lines
        self._allowed = budget or ALLOWED
        self._hangs: dict[int, Hang] = {}

    def see(self, event: Event) -> None:
        if event.kind == "cpu mask":
            if self._hangs and not self._lines.off(event.vcpu):
                self._hangs.pop(event.vcpu, None)
        elif self._past_the_mask(event):
            self._found(event)

    def _past_the_mask(self, event: Event) -> bool:
        """It interrupts code that has masked interrupts."""
        if self._x86:
            return event.source == "NMI" and not event.flags & IF
        is_fiq = event.vector_offset == FIQ_32 or event.vector_offset & VECTOR_64 == FIQ_64
        return is_fiq and event.error is None and bool(event.flags & PSR_I)

    def _found(self, event: Event) -> None:
        masked = self._lines.off(event.vcpu)
        if masked is None or not self._too_long(masked, event):
            return
        if hang := self._hangs.get(event.vcpu):
            hang.times += 1
            return
        if waiting := [high for high in self._lines.waiting() if self._line(high) != event.source]:
            self._hangs[event.vcpu] = Hang(masked, event, waiting)

    def _line(self, high: High) -> str:
        return str(self._patient.board.line_names.get(high.line, f"line {high.line}"))

    def _too_long(self, masked: Event, event: Event) -> bool:
        return self._allowed.is_over(event.insns - masked.insns, event.ns - masked.ns)

    def verdicts(self) -> Iterator[Verdict]:
        for hang in self._hangs.values():
            yield self._verdict(hang)

    def _verdict(self, hang: Hang) -> Verdict:
        where, found = self._patient.where, hang.found
        names = " and ".join(map(self._line, hang.waiting))
        text = (
            f"vCPU {found.vcpu} hangs at {where(found.linear)}: {'an NMI' if self._x86 else 'a FIQ'} finds it there at "
            f"insn {found.insns}, {found.insns - hang.masked.insns} instructions after it masked interrupts at "
            f"{where(hang.masked.linear)}. They are never unmasked again, and {names} cannot get in"
        )
        return self.verdict(text, *self._evidence(hang))

    def _evidence(self, hang: Hang) -> Iterator[Evidence]:
        yield self.evidence(hang.found, "found here, with interrupts masked")
        yield self.evidence(hang.masked, "interrupts are masked from here on")
        for high in hang.waiting:
            yield self.evidence(high.rose, f"{self._line(high)} rises, and waits")
