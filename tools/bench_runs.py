"""What the benchmark measures runs with: a machine's time to its end, and QEMU's for the same image."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench_bare import EmptyHook
from bench_rows import REPEATS, Row, compared, missing

from vmm.catalog import resolve
from vmm.machine.config import Config
from vmm.machine.machine import Machine, boot

QEMU = "qemu-system-x86_64"
QUIET = ("-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot")
GEAR = Config().gear
"""Which users get."""
PC = ("-device", "pc-testdev", "-device", "isa-debug-exit,iobase=0xf4")


def about_to_start(guest: str, gear: str = GEAR, **options: int) -> Machine:
    """A machine that has started up and is about to begin its first round."""
    machine = boot(guest, gear=gear, **options, console=None)
    machine.run(until="round")
    return machine


def seconds(machine: Machine) -> float:
    """Host time of its run to the end."""
    started = time.perf_counter()
    machine.run()
    return time.perf_counter() - started


def rate(machine: Machine) -> float:
    """Interrupts a second of host time, in its run to the end."""
    taken = seconds(machine)
    return sum(row.delivered for row in machine.trace.interrupts()) / taken


def counting_to(guest: str, usual: int, rounds: int, scratch: Path) -> Path:
    """A copy of the guest's image in `scratch`, with its constant ROUNDS, `usual`, changed to another."""
    old, image = usual.to_bytes(4, "little"), resolve(guest).read_bytes()
    assert image.count(old) >= 1, f"{guest} counts to ROUNDS"
    copy = scratch / f"{rounds}.elf"
    copy.write_bytes(image.replace(old, rounds.to_bytes(4, "little")))
    return copy


def qemu(image: Path, *options: str, accel: str = "tcg", program: str = QEMU, board: Sequence[str] = PC) -> int:
    """Its exit status."""
    command = [program, *QUIET, *board, "-accel", accel, *options, "-kernel", str(image)]
    quiet = subprocess.DEVNULL
    return subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, check=False).returncode


def qemu_seconds(
    image: Path, *options: str, accel: str = "tcg", program: str = QEMU, board: Sequence[str] = PC
) -> float:
    """Start-up included."""
    started = time.perf_counter()
    qemu(image, *options, accel=accel, program=program, board=board)
    return time.perf_counter() - started


class Loop(NamedTuple):
    """Code that ends with HLT or WFI; the speed that is aimed at, of that with an empty hook."""

    code: bytes
    aim: float


def against_empty_hook(
    programs: Mapping[str, Loop], make: Callable[[bytes], Machine], hook: EmptyHook, where: int, ram: int
) -> Iterator[Row]:
    """A row for each program: `make` gives a machine about to run it at `where` in `ram`
    bytes of memory, and `hook` runs it without one."""
    against = f"one empty C {hook.kind} hook"
    for name, (code, aim) in programs.items():
        here, bare = [], []
        for _repeat in range(REPEATS):  # in turns, so that both meet the same neighbours
            machine = make(code)
            taken = seconds(machine)
            here.append(machine.cpu.count / taken / 1e6)
            if hook.found:
                bare.append(machine.cpu.count / hook.seconds(code, where, ram) / 1e6)
        value = statistics.median(here)
        if bare:
            yield compared(name, value, against, statistics.median(bare), aim, "{:.1f} MIPS")
        else:
            yield missing(name, f"{value:.1f} MIPS", against, "no C compiler")
