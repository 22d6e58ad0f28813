"""An interrupt that stays in service though its handler has returned."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.arch import named
from vmm.core.event import Event
from vmm.diagnoses.diagnosis import CERTAIN, LIKELY, Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.services import WANTS, Services


class Rule(Diagnosis):
    """A handler that leaves the end of its interrupt to others is no fault; that nobody will, and others wait, is."""

    RULE = (
        "an interrupt is in service after its handler has returned; certain where requests wait behind it when the "
        "run is over, for nothing will end it any more"
    )
    WANTS = WANTS

    def __init__(self, name: str, patient: Patient, budget: Budget | None) -> None:
        super().__init__(name, patient, budget)
        self._services = Services(x86=named(patient.architecture).number == "vector")

    def see(self, event: Event) -> None:
        self._services.see(event)

    def verdicts(self) -> Iterator[Verdict]:
        left = [each for each in self._services.held.values() if each.handler and each.handler.returned]
        if not left:
            return
        standing = [each for each in self._patient.findings() if each.kind == "in service"]
        for service in left:
            assert service.handler and service.handler.returned
            taken, back = service.acknowledged, service.handler.returned
            where = self._patient.where(back.code)
            told = next((each for each in standing if f"insn {taken.insns} " in each.text), None)
            if told is None:
                continue
            yield self.verdict(
                f"no end of interrupt on the path that returns at {where}: {told}",
                self.at(back, back.code, "the handler returns"),
                self.evidence(taken, "acknowledged"),
                confidence=CERTAIN if told.fault else LIKELY,
            )
