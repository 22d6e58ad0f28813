"""The benchmark's rows for ARM: round trips of SGIs, and either gear on A64 code."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from bench_bare import EmptyHook
from bench_baseline_arm import PythonArm
from bench_rows import RATE, REPEATS, Row, compared, missing
from bench_runs import GEAR, Loop, about_to_start, against_empty_hook, rate
from bench_runs import qemu_seconds as timed

from vmm.catalog import resolve
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

ROUNDS, PYTHON_ROUNDS = 200_000, 3_000
"""What the guests count to, and how many of them are enough for Python."""


class Case(NamedTuple):
    """A guest that takes ROUNDS interrupts, one that only starts and ends, and QEMU's machine for both."""

    name: str
    guest: str
    hello: str
    qemu: str
    machine: str
    cpu: str
    aim: float
    """Of QEMU's rate."""


CASES = (
    Case("SGI round trip, arm64, GICv2", "arm64/isr_bench", "arm64/hello", "qemu-system-aarch64", "virt,gic-version=2",
         "cortex-a57", 3.5),
    Case("SGI round trip, arm64, GICv3", "arm64/isr_bench_v3", "arm64/hello", "qemu-system-aarch64",
         "virt,gic-version=3", "cortex-a57", 3.5),
    Case("SGI round trip, arm, GICv2", "arm/isr_bench", "arm/hello", "qemu-system-arm", "virt,gic-version=2",
         "cortex-a15", 3),
)  # fmt: skip

# A64 code that counts W0 down to 0 and waits, as words so that no assembler is needed.
ALU = (
    0x0B020021,  # again: add w1, w1, w2
    0x4A010063,  # eor w3, w3, w1
    0x13817C21,  # ror w1, w1, #31
    0x0B010084,  # add w4, w4, w1
    0x71000400, 0x54FFFF61,  # subs w0, w0, #1; b.ne again
    0xD503207F,  # wfi
)  # fmt: skip
BRANCHY = (
    0x5289CDA5, 0x72A838C5,  # movz w5, #4e6dh; movk w5, #41c6h, lsl #16
    0x10FFFFC7, 0x914400E7, 0x927CECE7,  # adr x7, .-8; add x7, x7, #100000h; and x7, x7, #~15, for SP is aligned
    0x910000FF,  # mov sp, x7
    0x1B057C21,  # again: mul w1, w1, w5
    0x11400C21,  # add w1, w1, #3000h
    0x53107C22, 0x121E2442,  # lsr w2, w1, #16; and w2, w2, #0ffch
    0xB86268E3,  # ldr w3, [x7, x2]
    0x0B010063,  # add w3, w3, w1
    0xB82268E3,  # str w3, [x7, x2]
    0x37400043,  # tbnz w3, #8, odd
    0x94000004,  # bl work
    0x71000400, 0x54FFFEC1,  # odd: subs w0, w0, #1; b.ne again
    0xD503207F,  # wfi
    0xF81F0FE3, 0xF84107E3, 0xD65F03C0,  # work: str x3, [sp, #-16]!; ldr x3, [sp], #16; ret
)  # fmt: skip
CODE, RAM = 0x40100000, 16 * MIB


def qemu_seconds(case: Case, guest: str) -> float:
    """Start-up included."""
    return timed(resolve(guest), program=case.qemu, board=("-M", case.machine, "-cpu", case.cpu))


def python_rate(guest: str) -> float:
    return PythonArm(resolve(guest).read_bytes()).rate(PYTHON_ROUNDS)


def round_trips() -> Iterator[Row]:
    for case in CASES:
        here, python, taking, starting = [], [], [], []
        for _repeat in range(REPEATS):  # in turns, so that all meet the same neighbours
            here.append(rate(about_to_start(case.guest)))
            python.append(python_rate(case.guest))
            if shutil.which(case.qemu):
                taking.append(qemu_seconds(case, case.guest))
                starting.append(qemu_seconds(case, case.hello))
        value = statistics.median(here)
        yield compared(case.name, value, "the same loop in plain Python", statistics.median(python), 50, RATE)
        if taking:
            there = ROUNDS / (statistics.median(taking) - statistics.median(starting))
            yield compared(case.name, value, "QEMU TCG", there, case.aim, RATE)
        else:
            yield missing(case.name, RATE.format(value), "QEMU TCG", f"{case.qemu} is not installed")


def loop_code(loop: tuple[int, ...], times: int) -> bytes:
    low, high = times & 0xFFFF, times >> 16
    words = (0x52800000 | low << 5, 0x72A00000 | high << 5, *loop)  # movz w0, #low; movk w0, #high, lsl #16
    return b"".join(word.to_bytes(4, "little") for word in words)


LOOPS = {
    "A64 ALU loop": Loop(loop_code(ALU, 4_000_000), 0.7),
    "A64 branchy loop": Loop(loop_code(BRANCHY, 500_000), 0.7),
}
FAST_LOOPS = {
    "fast gear, A64 ALU loop": Loop(loop_code(ALU, 40_000_000), 0.7),
    "fast gear, A64 branchy loop": Loop(loop_code(BRANCHY, 4_000_000), 0.8),
}


def about_to_loop(code: bytes, gear: str = GEAR) -> Machine:
    """A machine that will run the loop and wait."""
    machine = Machine(Config(memory=RAM, board="virt", cpu="cortex-a57", gear=gear))
    machine.memory.write(CODE, code)
    machine.cpu["pc"] = CODE
    return machine


T32 = (
    0x3101, 0x404A, 0xF101, 0x0303,  # again: adds r1, #1; eors r2, r1; add.w r3, r1, #3
    0xE000, 0xBF00,  # b over; nop
    0x3801, 0xD1F7,  # over: subs r0, #1; bne again
    0xBF30,  # wfi
)  # fmt: skip


def about_to_loop_in_t32() -> Machine:
    """A machine that will run the loop and wait."""
    machine = Machine(Config(memory=RAM, board="virt", cpu="cortex-a15"))
    code = CODE + 64
    machine.memory.write(code, b"".join(half.to_bytes(2, "little") for half in T32))
    machine.cpu["cpsr"] = 0x1F3  # SVC mode, T32, interrupts masked
    machine.cpu["r0"] = 20_000_000
    machine.cpu["pc"] = code | 1
    return machine


def precise_gear() -> Iterator[Row]:
    yield from against_empty_hook(LOOPS, partial(about_to_loop, gear="precise"), EmptyHook("arm64"), CODE, RAM)


def fast_gear() -> Iterator[Row]:
    hook = EmptyHook("arm64", kind="BLOCK")
    yield from against_empty_hook(FAST_LOOPS, partial(about_to_loop, gear="fast"), hook, CODE, RAM)
    for case in CASES:
        pairs = [
            [rate(about_to_start(case.guest, gear=gear)) for gear in ("fast", "precise")] for _repeat in range(REPEATS)
        ]
        here, there = (statistics.median(column) for column in zip(*pairs, strict=True))
        yield compared(f"fast gear, {case.name}", here, "the precise gear", there, 1, RATE)
