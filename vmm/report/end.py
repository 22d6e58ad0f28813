"""What a run that has ended leaves to read: why, the crash report, the table of interrupts, guest errors, totals."""

from __future__ import annotations

from typing import TextIO

from vmm.core.stops import ENDED_BY_GUEST
from vmm.errors import printable
from vmm.machine.machine import Machine
from vmm.report import crash, guest_errors
from vmm.report.summary import Summary


def show(machine: Machine, summary: Summary, file: TextIO) -> None:
    """Print all of it."""
    print(f"vmm: {summary.stop.reason}: {printable(summary.stop.detail)}", file=file)
    summary.show_findings(file)
    if crash.is_crash(summary.stop):
        crash.show(machine, file)
    elif summary.stop.reason not in ENDED_BY_GUEST:
        crash.show_place(machine, file)
    summary.show_interrupts(file)
    guest_errors.show(machine, file)
    summary.show_verdicts(file)
    summary.show_totals(file)
