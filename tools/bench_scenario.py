"""The benchmark's rows for scenarios: what waiting costs a guest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from bench_rows import REPEATS, Row

from vmm import Delivered, First, Reach
from vmm.machine.machine import Machine
from vmm.scenario.trigger import Trigger

ELSEWHERE, NO_VECTOR = 0x7C00, 0xEE


def seconds(machine: Machine, trigger: Trigger | None) -> float:
    """To the end of its run, with somebody waiting for `trigger`, which never fires."""

    async def scenario(m: Machine) -> None:
        assert trigger is not None
        await trigger

    if trigger:
        machine.start(scenario)
    started = time.perf_counter()
    machine.run()
    return time.perf_counter() - started


def waiting(
    loop: Callable[[], Machine], t32: Callable[[], Machine], round_trips: Callable[[], Machine]
) -> Iterator[Row]:
    """`loop` and `t32` give a machine about to run a loop of plain instructions, `round_trips` one about to take
    interrupts.
    """
    cases = (
        ("waiting for an address, ALU loop", loop, Reach(ELSEWHERE), 1.05),
        ("waiting for an address, T32 loop", t32, Reach(ELSEWHERE), 1.10),
        ("waiting for an event, round trip", round_trips, First(Delivered(NO_VECTOR), Reach(ELSEWHERE)), 1.05),
    )
    for name, make, trigger, most in cases:
        idle, busy = [], []
        for _repeat in range(2 * REPEATS):  # in turns; the least, for neighbours only ever add
            idle.append(seconds(make(), None))
            busy.append(seconds(make(), trigger))
        ratio = min(busy) / min(idle)
        here, alone = (f"{1000 * min(times):.0f} ms" for times in (busy, idle))
        yield Row(name, here, f"nobody waits, {alone}", ratio, f"below {most:.2f}", ratio < most)
