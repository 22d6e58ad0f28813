"""A handler that returns to another place than it was delivered from, because its frame was written over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vmm.core.event import Event
from vmm.core.native import lib
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import CERTAIN, LIKELY, Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.handlers import Handler

PARTS = {
    lib.VMM_FRAME_PLACE: "the stack pointer is not where the frame is",
    lib.VMM_FRAME_PC: "the return address",
    lib.VMM_FRAME_CS: "CS",
    lib.VMM_FRAME_FLAGS: "the flags",
    lib.VMM_FRAME_SP: "the stack pointer",
    lib.VMM_FRAME_SS: "SS",
}
AT_ONCE = 2
"""Instructions between a return and a fault that it leads to."""
CRASHES = ("shutdown", "unmapped", "engine")


@dataclass
class _Broken:
    handler: Handler
    changed: Event
    fault: Event | None = None

    @property
    def leads_elsewhere(self) -> bool:
        return bool(self.changed.number & (lib.VMM_FRAME_PC | lib.VMM_FRAME_CS | lib.VMM_FRAME_PLACE))

    @property
    def keeps_its_stack(self) -> bool:
        """Else it is another's context that the handler changes to."""
        return not self.changed.number & lib.VMM_FRAME_SP


class Rule(Diagnosis):
    """What a fault's handler, a debugger's or a signal's frame changes is meant; what an interrupt's handler changes so
    that nothing can go on is not.
    """

    RULE = (
        "the frame that an interrupt's handler returns through is not the one that was delivered, as it is before the "
        "return; certain where the return raises a fault at once, for then nothing can have been meant by it"
    )
    WANTS = ("delivered", "frame changed")
    COMPARES = True

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._handlers = books.handlers
        self._broken: list[_Broken] = []

    def see(self, event: Event) -> None:
        if event.kind == "delivered":
            last = self._broken[-1] if self._broken else None
            if last and event.source == "exception" and self._follows(last, event):
                last.fault = last.fault or event
            return
        nest = self._handlers.under_way(event.vcpu)
        if nest and nest[-1].of_the_kernel:
            self._broken.append(_Broken(nest[-1], event))

    @staticmethod
    def _follows(broken: _Broken, event: Event) -> bool:
        changed = broken.changed
        return event.vcpu == changed.vcpu and 0 <= event.insns - changed.insns <= AT_ONCE

    def verdicts(self) -> Iterator[Verdict]:
        for each in self._broken:
            if each.leads_elsewhere and each.keeps_its_stack:
                yield self._verdict(each)

    def _verdict(self, broken: _Broken) -> Verdict:
        changed, delivered = broken.changed, broken.handler.delivered
        what = " and ".join(words for bit, words in PARTS.items() if changed.number & bit)
        was = self._patient.where(broken.handler.interrupted)
        crashed = self.stop.reason in CRASHES and self._patient.instructions - changed.insns <= AT_ONCE
        evidence = [
            self.at(changed, changed.code, "about to return"),
            self.at(delivered, delivered.code, f"the handler of {delivered.source} was entered, from {was}"),
        ]
        ends = ""
        if broken.fault:
            evidence.append(self.evidence(broken.fault, f"exception {broken.fault.number:#x}"))
            ends = ", and faults at once"
        elif crashed:
            ends = f", and the run ends: {self.stop}"
        verb = "" if changed.number & lib.VMM_FRAME_PLACE else " changed"
        return self.verdict(
            f"the handler of {delivered.source} returns through a frame that was not delivered so: {what}{verb}; it "
            f"interrupted {was} and returns to {changed.value:#x}{ends}",
            *evidence,
            confidence=CERTAIN if ends else LIKELY,
        )
