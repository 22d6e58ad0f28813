"""The benchmark's rows for local APICs: interrupts to oneself and another vCPU, and vCPUs that have nothing to do."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench_rows import RATE, REPEATS, Row, compared, missing
from bench_runs import QEMU, about_to_start, counting_to, qemu, qemu_seconds, seconds

SHORT = 2_000


class Case(NamedTuple):
    """A guest that makes so many round trips; QEMU's options for it, and its accelerators, of which the best counts."""

    name: str
    guest: str
    rounds: int
    aim: float
    options: tuple[str, ...] = ()
    accelerators: tuple[str, ...] = ("tcg",)


XAPIC = Case("self-IPI round trip, xAPIC", "x86/apic_bench", 200_000, 1)
X2APIC = Case("self-IPI round trip, x2APIC", "x86/x2apic_bench", 200_000, 1, ("-cpu", "qemu64,+x2apic"))
TWO = Case("IPI round trip, two vCPUs", "x86/ipi_bench", 50_000, 1, ("-smp", "2"), ("tcg", "tcg,thread=single"))
IDLE = {"seven vCPUs never started": "x86/apic_bench", "seven vCPUs in HLT": "x86/idle_bench"}


class QemuTurns:
    """QEMU's runs of a guest with many round trips and with few, whose difference leaves start-up out."""

    def __init__(self, case: Case, scratch: Path) -> None:
        self.case = case
        self.few = counting_to(case.guest, case.rounds, SHORT, scratch)
        self.many = counting_to(case.guest, case.rounds, case.rounds, scratch)
        self.pairs: dict[str, list[tuple[float, float]]] = {accel: [] for accel in case.accelerators}

    def works(self) -> bool:
        return qemu(self.few, *self.case.options) == 0

    def take(self) -> None:
        for accel, pairs in self.pairs.items():
            many, few = (qemu_seconds(image, *self.case.options, accel=accel) for image in (self.many, self.few))
            pairs.append((many, few))

    def rate(self) -> float:
        """Round trips a second, on the best of the accelerators."""
        columns = (zip(*pairs, strict=True) for pairs in self.pairs.values())
        extra = min(statistics.median(many) - statistics.median(few) for many, few in columns)
        return (self.case.rounds - SHORT) / extra


def round_trips() -> Iterator[Row]:
    for case in (XAPIC, X2APIC, TWO):
        with tempfile.TemporaryDirectory() as scratch:
            yield round_trip(case, Path(scratch))


def round_trip(case: Case, scratch: Path) -> Row:
    here: list[float] = []
    there, against = None, "QEMU TCG"
    if shutil.which(QEMU):
        there = QemuTurns(case, scratch)
        if case is X2APIC and not there.works():
            there, against = QemuTurns(XAPIC, scratch), "QEMU TCG's xAPIC, as it has no x2APIC"
    for _repeat in range(REPEATS):  # in turns, so that both meet the same neighbours
        here.append(case.rounds / seconds(about_to_start(case.guest)))
        if there:
            there.take()
    value = statistics.median(here)
    if not there:
        return missing(case.name, RATE.format(value), against, f"{QEMU} is not installed")
    return compared(case.name, value, against, there.rate(), case.aim, RATE)


def idle() -> Iterator[Row]:
    for name, guest in IDLE.items():
        pairs = [tuple(seconds(about_to_start(guest, smp=smp)) for smp in (8, 1)) for _repeat in range(3 * REPEATS)]
        eight, one = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = eight / one
        yield Row(name, f"{eight:.0f} ms", f"one vCPU alone, {one:.0f} ms", ratio, "below 1.05", ratio < 1.05)
