"""Guests for several vCPUs, written once for both architectures, and booting them.

Every vCPU comes to `worker` with its index in register 0: the first starts the others by PSCI (DEN0022 5.6) until there
is none left. W(n) is register n for 32 bits, X(n) for an address.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from vmm.machine.config import Config
from vmm.machine.machine import Machine
from vmm.toolchain import assemble

ARCHITECTURES = ("arm64", "arm")
CPUS = {"arm64": "cortex-a57", "arm": "cortex-a15"}

PRELUDE = """
#ifdef __aarch64__
#define X(n) x##n
#define W(n) w##n
#define CPU_ON 0xC4000003
#define LDXR(value, at) ldxr w##value, [x##at]
#define STXR(failed, value, at) stxr w##failed, w##value, [x##at]
#define TIME(n) isb; mrs x##n, cntvct_el0
#define CODE_WRITTEN(at) dc cvau, x##at; dsb ish; ic ivau, x##at; dsb ish; isb
#define PAGE_MOVED(at) dsb ishst; lsr x12, x##at, #12; tlbi vae1is, x12; dsb ish; isb
#else
    .syntax unified
    .arch_extension virt
#define X(n) r##n
#define W(n) r##n
#define CPU_ON 0x84000003
#define LDXR(value, at) ldrex r##value, [r##at]
#define STXR(failed, value, at) strex r##failed, r##value, [r##at]
#define TIME(n) isb; mrrc p15, 1, r##n, r12, c14
#define CODE_WRITTEN(at) mcr p15, 0, r##at, c7, c11, 1; dsb ish; mcr p15, 0, r##at, c7, c5, 1; dsb ish; isb
#define PAGE_MOVED(at) dsb ishst; mcr p15, 0, r##at, c8, c3, 1; dsb ish; isb
#endif
#define GET(n, name) ldr X(n), =name; ldr W(n), [X(n)]
#define AWAIT(name) 888: GET(12, name); cmp W(12), #0; beq 888b; dmb sy; isb
#define SET(name) dmb sy; ldr X(12), =name; mov W(11), #1; str W(11), [X(12)]

    .globl _start
_start:
    mov     W(10), #1
next_cpu:
    ldr     W(0), =CPU_ON
    mov     W(1), W(10)
    ldr     X(2), =worker
    mov     W(3), W(10)
    hvc     #0
    cmp     W(0), #0
    bne     all_started
    add     W(10), W(10), #1
    b       next_cpu
all_started:
    mov     W(0), #0
"""

VARIABLES = """
    .data
    .balign 64
    .globl variables
variables:
"""

WORKERS = {
    "spin": ("worker: b worker", ()),
    "sleep": ("worker: cmp W(0), #0; beq awake; asleep: wfi; b asleep; awake: b awake", ()),
    "meet": ("worker: cmp W(0), #1; beq second; spin: b spin; second: nop; b spin", ()),
    # each vCPU adds ROUNDS by exclusives; then all wait
    "exclusive": (
        """
        worker:
            ldr     W(4), =500
            ldr     X(5), =counter
        again:
            LDXR(1, 5)
            add     W(1), W(1), #1
            STXR(2, 1, 5)
            cmp     W(2), #0
            bne     again
            subs    W(4), W(4), #1
            bne     again
            ldr     X(5), =done
        finish:
            LDXR(1, 5)
            add     W(1), W(1), #1
            STXR(2, 1, 5)
            cmp     W(2), #0
            bne     finish
        forever: wfi
            b       forever
        """,
        ("counter", "done"),
    ),
    # the same without exclusives, without end, and who came last
    "race": (
        """
        worker:
            ldr     X(5), =counter
            ldr     X(6), =last
        again:
            ldr     W(1), [X(5)]
            add     W(1), W(1), #1
            str     W(1), [X(5)]
            str     W(0), [X(6)]
            b       again
        """,
        ("counter", "last"),
    ),
    # each looks at the counter and at what any other saw before; never less
    "time": (
        """
        worker:
            ldr     X(5), =latest
            ldr     X(6), =backwards
            ldr     X(7), =looks
        again:
            LDXR(1, 5)
            TIME(2)
            STXR(3, 2, 5)
            cmp     W(3), #0
            bne     again
            cmp     W(2), W(1)
            bhs     later
            str     W(2), [X(6)]
        later:
            ldr     W(1), [X(7)]
            add     W(1), W(1), #1
            str     W(1), [X(7)]
            b       again
        """,
        ("latest", "backwards", "looks"),
    ),
    # the second writes another value and the first one again between the first's load and store
    "aba": (
        """
        worker:
            ldr     X(5), =cell
            cmp     W(0), #0
            bne     meddle
            LDXR(1, 5)
            SET(loaded)
            AWAIT(meddled)
            mov     W(3), #5
            STXR(2, 3, 5)
            ldr     X(6), =failed
            str     W(2), [X(6)]
            SET(end)
            b       spin
        meddle:
            AWAIT(loaded)
            ldr     W(1), [X(5)]
            add     W(2), W(1), #1
            str     W(2), [X(5)]
            str     W(1), [X(5)]
            SET(meddled)
        spin: b     spin
        """,
        ("cell", "loaded", "meddled", "failed", "end"),
    ),
    # the second calls what the first overwrites
    "patch": (
        """
        worker:
            cmp     W(0), #0
            beq     writer
            bl      patched
            ldr     X(5), =before
            str     W(4), [X(5)]
            SET(called)
            AWAIT(written)
            bl      patched
            ldr     X(5), =after
            str     W(4), [X(5)]
            SET(end)
            b       spin
        writer:
            AWAIT(called)
            ldr     X(5), =patched
            ldr     X(6), =other
            ldr     W(1), [X(6)]
            str     W(1), [X(5)]
            CODE_WRITTEN(5)
            SET(written)
        spin: b     spin
        patched:
            mov     W(4), #1
            bx_lr
        other:
            mov     W(4), #2
        """,
        ("before", "called", "written", "after", "end"),
    ),
    # both translate; the first maps the page at 80000000h elsewhere after the second has read it
    "remap": (
        """
        worker:
            ldr     X(5), =table
        #ifdef __aarch64__
            msr     ttbr0_el1, x5
            ldr     x1, =0x803519
            msr     tcr_el1, x1
            mrs     x1, sctlr_el1
            orr     x1, x1, #1
            isb
            msr     sctlr_el1, x1
        #else
            mcr     p15, 0, r5, c2, c0, 0
            mov     r1, #1
            mcr     p15, 0, r1, c3, c0, 0
            mrc     p15, 0, r1, c1, c0, 0
            orr     r1, r1, #1
            isb
            mcr     p15, 0, r1, c1, c0, 0
        #endif
            isb
            ldr     X(7), =0x80000000
            cmp     W(0), #0
            beq     mapper
            ldr     W(1), [X(7)]
            ldr     X(6), =before
            str     W(1), [X(6)]
            SET(looked)
            AWAIT(mapped)
            ldr     W(1), [X(7)]
            ldr     X(6), =after
            str     W(1), [X(6)]
            SET(end)
            b       spin
        mapper:
            AWAIT(looked)
        #ifdef __aarch64__
            ldr     x6, =high
            ldr     x1, =0x40400401
            str     x1, [x6]
        #else
            ldr     r6, =table+4*0x800
            ldr     r1, =0x40400c02
            str     r1, [r6]
        #endif
            PAGE_MOVED(7)
            SET(mapped)
        spin: b     spin
            .data
            .balign 0x4000
        #ifdef __aarch64__
        table:                          // 1 GiB each: devices, RAM, and a table of 2 MiB blocks
            .quad 0x401, 0x40000401, high+3
            .balign 0x1000
        high: .quad 0x40200401
            .balign 0x1000
        #else
        table:                          // 1 MiB each
            .fill 0x400, 4, 0
            .word 0x40000c02
            .fill 0x3ff, 4, 0
            .word 0x40200c02
            .balign 0x4000
        #endif
        """,
        ("before", "looked", "mapped", "after", "end"),
    ),
}
"""Code behind `worker`, and its words of memory, all 0 at first."""


@cache
def image(name: str, architecture: str) -> Path:
    """The guest's ELF file."""
    code, variables = WORKERS[name]
    returning = "br x30" if architecture == "arm64" else "bx lr"
    lines = [PRELUDE, code.replace("bx_lr", returning), "    .ltorg", VARIABLES]
    lines += [f"    .globl {variable}\n{variable}: .quad 0" for variable in variables]
    directory = Path(tempfile.mkdtemp(prefix="vmm-smp-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    source = directory / f"{name}.S"
    source.write_text("\n".join(lines).replace("        #", "#") + "\n")
    return assemble(source, arch=architecture, out=directory / f"{name}.elf")


def machine(name: str, architecture: str, *, smp: int = 2, quantum: int = 100, **options: Any) -> Machine:
    """Booted, not yet run."""
    board = f"virt,quantum={quantum}"
    config: dict[str, Any] = {"board": board, "cpu": CPUS[architecture], "smp": smp, **options}
    built = Machine(Config(**config))
    built.load(image(name, architecture))
    return built


def run_until_started(built: Machine) -> None:
    """Until the first vCPU has started all others."""
    assert built.run(until="all_started", insns=10_000).reason == "breakpoint"
