"""What is known after a run: as JSON for programs, as a few lines and a table for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TextIO

from vmm.core.stops import Stop
from vmm.findings.finding import Finding
from vmm.findings.found import MEANT
from vmm.machine.machine import Machine
from vmm.quantities import in_words
from vmm.trace import InterruptStats
from vmm.trace.words import cells, heading

if TYPE_CHECKING:
    from vmm.diagnoses.diagnosed import Diagnoses
    from vmm.diagnoses.diagnosis import Looked


@dataclass(frozen=True)
class Summary:
    """A finished run; times in nanoseconds of virtual time and seconds of the host's."""

    stop: Stop
    instructions: int
    virtual_ns: int
    host_seconds: float
    trace_hash: str
    interrupts: list[InterruptStats]
    guest_errors: int
    architecture: str
    exception_name: Callable[[int], str | None]
    findings: list[Finding]
    looked: Looked | None
    """What diagnoses found and measured, where any were asked for."""
    not_applied: Mapping[str, str]
    """Diagnoses that cannot say anything of this machine, with the reason."""

    @classmethod
    def of(
        cls, machine: Machine, stop: Stop, host_seconds: float, *, cut: bool = False, diagnoses: Diagnoses | None = None
    ) -> Summary:
        """`cut`: the run did not end by itself, whatever `stop` says."""
        looked = diagnoses.looked() if diagnoses else None
        return cls(
            stop,
            machine.instructions,
            machine.now_ns,
            host_seconds,
            machine.trace.hash,
            list(machine.trace.interrupts()),
            machine.trace.guest_errors,
            machine.architecture,
            machine.cpu.exception_name,
            machine.findings(faults=stop.reason in MEANT and not cut),
            looked,
            diagnoses.not_applied() if diagnoses else {},
        )

    def json(self) -> str:
        """The contents of `--summary FILE`."""
        facts = {
            "stop": {"reason": self.stop.reason, "code": self.stop.code, "detail": self.stop.detail},
            "instructions": self.instructions,
            "virtual_ns": self.virtual_ns,
            "host_seconds": round(self.host_seconds, 6),
            "trace_hash": self.trace_hash,
            "guest_errors": self.guest_errors,
            "findings": [asdict(finding) for finding in self.findings],
            "interrupts": [_facts(row) for row in self.interrupts],
        }
        if self.looked:
            from vmm.report import verdicts

            facts |= verdicts.plain(self.looked) | {"not_applied": dict(self.not_applied)}
        import json  # most runs write none

        return json.dumps(facts, indent=2) + "\n"

    def show_interrupts(self, file: TextIO) -> None:
        """Print the table, if there was any interrupt."""
        if self.interrupts:
            from vmm.report import table  # takes longer than many a run without interrupts

            rows = (cells(row, self.architecture, self.exception_name) for row in self.interrupts)
            table.show(heading(self.architecture), rows, file)

    def show_findings(self, file: TextIO) -> None:
        """Print what is the matter with interrupts, if anything is."""
        if self.findings:
            print("interrupts:", *(f"  {finding}" for finding in self.findings), sep="\n", file=file)

    @property
    def certain(self) -> bool:
        """A diagnosis is certain of something."""
        return any(verdict.certain for verdict in self.looked.verdicts) if self.looked else False

    def show_verdicts(self, file: TextIO) -> None:
        """Print what diagnoses found, if any were asked for."""
        if self.looked:
            from vmm.report import verdicts

            verdicts.show(self.looked, self.not_applied, file)

    def show_totals(self, file: TextIO) -> None:
        """Print one line: instructions, times, hash."""
        times = f"{in_words(self.virtual_ns)} virtual, {self.host_seconds:.2f} s host"
        print(f"{self.instructions} instructions, {times}, trace {self.trace_hash}", file=file)


def _facts(row: InterruptStats) -> dict[str, Any]:
    waits = row.minimum is not None
    return {
        "vcpu": row.vcpu,
        "vector": row.vector,
        "source": row.source,
        "delivered": row.delivered,
        "latency_insns": {"min": row.minimum, "median": row.median, "max": row.maximum} if waits else None,
    }
