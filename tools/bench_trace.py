"""The benchmark's rows for the trace: what recording every event costs an interrupt's round trip; files of events."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench_rows import RATE, REPEATS, Row, compared
from bench_runs import about_to_start, rate

from vmm.trace.export import FORMATS, exported

MOST = 0.15
"""Of a round trip's time."""
EXPORTED = 300_000
"""Instructions of round trips, of which there is an event for one or two."""
PER_SECOND = 10_000_000 / 60
"""Events asked for, the run that makes them with them."""
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


class Nowhere:
    """What the disk takes is none of ours."""

    def write(self, data: str | bytes) -> None:
        """It is gone."""


def exporting() -> Iterator[Row]:
    """By the time that this process has, for what others on the host take away is several times as much."""
    for format in FORMATS:
        machine = about_to_start("x86/isr_bench")
        first = machine.trace.emitted
        began = time.process_time()
        with exported(format, Nowhere(), machine):
            machine.run(insns=EXPORTED)
        a_second = (machine.trace.emitted - first) / (time.process_time() - began)
        yield compared(f"events exported, {format}", a_second, "asked for", PER_SECOND, 1, RATE)
