"""The benchmark's rows of plain code: the same image in QEMU, whose time for few rounds is taken off."""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench_rows import REPEATS, Row, missing
from bench_runs import QEMU, qemu_seconds, seconds

from vmm.machine.machine import boot
from vmm.toolchain import assemble


class Case(NamedTuple):
    """Code that is executed so often; how many times QEMU's time it may take."""

    name: str
    body: str
    rounds: int
    most: float


LOOPS = (
    Case("REP MOVSD of 4 KiB", "mov $0x200000, %esi; mov $0x300000, %edi; mov $1024, %ecx; rep movsl", 100_000, 2),
    Case("REP STOSB of 64 bytes", "mov $0x300000, %edi; mov $64, %ecx; rep stosb", 1_000_000, 2),
    Case("REPE CMPSB of 256 bytes", "mov $0x200000, %esi; mov $0x300000, %edi; mov $256, %ecx; repe cmpsb", 300_000, 2),
    Case("loads, stores, branches and a call", """
        imul $0x41c64e6d, %eax, %eax; add $12345, %eax; mov %eax, %edx; shr $16, %edx; and $0xffc, %edx
        mov 0x200000(%edx), %ebx; add %eax, %ebx; mov %ebx, 0x200000(%edx); test $1, %bh; jz 1f; call work; 1:""",
        20_000_000, 1 / 0.6),
)  # fmt: skip
FEW = 10
PROGRAM = """\
#include "x86/guest.h"
        GUEST_PROTECTED32
        cld
        mov $({rounds}), %ebp
begin:  {body}
        dec %ebp
        jnz begin
        POWER_OFF
work:   push %ebx; pop %ebx; ret
"""


def image(loop: Case, rounds: int, scratch: Path) -> Path:
    source = scratch / f"{rounds}.S"
    source.write_text(PROGRAM.format(rounds=rounds, body=loop.body))
    return assemble(source, out=source.with_suffix(".elf"))


def here(image: Path) -> float:
    machine = boot(image, board="pc,pit=off", console=None)
    machine.run(until="begin")
    return seconds(machine)


def rows(_: argparse.Namespace) -> Iterator[Row]:
    for loop in LOOPS:
        with tempfile.TemporaryDirectory() as scratch:
            yield row(loop, Path(scratch))


def row(loop: Case, scratch: Path) -> Row:
    few, many = (image(loop, rounds, scratch) for rounds in (FEW, loop.rounds))
    if not shutil.which(QEMU):
        return missing(loop.name, f"{here(many):.2f} s", "QEMU TCG", f"{QEMU} is not installed")
    runs = [(here(many), qemu_seconds(many), qemu_seconds(few)) for _ in range(REPEATS)]
    ours, theirs, starting = (statistics.median(column) for column in zip(*runs, strict=True))
    theirs -= starting
    ratio, most = ours / theirs, loop.most
    return Row(loop.name, f"{ours:.2f} s", f"QEMU TCG, {theirs:.2f} s", ratio, f"at most {most:.3g}", ratio <= most)
