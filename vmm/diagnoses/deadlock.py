"""A handler that spins on what the code it interrupted holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from vmm.core.event import Event
from vmm.diagnoses.code import Code, general
from vmm.diagnoses.diagnosis import CERTAIN, LIKELY, Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.handlers import WANTS, Handler, Handlers

SPUN = 1000
"""Instructions for which nothing happened on the vCPU."""
LOOP = 16
"""Instructions of a loop, at most: the core keeps the last 32."""
COUNTS = (
    "inc", "dec", "add", "adc", "sub", "sbb", "rsb", "loop", "lea", "lock inc", "lock dec", "lock add", "lock xadd",
)  # fmt: skip
EXCHANGES = ("xchg", "lock ", "cmpxchg", "stxr", "stlxr", "strex", "stlex", "swp", "cas", "ldset")
"""How mnemonics begin; the latter of what takes a lock."""
REACH = 256
"""Bytes of interrupted code in which what took the lock is looked for."""


class Rule(Diagnosis):
    """The loop is what the vCPU executed last, over and over; what it waits for is the memory that it reads."""

    RULE = (
        "where the run ends, a handler goes round and round on one word of memory, which the code that it interrupted "
        "took just before, and cannot give back until the handler returns; certain with one vCPU"
    )
    WANTS = (*WANTS, "pending", "acknowledged")
    COMPARES = True

    def __init__(self, name: str, patient: Patient, budget: Budget | None) -> None:
        super().__init__(name, patient, budget)
        self._handlers = Handlers()
        self._last: dict[int, Event] = {}

    def see(self, event: Event) -> None:
        self._last[event.vcpu] = event
        if event.kind in WANTS:
            self._handlers.see(event)

    def verdicts(self) -> Iterator[Verdict]:
        for cpu in self._patient.cpus:
            nest = self._handlers.under_way(cpu.index)
            last = self._last.get(cpu.index)
            if nest and last and not cpu.halted and self._patient.instructions - last.insns >= SPUN:
                yield from self._of(cpu.index, nest)

    def _of(self, vcpu: int, nest: list[Handler]) -> Iterator[Verdict]:
        code = Code(self._patient, vcpu)
        loop = [each for at in self._loop(vcpu) for each in code.instructions(at, 1)]
        read = {address: each.address for each in loop for address, _ in code.memory(each, code.now)}
        if len(read) != 1 or any(self._comes_to_an_end(code, each) for each in loop):
            return
        ((lock, spins),) = read.items()
        for depth in reversed(range(len(nest))):
            took = self._took(code, vcpu, depth, nest[depth], lock)
            if took is not None:
                yield self._verdict(nest[depth], vcpu, lock, spins, took)
                return

    def _loop(self, vcpu: int) -> list[int]:
        """The addresses of the loop that it is in; empty: in none."""
        recent = self._patient.cpus[vcpu].recent()
        loop = sorted(set(recent))
        if len(recent) < 2 * LOOP or len(loop) > LOOP:
            return []
        return loop

    @staticmethod
    def _comes_to_an_end(code: Code, instruction: Any) -> bool:
        """It counts, or writes what it has worked out: the loop may be a delay."""
        if instruction.mnemonic.startswith(COUNTS):
            return True
        writes = any(writes for _, writes in code.memory(instruction, code.now))
        return writes and not instruction.mnemonic.startswith(EXCHANGES)

    def _took(self, code: Code, vcpu: int, depth: int, handler: Handler, lock: int) -> int | None:
        """The last instruction before the interrupted one that writes the lock."""
        held = self._patient.trace.interrupted(vcpu, depth)
        if held is None:
            return None
        register = _of_interrupted(held, code.bits)
        for instruction in code.before(handler.interrupted, REACH):
            try:
                accesses = list(code.memory(instruction, register))
            except LookupError:
                continue
            if (lock, True) in accesses:
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


def _of_interrupted(held: list[int], bits: int) -> Callable[[str], int]:
    def register(name: str) -> int:
        return held[next(iter(general(name, bits)), len(held))]

    return register
