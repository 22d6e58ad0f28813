"""The benchmark's rows for diagnoses: a run that all of them look at, against one that nobody does."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench_rows import RATE, REPEATS, Row, compared
from bench_runs import counting_to
from bench_stimuli import IRQ, machine

from vmm import Periodic
from vmm.machine.machine import Machine, boot

MOST = 0.30
"""Of a run's time."""
INSTRUCTIONS = 20_000_000
GAPS = (10_000, 1_000, 400)
"""Instructions from one interrupt to the next: 10, 100 and 250 thousand interrupts a second."""


BACK_TO_BACK = {"8259A": "x86/isr_bench", "SGIs of a GICv2": "arm64/isr_bench"}
USUAL, ROUNDS = 200_000, 400_000
"""Interrupts: those of the guests as they are bundled, and those measured."""


def seconds(m: Machine, insns: int | None, *, diagnose: bool) -> float:
    """Of the processor's time, with what diagnoses look at behind the run."""
    diagnoses = m.diagnose() if diagnose else None
    started = time.process_time()
    m.run(insns=insns)
    if diagnoses:
        diagnoses.verdicts()
    return time.process_time() - started


def row(what: str, make: Callable[[], Machine], form: str, unit: float, insns: int | None = None) -> Row:
    """So many units in a run."""
    looked_at, plain = [], []
    seconds(make(), insns, diagnose=True)  # what is imported then is no run's
    for _ in range(REPEATS):  # in turns, so that both meet the same neighbours
        plain.append(unit / seconds(make(), insns, diagnose=False))
        looked_at.append(unit / seconds(make(), insns, diagnose=True))
    return compared(f"all diagnoses, {what}", max(looked_at), "none", max(plain), 1 / (1 + MOST), form)


def interrupted(gap: int) -> Machine:
    m = machine()
    m.stimulate(m.irq(IRQ), Periodic(gap, start=gap))
    return m


def diagnosing(_: argparse.Namespace) -> Iterator[Row]:
    for gap in GAPS:
        what = f"an interrupt every {gap:,} instructions"
        yield row(what, partial(interrupted, gap), "{:.1f} MIPS", INSTRUCTIONS / 1e6, INSTRUCTIONS)
    for controller, guest in BACK_TO_BACK.items():
        with tempfile.TemporaryDirectory() as scratch:
            image = counting_to(guest, USUAL, ROUNDS, Path(scratch))
            yield row(f"{controller}, back to back", partial(boot, image, console=None), RATE, ROUNDS)
