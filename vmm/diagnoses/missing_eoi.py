"""An interrupt that stays in service though its handler has returned, or that is ended twice."""

from __future__ import annotations

from collections.abc import Iterator

from vmm.core.event import Event
from vmm.core.native import lib
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import CERTAIN, LIKELY, Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.services import Service


class Rule(Diagnosis):
    """A handler that leaves the end of its interrupt to others is no fault; that nobody will, and others wait, is."""

    RULE = (
        "an interrupt is in service after its handler has returned; certain where requests wait behind it when the "
        "run is over, for nothing will end it any more. Or a handler ends its interrupt twice; certain at a GIC, where "
        "that is UNPREDICTABLE"
    )
    WANTS = ("guest error", "vain", "ended")

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._services = books.services
        self._ended: dict[int, Service] = {}
        self._twice: dict[int, tuple[Service, Event]] = {}

    def see(self, event: Event) -> None:
        if event.kind != "ended":
            self._vain(event)
        elif self._services.of:
            self._ended[event.vcpu] = self._services.of

    def _vain(self, event: Event) -> None:
        """An end of interrupt that found nothing, in a handler that has ended its own before."""
        service, nest = self._ended.get(event.vcpu), self._services.handlers.under_way(event.vcpu)
        if service is None or not nest or service.handler is not nest[-1]:
            return
        nothing = event.number == lib.VMM_GE_EOI_NOTHING and event.value == service.acknowledged.number
        if event.kind == "vain" or nothing:
            self._twice.setdefault(event.linear, (service, event))

    def verdicts(self) -> Iterator[Verdict]:
        yield from self._missing()
        yield from (self._extra(service, again) for service, again in self._twice.values())

    def _extra(self, service: Service, again: Event) -> Verdict:
        own, where = service.ended, self._patient.where
        assert own, "it was ended"
        harm = "which harms nobody as long as nothing else is in service" if self._x86 else "which is UNPREDICTABLE"
        return self.verdict(
            f"one end of interrupt too many at {where(again.linear)}: the interrupt of insn "
            f"{service.acknowledged.insns} had been ended at {where(own.linear)}, and nothing is in service, {harm}",
            self.evidence(again, "the end of interrupt that finds nothing"),
            self.evidence(own, "the one that ended it"),
            confidence=LIKELY if self._x86 else CERTAIN,
        )

    def _missing(self) -> Iterator[Verdict]:
        left = [each for each in self._services.held.values() if each.handler and each.handler.returned]
        if not left:
            return
        standing = [each for each in self._patient.findings() if each.kind == "in service"]
        for service in left:
            assert service.handler and service.handler.returned
            taken, back = service.acknowledged, service.handler.returned
            where = self._patient.where(back.code)
            told = next((each for each in standing if each.since == taken.insns), None)
            if told is None:
                continue
            yield self.verdict(
                f"no end of interrupt on the path that returns at {where}: {told}",
                self.at(back, back.code, "the handler returns"),
                self.evidence(taken, "acknowledged"),
                confidence=CERTAIN if told.fault else LIKELY,
            )
