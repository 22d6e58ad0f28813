"""Two vCPUs that each add one to `n`, in ways that keep them apart or do not. The first does so from `begin` to `end`;
the second begins when the first has come to `begin`, and the first goes on to `over` when the second is done.

A way is a pair: what comes before and behind the addition, of vCPU `me` with `other` beside it; None: one instruction.
"""

from __future__ import annotations

X86 = """
#include "x86/guest.h"
#include "x86/smp.inc"
    GUEST_PROTECTED32
    SMP_START second, 1
    movl    $1, started
begin:
{first}
end:
    nop
    WAIT_FOR done, 1
over:
    POWER_OFF
second:
    WAIT_FOR started, 1
{second}
    movl    $1, done
    cli
1:  hlt
    jmp     1b
    VAR     n
    VAR     started
    VAR     done
    VAR     lock
    VAR     wants, 8
    VAR     last
"""
ARM64 = """
#include "arm64/guest.h"
    GUEST
    ldr     x9, =n
    ldr     x10, =lock
    ldr     x11, =wants
    ldr     x12, =last
    ldr     x13, =started
    ldr     x14, =done
    mov     w15, #1
    CPU_ON  1, second
    str     w15, [x13]
begin:
{first}
end:
    nop
1:  ldr     w0, [x14]
    cbz     w0, 1b
over:
    POWER_OFF
second:
    CPU_ENTRY second_stack
    STACK   second_stack
    ldr     x9, =n
    ldr     x10, =lock
    ldr     x11, =wants
    ldr     x12, =last
    ldr     x13, =started
    ldr     x14, =done
    mov     w15, #1
1:  ldr     w0, [x13]
    cbz     w0, 1b
{second}
    str     w15, [x14]
1:  wfi
    b       1b
    VAR     n
    VAR     started
    VAR     done
    VAR     lock
    VAR     wants, 8
    VAR     last
"""
FRAMES = {"x86": X86, "arm64": ARM64}
OPTIONS = {"x86": {"board": "pc", "smp": 2}, "arm64": {"board": "virt,gic=2,quantum=60", "smp": 2}}
"""An x86 PAUSE gives a turn away; AArch64's YIELD does not, so turns are short there."""

ADDS = {
    "x86": "{load}\n    movl    n, %eax\n{add}\n    incl    %eax\n{store}\n    movl    %eax, n\n",
    "arm64": "{load}\n    ldr     w0, [x9]\n{add}\n    add     w0, w0, #1\n{store}\n    str     w0, [x9]\n",
}
WAYS = {
    "x86": {
        "alone": ("", ""),
        "test_and_set": (
            "1:  pause\n    cmpl    $0, lock\n    jne     1b\n    movl    $1, lock\n", "    movl    $0, lock\n"
        ),
        "exchange": (
            "    jmp     2f\n1:  pause\n2:  movl    $1, %eax\n    xchgl   %eax, lock\n    testl   %eax, %eax\n"
            "    jnz     1b\n",
            "    movl    $0, lock\n",
        ),
        "look_then_want": (
            "1:  pause\n    cmpl    $0, wants+4*{other}\n    jne     1b\n    movl    $1, wants+4*{me}\n",
            "    movl    $0, wants+4*{me}\n",
        ),
        "peterson": (
            "    movl    $1, wants+4*{me}\n    movl    ${other}, last\n    jmp     2f\n1:  pause\n"
            "2:  cmpl    $0, wants+4*{other}\n    je      3f\n    cmpl    ${other}, last\n    je      1b\n3:\n",
            "    movl    $0, wants+4*{me}\n",
        ),
    },
    "arm64": {
        "alone": ("", ""),
        "test_and_set": (
            "1:  ldr     w1, [x10]\n    cbnz    w1, 1b\n    str     w15, [x10]\n", "    str     wzr, [x10]\n"
        ),
        "exchange": (
            "1:  ldaxr   w1, [x10]\n    cbnz    w1, 1b\n    stxr    w2, w15, [x10]\n    cbnz    w2, 1b\n",
            "    stlr    wzr, [x10]\n",
        ),
        "look_then_want": (
            "1:  ldr     w1, [x11, #4*{other}]\n    cbnz    w1, 1b\n    str     w15, [x11, #4*{me}]\n",
            "    str     wzr, [x11, #4*{me}]\n",
        ),
        "peterson": (
            "    str     w15, [x11, #4*{me}]\n    mov     w1, #{other}\n    str     w1, [x12]\n"
            "1:  ldr     w1, [x11, #4*{other}]\n    cbz     w1, 3f\n    ldr     w1, [x12]\n"
            "    cmp     w1, #{other}\n    b.eq    1b\n3:\n",
            "    str     wzr, [x11, #4*{me}]\n",
        ),
    },
}  # fmt: skip
AT_ONCE = {
    "x86": "    lock incl n\n",
    "arm64": "1:  ldxr    w0, [x9]\n    add     w0, w0, #1\n    stxr    w1, w0, [x9]\n    cbnz    w1, 1b\n",
}


def source(architecture: str, way: str) -> str:
    """The guest's. In the first vCPU's part the addition has the labels load, add and store."""
    parts = []
    for me in (0, 1):
        names = {name: f"{name}:" if me == 0 else "" for name in ("load", "add", "store")}
        if way == "at_once":
            parts.append("    nop\n" + AT_ONCE[architecture])
            continue
        before, behind = (text.format(me=me, other=1 - me) for text in WAYS[architecture][way])
        parts.append("    nop\n" + before + ADDS[architecture].format(**names) + behind)
    return FRAMES[architecture].format(first=parts[0], second=parts[1])
