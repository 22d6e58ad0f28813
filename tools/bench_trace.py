"""The benchmark's rows for the trace: what recording every event costs an interrupt's round trip."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench_rows import REPEATS, Row, compared

from vmm.machine.machine import boot

MOST = 0.15
"""Of a round trip's time."""
CASES = {"8259A": "x86/isr_bench", "local APIC": "x86/isr_bench_apic"}
RATE = "{:,.0f}/s"


def rate(guest: str, *, record: bool) -> float:
    """Interrupts a second."""
    machine = boot(guest)
    machine.run(until="round")
    if record:
        machine.trace.record()
    started = time.perf_counter()
    machine.run()
    seconds = time.perf_counter() - started
    return sum(row.delivered for row in machine.trace.interrupts()) / seconds


def recording() -> Iterator[Row]:
    for name, guest in CASES.items():
        recorded, plain = [], []
        for _repeat in range(2 * REPEATS):  # in turns, so that both meet the same neighbours
            plain.append(rate(guest, record=False))
            recorded.append(rate(guest, record=True))
        # The fastest of each: what others on the host take away is a large part of so small a difference.
        value, other = max(recorded), max(plain)
        yield compared(f"{name} round trip, recorded", value, "not recorded", other, 1 / (1 + MOST), RATE)
