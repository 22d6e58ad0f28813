"""Snapshots: how long it takes to take one and to restore one."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator

from bench_rows import Row

from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

CODE, RAM, PAGES, REPEATS, AIM_US = 0x100000, 16 * MIB, 10, 2000, 50

# again: mov edi, 200000h; mov ecx, PAGES; page: mov [edi], eax; add edi, 1000h; dec ecx; jnz page; inc eax; jmp again
WRITE_PAGES = bytes.fromhex("bf00002000 b90a000000 8907 81c700100000 49 75f5 40 ebe8")
ROUND = 2 + 4 * PAGES + 2


def snapshots(_: argparse.Namespace) -> Iterator[Row]:
    machine = Machine(Config(memory=RAM))
    machine.memory.write(CODE, WRITE_PAGES)
    machine.cpu.enter_protected32(CODE, {"rsp": CODE})
    pairs = []
    for _repeat in range(REPEATS):
        machine.run(insns=ROUND)
        started = time.perf_counter()
        snapshot = machine.snapshot()
        taken = time.perf_counter() - started
        machine.run(insns=ROUND)
        started = time.perf_counter()
        machine.restore(snapshot)
        pairs.append(taken + time.perf_counter() - started)
    micros = statistics.median(pairs) * 1e6
    what = f"snapshot and restore, {PAGES} of {RAM // MIB} MiB's pages written"
    yield Row(what, f"{micros:.1f} µs", f"limit {AIM_US} µs", micros / AIM_US, "below 1", micros < AIM_US)
