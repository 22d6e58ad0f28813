"""The benchmark's rows for diagnoses: a run that all of them look at, against one that nobody does."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from bench_rows import REPEATS, Row, compared
from bench_stimuli import IRQ, machine

from vmm import Periodic

MOST = 0.30
"""Of a run's time."""
INSTRUCTIONS = 20_000_000
GAPS = (10_000, 1_000, 400)
"""Instructions from one interrupt to the next: 10, 100 and 250 thousand interrupts a second."""


def seconds(gap: int, *, diagnose: bool) -> float:
    """Of the processor's time, with what diagnoses look at behind the run."""
    m = machine()
    m.stimulate(m.irq(IRQ), Periodic(gap, start=gap))
    diagnoses = m.diagnose() if diagnose else None
    started = time.process_time()
    m.run(insns=INSTRUCTIONS)
    if diagnoses:
        diagnoses.verdicts()
    return time.process_time() - started


def diagnosing(_: argparse.Namespace) -> Iterator[Row]:
    for gap in GAPS:
        looked_at, plain = [], []
        seconds(gap, diagnose=True)  # what is imported then is no run's
        for _repeat in range(REPEATS):  # in turns, so that both meet the same neighbours
            plain.append(INSTRUCTIONS / seconds(gap, diagnose=False) / 1e6)
            looked_at.append(INSTRUCTIONS / seconds(gap, diagnose=True) / 1e6)
        what = f"all diagnoses, an interrupt every {gap:,} instructions"
        yield compared(what, max(looked_at), "none", max(plain), 1 / (1 + MOST), "{:.1f} MIPS")
