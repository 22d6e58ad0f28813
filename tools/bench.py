"""Measure what vmm promises about speed and size, as ratios within one run: compare nothing across machines.

python tools/bench.py [--json] [--only WORD] [--interrupts N]

Every row says what was measured, what it was compared with, and which ratio is aimed at. Nothing is asserted: the exit
status is 0. Rows whose other half is not installed (QEMU, a C compiler) say so.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import bench_apic
import bench_arm
import bench_qemu
import bench_scenario
import bench_trace
from bench_bare import EmptyHook
from bench_baseline import PythonVmm
from bench_diagnose import diagnosing
from bench_explore import explorations
from bench_rows import RATE, REPEATS, Row, compared, median, missing
from bench_runs import GEAR, QEMU, Loop, against_empty_hook, counting_to, qemu_seconds, rate
from bench_snapshot import snapshots
from bench_stimuli import PULSES, stimulus_rate

from vmm.catalog import resolve
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

ROUNDS = 200_000
"""What the guest isr_bench counts to."""
SHORT = 2_000
PYTHON_ROUNDS = 5_000
CODE, RAM = 0x100000, 16 * MIB

# 32-bit code that counts ECX down to 0 and halts, as bytes so that no assembler is needed.
ALU = bytes.fromhex(
    "01d8"  # again: add eax, ebx
    "31c2"  # xor edx, eax
    "d1c0"  # rol eax, 1
    "8d740601"  # lea esi, [esi+eax+1]
    "49 75f3"  # dec ecx; jnz again
    "f4"
)
BRANCHY = bytes.fromhex(
    "69c06d4ec641"  # again: imul eax, eax, 41c64e6dh
    "0539300000"  # add eax, 12345
    "89c2 c1ea10"  # mov edx, eax; shr edx, 16
    "81e2fc0f0000"  # and edx, 0ffch
    "8b9a00002000"  # mov ebx, [edx+200000h]
    "01c3"  # add ebx, eax
    "899a00002000"  # mov [edx+200000h], ebx
    "f6c701 7405"  # test bh, 1; jz odd
    "e804000000"  # call work
    "49 75cf f4"  # odd: dec ecx; jnz again; hlt
    "53 5b c3"  # work: push ebx; pop ebx; ret
)


def loop_code(loop: bytes, times: int) -> bytes:
    return b"\xb9" + times.to_bytes(4, "little") + loop  # mov ecx, times


LOOPS = {"ALU loop": Loop(loop_code(ALU, 4_000_000), 0.7), "branchy loop": Loop(loop_code(BRANCHY, 500_000), 0.7)}
FAST_LOOPS = {
    "fast gear, ALU loop": Loop(loop_code(ALU, 20_000_000), 0.7),
    "fast gear, branchy loop": Loop(loop_code(BRANCHY, 4_000_000), 0.8),
}


# ---- interrupt round trips ----


def isr_bench(rounds: int, scratch: str) -> Path:
    return counting_to("x86/isr_bench", ROUNDS, rounds, Path(scratch))


def boot_rounds(rounds: int, gear: str = GEAR) -> Machine:
    """A machine that has started up and is about to take its first interrupt."""
    machine = Machine(Config(memory=RAM, gear=gear))
    with tempfile.TemporaryDirectory() as scratch:
        machine.load(isr_bench(rounds, scratch))
    machine.run(until="round")
    return machine


def vmm_rate() -> float:
    """Interrupts a second."""
    return rate(boot_rounds(ROUNDS))


def qemu_rate() -> float:
    """Interrupts a second: the difference that 200,000 make to a run with few of them, start-up left out."""
    with tempfile.TemporaryDirectory() as scratch:
        few, many = isr_bench(SHORT, scratch), isr_bench(ROUNDS, scratch)
        extra = median(lambda: qemu_seconds(many)) - median(lambda: qemu_seconds(few))
    return (ROUNDS - SHORT) / extra


def round_trips(_: argparse.Namespace) -> Iterator[Row]:
    here = median(vmm_rate)
    python = median(lambda: PythonVmm(resolve("x86/isr_bench").read_bytes()).rate(PYTHON_ROUNDS), 3)
    yield compared("interrupt round trip", here, "the same loop in plain Python", python, 50, RATE)
    if shutil.which(QEMU):
        yield compared("interrupt round trip", here, "QEMU TCG", qemu_rate(), 1, RATE)
    else:
        yield missing("interrupt round trip", f"{here:,.0f}/s", "QEMU TCG", f"{QEMU} is not installed")
    yield from bench_apic.round_trips()
    yield from bench_arm.round_trips()


def recording(_: argparse.Namespace) -> Iterator[Row]:
    yield from bench_trace.recording()


def exporting(_: argparse.Namespace) -> Iterator[Row]:
    yield from bench_trace.exporting()


def scenarios(_: argparse.Namespace) -> Iterator[Row]:
    yield from bench_scenario.waiting(
        lambda: about_to_loop(FAST_LOOPS["fast gear, ALU loop"].code),
        bench_arm.about_to_loop_in_t32,
        lambda: boot_rounds(ROUNDS),
    )


def stimuli(_: argparse.Namespace) -> Iterator[Row]:
    pairs = [(stimulus_rate(), vmm_rate()) for _repeat in range(REPEATS)]
    here, there = (statistics.median(column) for column in zip(*pairs, strict=True))
    yield compared(f"{PULSES:,} pulses of a stimulus", here, "interrupt round trip", there, 1, RATE)


# ---- the gears ----


def about_to_loop(code: bytes, gear: str = GEAR) -> Machine:
    """A machine that will run the loop and halt."""
    machine = Machine(Config(memory=RAM, board="pc,pit=off", gear=gear))
    machine.memory.write(CODE, code)
    machine.cpu.enter_protected32(CODE, {"rsp": CODE})
    return machine


def precise_gear(_: argparse.Namespace) -> Iterator[Row]:
    precise = partial(about_to_loop, gear="precise")
    yield from against_empty_hook(LOOPS, precise, EmptyHook(), CODE, RAM)
    yield from bench_arm.precise_gear()


def fast_gear(_: argparse.Namespace) -> Iterator[Row]:
    yield from against_empty_hook(FAST_LOOPS, partial(about_to_loop, gear="fast"), EmptyHook(kind="BLOCK"), CODE, RAM)
    pairs = [[rate(boot_rounds(ROUNDS, gear=gear)) for gear in ("fast", "precise")] for _repeat in range(REPEATS)]
    here, there = (statistics.median(column) for column in zip(*pairs, strict=True))
    yield compared("fast gear, interrupt round trip", here, "the precise gear", there, 1, RATE)
    yield from bench_arm.fast_gear()


# ---- several vCPUs ----


def idle_vcpus(_: argparse.Namespace) -> Iterator[Row]:
    yield from bench_apic.idle()


# ---- start to exit, memory ----


def vmm_seconds() -> float:
    """As an installed vmm starts: with its bytecode cached, which a tree under development may forbid."""
    command = [sys.executable, "-m", "vmm", "run", "x86/hello", "--quiet"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment)
    return time.perf_counter() - started


def start_to_exit(_: argparse.Namespace) -> Iterator[Row]:
    if not shutil.which(QEMU):
        value = f"{1000 * median(vmm_seconds):.0f} ms"
        yield missing("x86/hello, start to exit", value, "QEMU", f"{QEMU} is not installed")
        return
    image = resolve("x86/hello")
    vmm_seconds()
    pairs = [(vmm_seconds(), qemu_seconds(image)) for _ in range(2 * REPEATS)]
    here, there = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    ratio = here / there
    yield Row("x86/hello, start to exit", f"{here:.0f} ms", f"QEMU, {there:.0f} ms", ratio, "at most 1.5", ratio <= 1.5)


STATUS = Path("/proc/self/status")
HELLO = """
import sys
from vmm.cli import main

main(["run", "x86/hello", "--quiet", "--memory", "16M"])
print(open("/proc/self/status").read(), file=sys.stderr)
"""


def peak_mib(status: str) -> float:
    """The most a program has had resident. getrusage would count what its parent had before exec, too."""
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def growth(interrupts: int) -> float:
    """MiB by which this process's peak grows while the last nine tenths of the interrupts are taken."""
    machine = boot_rounds(interrupts)
    machine.run(insns=13 * interrupts // 10)  # a round trip is 13 instructions
    before = peak_mib(STATUS.read_text())
    machine.run()
    return peak_mib(STATUS.read_text()) - before


def memory(options: argparse.Namespace) -> Iterator[Row]:
    name = f"memory growth, {options.interrupts:,} interrupts"
    if not STATUS.exists():
        for what in ("peak memory, 16 MiB guest", name):
            yield missing(what, "", "", f"this system has no {STATUS}")
        return
    done = subprocess.run([sys.executable, "-c", HELLO], capture_output=True, text=True, check=True)
    peak = peak_mib(done.stderr)
    yield Row("peak memory, 16 MiB guest", f"{peak:.0f} MiB", "limit 150 MiB", peak / 150, "below 1", peak < 150)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        grown = pool.submit(growth, options.interrupts).result()
    yield Row(name, f"{grown:.2f} MiB", "none at all", None, "below 1 MiB", grown < 1)


# ---- the report ----


SECTIONS = {
    "interrupts": round_trips,
    "recording": recording,
    "exporting": exporting,
    "scenarios": scenarios,
    "stimuli": stimuli,
    "gear": precise_gear,
    "fast": fast_gear,
    "loops": bench_qemu.rows,
    "idle": idle_vcpus,
    "start": start_to_exit,
    "memory": memory,
    "snapshots": snapshots,
    "explorations": explorations,
    "diagnosing": diagnosing,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="the rows as JSON")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="these measurements only; repeatable")
    parser.add_argument("--interrupts", type=int, default=1_000_000, metavar="N", help="for memory growth (1000000)")
    options = parser.parse_args(arguments)
    rows = [row for name in options.only or SECTIONS for row in SECTIONS[name](options)]
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        show(rows)
    return 0


def show(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "here", "compared with", "ratio", "aim", "")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        verdict = "" if row.met is None else "met" if row.met else "MISSED"
        table.add_row(row.what, row.value, row.against, ratio, row.target, verdict)
    console = Console()
    console.print(table) if console.is_terminal else Console(width=140).print(table)


if __name__ == "__main__":
    sys.exit(main())
