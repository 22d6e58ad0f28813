"""A transaction that interrupts abort each time it is tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vmm.core.event import Event
from vmm.core.native import lib
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Patient, Verdict

FEATURES, EBX, RTM = 7, 1, 1 << 11
"""Leaf of CPUID, its register and bit (SDM vol. 2A CPUID)."""
MANY = 16
"""Tries; who has gone another way by then has escalated."""


@dataclass
class Tries:
    """Of one vCPU, since its last commit."""

    begun: Event
    first: Event
    last: Event
    aborts: int = 0


class Rule(Diagnosis):
    """An abort now and then is what a retry is for. One that comes as often as the transaction is long ends nothing."""

    RULE = (
        f"interrupts have aborted a vCPU's transactions {MANY} times or more, one after the other, and none was "
        "committed from then to the end of the run"
    )
    WANTS = ("transaction",)

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._begun: dict[int, Event] = {}
        self._tries: dict[int, Tries] = {}

    def applies(self) -> str:
        if not self._x86:
            return "it is about transactions, which are x86's here"
        cpu = self._patient.cpus[0]
        last, *_ = cpu.cpuid(0)
        has = last >= FEATURES and cpu.cpuid(FEATURES)[EBX] & RTM
        return "" if has else "the CPU has no transactions; --cpu max,+rtm has"

    def see(self, event: Event) -> None:
        if event.number == lib.VMM_TX_BEGINS:
            self._begun[event.vcpu] = event
        elif event.number == lib.VMM_TX_INTERRUPT and event.vcpu in self._begun:
            begun = self._begun[event.vcpu]
            tries = self._tries.setdefault(event.vcpu, Tries(begun, event, event))
            tries.begun, tries.last, tries.aborts = begun, event, tries.aborts + 1
        else:
            self._tries.pop(event.vcpu, None)

    def verdicts(self) -> Iterator[Verdict]:
        for vcpu, tries in sorted(self._tries.items()):
            if tries.aborts >= MANY:
                yield self._verdict(vcpu, tries)

    def _verdict(self, vcpu: int, tries: Tries) -> Verdict:
        where, last = self._patient.where, tries.last
        text = (
            f"the transaction that begins at {where(tries.begun.linear)} makes no progress: interrupts have aborted it "
            f"{tries.aborts} times in a row since insn {tries.first.insns}, on vCPU {vcpu}, the last time after "
            f"{last.insns - tries.begun.insns} instructions, and it is begun again with interrupts let in"
        )
        return self.verdict(
            text,
            self.evidence(tries.begun, "it begins, with interrupts let in"),
            self.evidence(last, "it has come so far when an interrupt aborts it"),
            self.evidence(tries.first, "the first time that one did"),
        )
