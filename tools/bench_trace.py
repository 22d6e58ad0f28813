"""The benchmark's rows for the trace: what recording every event costs an interrupt's round trip."""

from __future__ import annotations

from collections.abc import Iterator

from bench_rows import RATE, REPEATS, Row, compared
from bench_runs import about_to_start, rate

MOST = 0.15
"""Of a round trip's time."""
CASES = {"8259A": "x86/isr_bench", "local APIC": "x86/isr_bench_apic"}


def round_trips(guest: str, *, record: bool) -> float:
    """Interrupts a second."""
    machine = about_to_start(guest)
    if record:
        machine.trace.record()
    return rate(machine)


def recording() -> Iterator[Row]:
    for name, guest in CASES.items():
        recorded, plain = [], []
        for _repeat in range(2 * REPEATS):  # in turns, so that both meet the same neighbours
            plain.append(round_trips(guest, record=False))
            recorded.append(round_trips(guest, record=True))
        # The fastest of each: what others on the host take away is a large part of so small a difference.
        value, other = max(recorded), max(plain)
        yield compared(f"{name} round trip, recorded", value, "not recorded", other, 1 / (1 + MOST), RATE)
