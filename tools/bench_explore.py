"""Exploration: placements a second, each run to its end and with runs shared, beside a loop over Python's snapshots."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench_rows import RATE, Row, compared, median, missing

import vmm
from vmm.errors import VmmError
from vmm.loaders.image import MIB
from vmm.machine.machine import Machine, explorer_of
from vmm.machine.options import Options
from vmm.placements.bounds import Bounds
from vmm.placements.exploration import Exploration
from vmm.placements.judge import Judge
from vmm.placements.predicate import terms
from vmm.placements.sources import source
from vmm.placements.subject import Subject, Window

BOUNDARIES, WINDOWS, PER_SECOND, LOOPED = 200, 20, 50_000, 200
PRINTED, PRINTING_PER_SECOND = 61, 20_000
LONG = 400_000
"""Boundaries that one process tries in twelve seconds: beside them a worker's half second to begin is little."""
WINDOW, SECONDS = 2000, {1: 1, 2: 10}
"""Boundaries of a window, and in what time all placements of so many interrupts in it are to be tried."""
PAIRS = 3
"""Times that one process and two are compared, in turn: what else the machine does meets both."""
OPTIONS: Options = {"board": "pc,pit=off", "memory": 16 * MIB, "console": None}

# A handler of about 100 instructions that writes ten pages with its stack and counter; 200 boundaries of a loop.
SILENT = f"""
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x24, handler
    PIC_UNMASK 4
    sti
    nop
begin:
    movl    ${BOUNDARIES // 4}, %edi
2:  movl    %edi, spread
    addl    $3, %ebx
    decl    %edi
    jnz     2b
end:
    nop
#ifdef PRINTS
    movl    ${PRINTED}, %ecx
3:  movw    $0x3fd, %dx
4:  inb     %dx, %al
    testb   $0x20, %al
    jz      4b
    movw    $0x3f8, %dx
    movb    $'x', %al
    outb    %al, %dx
    loop    3b
#endif
over:
    POWER_OFF
handler:
    push    %eax
    push    %ecx
    movl    $40, %ecx
1:  addl    %ecx, %eax
    loop    1b
    incl    n
    .set    page, 0
    .rept   8
    movl    %eax, pages + page
    .set    page, page + 0x1000
    .endr
    PIC_EOI 4
    pop     %ecx
    pop     %eax
    iret
    VAR     n
    VAR     spread
    .bss
    .balign 4096
pages: .skip 0x8000
"""
PRINTS = "#define PRINTS\n"

# The same in outline on an ARM board, by its PL011.
ARM_SILENT = f"""
#include "arm64/guest.h"
#include "virt/gicv2.inc"
    GUEST   irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    msr     daifclr, #DAIF_I
begin:
    mov     w10, #{BOUNDARIES // 4}
2:  add     w11, w11, #3
    eor     w11, w11, w10
    subs    w10, w10, #1
    b.ne    2b
end:
    nop
#ifdef PRINTS
    mov     w13, #{PRINTED}
    mov     x14, #0x09000000
3:  ldr     w15, [x14, #0x18]
    tbnz    w15, #5, 3b
    mov     w15, #'x'
    str     w15, [x14]
    subs    w13, w13, #1
    b.ne    3b
#endif
over:
    POWER_OFF
handler:
    IRQ_ENTER
    mov     x5, #40
1:  subs    x5, x5, #1
    b.ne    1b
    GIC_ACK x0
    INCREMENT n
    GIC_EOI x0
    IRQ_LEAVE
    VAR     n
"""
ARM_OPTIONS: Options = {"board": "virt", "memory": 16 * MIB, "console": None}


def by_processes(image: Path, jobs: int) -> float:
    """Placements a second, from beginning to end: what it takes to begin a process is in it."""
    started = time.perf_counter()
    report = vmm.explore(
        image, inject="irq:4", between=("begin", "end"), until="over", check="n == 1", jobs=jobs,
        **OPTIONS,
    )  # fmt: skip
    assert report
    return report.placements / (time.perf_counter() - started)


def seconds(image: Path, depth: int) -> float:
    """From beginning to end."""
    started = time.perf_counter()
    assert vmm.explore(
        image, inject="irq:4", between=("begin", "end"), until="over", check=f"n <= {depth}", depth=depth, **OPTIONS
    )
    return time.perf_counter() - started


def paired(image: Path) -> tuple[float, float]:
    """Of one process and of two, where they differ as they mostly do."""
    pairs = [(by_processes(image, 1), by_processes(image, 2)) for _ in range(PAIRS)]
    return sorted(pairs, key=lambda each: each[1] / each[0])[PAIRS // 2]


def rate(image: Path, reduction: bool, options: Options = OPTIONS, inject: str = "irq:4") -> float:
    """Placements a second of processor time, once the machine stands at the window; each counted as often as it ran."""
    subject = Subject(image, options, Window("begin", "end", "over"))
    sources = [source(inject)]
    machine = subject.boot()
    subject.enter(machine)
    plan = Exploration(subject, sources, ["n == 1"], Bounds(reduction=reduction)).plan(machine, 1_000_000)
    judge = Judge(machine, Bounds(), sources, subject.window, terms("n == 1"), [], 0, plan.patience)
    placements, started = 0, time.process_time()
    for _ in range(WINDOWS):
        plan.over = 0
        rows = [row for chunk in explorer_of(machine, plan, judge).run(lambda: BOUNDARIES) for row in chunk]
        assert not any(row.failing for row in rows)
        placements += len(rows)
    return placements / (time.process_time() - started)


def looped(image: Path) -> float:
    """What a script did before: from a snapshot at each boundary, to the end, and back."""
    machine = vmm.boot(image, **OPTIONS)
    machine.run(until="begin")
    started = time.process_time()
    for _ in range(LOOPED):
        snapshot = machine.snapshot()
        _one(machine)
        machine.restore(snapshot)
        machine.run(insns=1)
    return LOOPED / (time.process_time() - started)


def _one(machine: Machine) -> None:
    machine.irq(4).until_served()
    machine.run(until="over")
    assert machine.u32("n") == 1


def explorations(_: argparse.Namespace) -> Iterator[Row]:
    what = "placements of one interrupt"
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "bench.S"
        image.write_text(SILENT)
        try:
            whole = median(lambda: rate(image, reduction=False))
        except VmmError as error:  # no assembler
            yield missing(what, "-", "exploration", str(error))
            return
        shared = median(lambda: rate(image, reduction=True))
        yield compared(f"{what}, each run to its end", whole, "asked for", PER_SECOND, 1, RATE)
        yield compared(f"{what}, runs shared", shared, "each run to its end", whole, 0, RATE)
        yield compared(
            f"{what}, each run to its end", whole, "a loop in Python", median(lambda: looped(image)), 5, RATE
        )
        image.write_text(SILENT.replace(f"${BOUNDARIES // 4}", f"${WINDOW // 4}"))
        for depth, most in SECONDS.items():
            taken = seconds(image, depth)
            name = f"a window of {WINDOW:,} instructions, {depth} interrupt{'s' * (depth > 1)}"
            yield Row(name, f"{taken:.2f} s", f"asked for, {most} s", taken / most, "below 1", taken < most)
        image.write_text(SILENT.replace(f"${BOUNDARIES // 4}", f"${LONG // 4}"))
        one, two = paired(image)
        yield compared("the same by two processes, a long window", two, "by one", one, 1.8, RATE)
    yield from printing("COM1", SILENT, OPTIONS, "irq:4")
    yield from printing("a PL011", ARM_SILENT, ARM_OPTIONS, "spi:5")


def printing(port: str, text: str, options: Options, inject: str) -> Iterator[Row]:
    """Of a guest that prints a line behind its window: each run to its end, beside the same guest without that line."""
    with tempfile.TemporaryDirectory() as folder:
        silent, prints = Path(folder) / "silent.S", Path(folder) / "prints.S"
        silent.write_text(text)
        prints.write_text(PRINTS + text)
        with_it, without = (median(lambda image=each: rate(image, False, options, inject)) for each in (prints, silent))
    what = f"placements of one interrupt, {PRINTED} characters printed by {port}"
    yield compared(what, with_it, "asked for", PRINTING_PER_SECOND, 1, RATE)
    yield compared(what, with_it, "nothing printed", without, 0, RATE)
