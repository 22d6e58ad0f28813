"""A page fault in a handler that waits for an interrupt which the handler masks."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.arch import named
from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.code import Code
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.handlers import Handler
from vmm.diagnoses.services import FIRST_SPI
from vmm.diagnoses.spins import SPUN, spin

PAGE_FAULTS = {"vector": (14,), "INTID": (0x20, 0x21, 0x24, 0x25)}
"""By what an architecture numbers interrupts by: vectors; classes of ARM's instruction and data aborts."""
FETCHES = (0x20, 0x21)
"""Of ARM: what could not be fetched, where the LR of a prefetch abort is an instruction ahead (DDI0406 B1.8.3)."""
PAGE = 4096


class Rule(Diagnosis):
    """That the fault's handler waits is known by its loop; for what, by the request that nobody takes."""

    RULE = (
        "where the run ends the handler of a page fault goes round and round on one word of memory, it was entered "
        "from an interrupt's handler, and a request has come since that cannot be delivered until that one returns"
    )
    WANTS = ("delivered", "returned", "pending", "acknowledged", "line")

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._handlers = books.handlers
        self._last: dict[int, Event] = {}
        self._pending: dict[int, Event] = {}

    def see(self, event: Event) -> None:
        self._last[event.vcpu] = event
        if event.kind == "pending":
            self._pending[event.number] = event
        elif event.kind == "acknowledged":
            for number in (event.number, event.value):
                self._pending.pop(number, None)

    def verdicts(self) -> Iterator[Verdict]:
        for cpu in self._patient.cpus:
            last, nest = self._last.get(cpu.index), self._handlers.under_way(cpu.index)
            if last and self._patient.instructions - last.insns >= SPUN and len(nest) > 1:
                yield from self._of(cpu.index, nest[-2], nest[-1])

    def _of(self, vcpu: int, outer: Handler, fault: Handler) -> Iterator[Verdict]:
        faults = PAGE_FAULTS[named(self._patient.architecture).number]
        if not outer.of_the_kernel or fault.delivered.source != "exception" or fault.number not in faults:
            return
        waited = [event for event in self._pending.values() if event.insns >= fault.delivered.insns]
        spins = spin(self._patient, Code(self._patient, vcpu), vcpu)
        if waited and spins:
            yield self._verdict(vcpu, outer, fault, waited[0], spins.at)

    def _named(self, request: Event) -> str:
        lines = self._patient.board.line_names
        if self._x86:
            return str(lines[request.number]) if request.value == 0 else f"vector {request.number:#x}"
        return str(lines.get(request.number - FIRST_SPI, f"INTID {request.number}"))

    def _verdict(self, vcpu: int, outer: Handler, fault: Handler, waited: Event, spins: int) -> Verdict:
        where = self._patient.where
        source = outer.delivered.source
        page = fault.delivered.value & -PAGE
        at = fault.delivered.value if fault.number in FETCHES else fault.delivered.linear
        request = self._named(waited)
        return self.verdict(
            f"the handler of {source} runs with interrupts masked and faults at "
            f"{where(at)} on the page at {page:#x}; the fault's handler waits at {where(spins)} "
            f"for {request}, which cannot be delivered until the handler of {source} returns",
            self.at(fault.delivered, at, f"page fault in the handler of {source}"),
            self.at(fault.delivered, spins, "the fault's handler waits"),
            self.evidence(waited, f"{request} is requested, and waits"),
            self.at(outer.delivered, outer.delivered.code, f"the handler of {source} was entered"),
        )
