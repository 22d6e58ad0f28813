"""What is known after a run: as JSON for programs, as a few lines and a table for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

from vmm.cli.quantities import DURATIONS
from vmm.machine import Machine, Stop
from vmm.trace import InterruptStats

COLUMNS = ("vCPU", "vector", "source", "delivered", "latency min", "median", "max")


@dataclass(frozen=True)
class Summary:
    """A finished run; times in nanoseconds of virtual time and seconds of the host's."""

    stop: Stop
    instructions: int
    virtual_ns: int
    host_seconds: float
    trace_hash: str
    interrupts: list[InterruptStats]
    exception_name: Callable[[int], str | None]

    @classmethod
    def of(cls, machine: Machine, stop: Stop, host_seconds: float) -> Summary:
        interrupts = list(machine.trace.interrupts())
        return cls(
            stop,
            machine.instructions,
            machine.now_ns,
            host_seconds,
            machine.trace.hash,
            interrupts,
            machine.cpu.exception_name,
        )

    def json(self) -> str:
        """The contents of `--summary FILE`."""
        facts = {
            "stop": {"reason": self.stop.reason, "code": self.stop.code, "detail": self.stop.detail},
            "instructions": self.instructions,
            "virtual_ns": self.virtual_ns,
            "host_seconds": round(self.host_seconds, 6),
            "trace_hash": self.trace_hash,
            "interrupts": [_facts(row) for row in self.interrupts],
        }
        return json.dumps(facts, indent=2) + "\n"

    def show(self, file: TextIO) -> None:
        """Print the table, if there was any interrupt, and the totals."""
        if self.interrupts:
            from vmm.cli import table  # takes longer than many a run without interrupts

            table.show(COLUMNS, (_cells(row, self.exception_name) for row in self.interrupts), file)
        totals = f"{self.instructions} instructions, {_time(self.virtual_ns)} virtual, {self.host_seconds:.2f} s host"
        print(f"{totals}, trace {self.trace_hash}", file=file)


def _facts(row: InterruptStats) -> dict[str, Any]:
    waits = row.minimum is not None
    return {
        "vcpu": row.vcpu,
        "vector": row.vector,
        "source": row.source,
        "delivered": row.delivered,
        "latency_insns": {"min": row.minimum, "median": row.median, "max": row.maximum} if waits else None,
    }


def _cells(row: InterruptStats, exception_name: Callable[[int], str | None]) -> list[object]:
    name = exception_name(row.vector) if row.source == "exception" else None
    source = f"{row.source} {name}" if name else row.source
    latency = ["-" if value is None else value for value in (row.minimum, row.median, row.maximum)]
    return [row.vcpu, f"{row.vector:#04x}", source, row.delivered, *latency]


def _time(ns: int) -> str:
    """In the largest unit that leaves a whole part."""
    unit, worth = next(((name, worth) for name, worth in reversed(DURATIONS.items()) if ns >= worth), ("ns", 1))
    value = ns / worth
    return f"{value:.4g} {unit}" if value < 1000 else f"{value:.0f} {unit}"
