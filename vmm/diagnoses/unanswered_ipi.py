"""An interrupt from one vCPU to another that is never acknowledged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from vmm.core.event import Event
from vmm.core.stops import ENDED_BY_GUEST
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import CERTAIN, LIKELY, Budget, Diagnosis, Evidence, Patient, Verdict
from vmm.diagnoses.services import LOCAL_APIC
from vmm.diagnoses.told import in_us

ALLOWED = Budget(insns=10_000, text="10000insns")
SGIS = 16
"""INTIDs below are from vCPUs."""


@dataclass
class Trips:
    """Of one interrupt to one vCPU, from where it is sent to its acknowledgement, and on to its end, in nanoseconds."""

    acknowledged: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)

    def add(self, sent: Event, acknowledged: Event, ended: Event) -> None:
        """One more."""
        self.acknowledged.append(acknowledged.ns - sent.ns)
        self.ended.append(ended.ns - sent.ns)


class Rule(Diagnosis):
    """A vCPU that sleeps masked has been parked; one that runs on and never lets it in keeps its sender waiting."""

    RULE = (
        "a vCPU sent another one an interrupt that was not acknowledged within the budget, to the end of the run, "
        "because that one runs with interrupts masked; certain where the guest ended the run"
    )
    WANTS = ("pending", "acknowledged", "ended")
    BUDGET = f"how long an acknowledgement may take, in instructions of all vCPUs or in time ({ALLOWED.text})"

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._masks = books.masks
        self._sent: dict[tuple[int, int], Event] = {}
        self._answered: dict[tuple[int, int], tuple[Event, Event]] = {}
        self._trips: dict[tuple[int, int], Trips] = {}
        self._allowed = budget or ALLOWED

    def applies(self) -> str:
        return "" if len(self._patient.cpus) > 1 else "there is one vCPU"

    def see(self, event: Event) -> None:
        key = event.vcpu, event.number
        if event.kind == "acknowledged":
            if sent := self._sent.pop(key, None):
                self._answered[key] = sent, event
        elif event.kind == "ended":
            if answered := self._answered.pop(key, None):
                self._trips.setdefault(key, Trips()).add(*answered, event)
        elif (target := self._target(event)) is not None:
            self._sent.setdefault((target, event.number), event)

    def _target(self, event: Event) -> int | None:
        """Which other vCPU this request is for; None: it is no vCPU's."""
        if self._x86:
            return event.vcpu if event.value == LOCAL_APIC and event.code else None
        return event.value if event.number < SGIS and event.value != event.vcpu else None

    def verdicts(self) -> Iterator[Verdict]:
        for (target, number), sent in self._sent.items():
            masked = self._masks.since.get(target)
            if masked and self._too_long(sent) and not self._patient.cpus[target].halted:
                yield self._verdict(target, number, sent, masked)

    def figures(self) -> Iterator[str]:
        if self._budget is None:
            return
        for (target, number), trips in sorted(self._trips.items()):
            times = "once" if len(trips.ended) == 1 else f"{len(trips.ended)} times, at the latest"
            yield (
                f"{self._what(number)} to vCPU {target}: {times} acknowledged {in_us(max(trips.acknowledged))} after "
                f"it was sent, ended after {in_us(max(trips.ended))}"
            )

    def _what(self, number: int) -> str:
        return f"vector {number:#04x}" if self._x86 else f"SGI {number}"

    def _too_long(self, sent: Event) -> bool:
        return self._allowed.is_over(self._patient.instructions - sent.insns, self._patient.now_ns - sent.ns)

    def _verdict(self, target: int, number: int, sent: Event, masked: Event) -> Verdict:
        where, cpu = self._patient.where, self._patient.cpus[target]
        sender = sent.code if self._x86 else sent.linear
        what = self._what(number)
        waited = self._patient.instructions - sent.insns
        text = (
            f"vCPU {target} has not acknowledged {what}, which was sent at {where(sender)}, for {waited} instructions: "
            f"it masked interrupts at {where(masked.linear)} and is at {where(cpu.pc)} now"
        )
        return self.verdict(
            text,
            self.evidence(masked, "interrupts are masked from here on"),
            self.at(sent, sender, f"{what} is sent to vCPU {target}"),
            Evidence(self._patient.instructions, target, where(cpu.pc), "here it is at the end, and still masked"),
            confidence=CERTAIN if self.stop.reason in ENDED_BY_GUEST else LIKELY,
        )
