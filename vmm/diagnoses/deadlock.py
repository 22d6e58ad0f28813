"""A handler that spins on what the code it interrupted holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.code import Code, general
from vmm.diagnoses.diagnosis import CERTAIN, LIKELY, Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.handlers import Handler
from vmm.diagnoses.spins import SPUN, spin

UNKNOWN = -1
REACH = 256
"""Bytes of interrupted code in which what took the lock is looked for."""


class Rule(Diagnosis):
    """The loop is what the vCPU executed last, over and over; what it waits for is the memory that it reads."""

    RULE = (
        "where the run ends, a handler goes round and round on one word of memory, which the code that it interrupted "
        "took just before, and cannot give back until the handler returns; certain with one vCPU"
    )
    WANTS = ("delivered", "returned", "pending", "acknowledged")
    COMPARES = True

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._handlers = books.handlers
        self._last: dict[int, Event] = {}

    def see(self, event: Event) -> None:
        self._last[event.vcpu] = event

    def verdicts(self) -> Iterator[Verdict]:
        for cpu in self._patient.cpus:
            nest = self._handlers.under_way(cpu.index)
            last = self._last.get(cpu.index)
            if nest and last and not cpu.halted and self._patient.instructions - last.insns >= SPUN:
                yield from self._of(cpu.index, nest)

    def _of(self, vcpu: int, nest: list[Handler]) -> Iterator[Verdict]:
        code = Code(self._patient, vcpu)
        found = spin(self._patient, code, vcpu)
        if found is None:
            return
        for depth in reversed(range(len(nest))):
            took = self._took(code, vcpu, depth, nest[depth], found.word)
            if took is not None:
                yield self._verdict(nest[depth], vcpu, found.word, found.at, took)
                return

    def _took(self, code: Code, vcpu: int, depth: int, handler: Handler, lock: int) -> int | None:
        """The last instruction before the interrupted one that writes the lock."""
        held = self._patient.trace.interrupted(vcpu, depth)
        if held is None:
            return None
        known = dict(enumerate(held))

        def register(name: str) -> int:
            return known[next(general(name, code.bits), UNKNOWN)]

        for instruction in code.before(handler.interrupted, REACH):
            for name in map(instruction.reg_name, instruction.regs_access()[1]):
                for number in general(name, code.bits):
                    known.pop(number, None)  # what it held before is not known
            with suppress(LookupError):
                if (lock, True) in code.memory(instruction, register):
                    return int(instruction.address)
        return None

    def _verdict(self, handler: Handler, vcpu: int, lock: int, spins: int, took: int) -> Verdict:
        delivered, where = handler.delivered, self._patient.where
        alone = all(cpu.off or cpu.index == vcpu for cpu in self._patient.cpus)
        return self.verdict(
            f"vCPU {vcpu} spins at {where(spins)} in the handler of {delivered.source} on what the code it interrupted "
            f"at {where(handler.interrupted)} holds: {where(lock)}, taken at {where(took)}; neither goes on",
            self.at(delivered, spins, f"spins, {self._patient.instructions - delivered.insns} instructions now"),
            self.at(delivered, took, "the interrupted code takes it"),
            self.at(delivered, delivered.code, f"the handler of {delivered.source} was entered"),
            confidence=CERTAIN if alone else LIKELY,
        )
