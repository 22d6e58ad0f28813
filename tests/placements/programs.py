"""Small random programs with two small random handlers: as assembly for each architecture, and as a model.

An instruction is a tuple. Registers 0 to 3 are a program's own, which every handler saves; register 4 nobody saves, so
that what a handler leaves there is seen. A handler runs with interrupts masked and cannot be interrupted.

    ("set", register, number)  ("load", register, cell)  ("store", register, cell)  ("add", register, register)
    ("bump", register, number)  ("dec", register)  ("loop", instructions back, if the last dec left anything)
    ("mask",)  ("unmask",)  ("nop",)
"""

from __future__ import annotations

import random
from typing import NamedTuple

CELLS = 6
OWN, SHARED = (0, 1, 2, 3), 4
WORD = 1 << 32

Instruction = tuple


class Program(NamedTuple):
    """`start`: what cells hold before it."""

    start: tuple[int, ...]
    body: tuple[Instruction, ...]
    handlers: tuple[tuple[Instruction, ...], tuple[Instruction, ...]]


# ---- made at random ----


def program(seed):
    """Of a number, always the same."""
    chance = random.Random(seed)
    start = tuple(chance.randrange(1, 1000) for _ in range(CELLS))
    body = [("set", register, chance.randrange(100)) for register in (*OWN, SHARED)]
    while len(body) < 16:
        body += chance.choice((_update, _update, _step, _masked, _repeated))(chance)
    return Program(start, (*body, ("nop",)), (_handler(chance), _handler(chance)))


def _step(chance):
    register, cell = chance.choice((*OWN, SHARED)), chance.randrange(CELLS)
    return [
        chance.choice((
            ("load", register, cell), ("store", register, cell), ("add", register, chance.choice((*OWN, SHARED))),
            ("bump", register, chance.randrange(1, 50)), ("nop",),
        ))
    ]  # fmt: skip


def _update(chance):
    register, cell = chance.choice(OWN), chance.randrange(CELLS)
    return [("load", register, cell), *_step(chance), ("store", register, cell)]


def _masked(chance):
    return [("mask",), *_update(chance), ("unmask",)]


def _repeated(chance):
    counter, cell, other = chance.sample(OWN, 2)[0], chance.randrange(CELLS), chance.randrange(CELLS)
    work = next(register for register in OWN if register != counter)
    inner = [("load", work, cell), ("bump", work, 3), ("store", work, other)]
    return [("set", counter, 2), *inner, ("dec", counter), ("loop", len(inner) + 1)]


def _handler(chance):
    body = [("set", register, chance.randrange(100)) for register in OWN]
    for _ in range(chance.randrange(1, 4)):
        body += chance.choice((_update, _step))(chance)
    return tuple(body)


# ---- as a model ----


class State:
    """Cells and registers, and one interrupt that may wait."""

    def __init__(self, start):
        self.cells = list(start)
        self.registers = [0] * 5
        self.left = False
        self.masked = self.shadow = False

    def do(self, instruction):
        """One instruction; how far to go from it."""
        name, *arguments = instruction
        return getattr(self, f"_{name}")(*arguments) or 1

    def _set(self, register, number):
        self.registers[register] = number

    def _load(self, register, cell):
        self.registers[register] = self.cells[cell]

    def _store(self, register, cell):
        self.cells[cell] = self.registers[register]

    def _add(self, register, other):
        self.registers[register] = (self.registers[register] + self.registers[other]) % WORD

    def _bump(self, register, number):
        self.registers[register] = (self.registers[register] + number) % WORD

    def _dec(self, register):
        self.registers[register] = (self.registers[register] - 1) % WORD
        self.left = self.registers[register] != 0

    def _loop(self, back):
        return -back if self.left else 1

    def _mask(self):
        self.masked = True

    def _unmask(self):
        self.shadow, self.masked = self.masked, False

    def _nop(self):
        pass


def outcome(program, at, which, sti_shadow):
    """The cells at the end, with the handler `which` asked for at the boundary `at` (None: never), and the number of
    boundaries. `sti_shadow`: an unmask lets in nothing before the instruction behind it (SDM 2B STI).
    """
    state, pc, boundary, asked = State(program.start), 0, 0, False
    while pc < len(program.body):
        asked = asked or boundary == at
        if asked and not state.masked and not state.shadow:
            _interrupt(state, program.handlers[which])
            asked, at = False, None
        state.shadow = False
        pc += state.do(program.body[pc])
        state.shadow = state.shadow and sti_shadow
        boundary += 1
    if asked:
        _interrupt(state, program.handlers[which])
    return state.cells, boundary


def checks(undisturbed):
    """That each cell is what it is without an interrupt."""
    return [f"u32 cells+{4 * n} == {value}" for n, value in enumerate(undisturbed)]


def broken(undisturbed, cells):
    """What an exploration says where it ends with these cells."""
    wrong = [check for n, check in enumerate(checks(undisturbed)) if cells[n] != undisturbed[n]]
    return f"{wrong[0]} does not hold" if wrong else ""


def _interrupt(state, handler):
    own, left = [state.registers[register] for register in OWN], state.left
    for instruction in handler:
        state.do(instruction)
    for register, value in zip(OWN, own, strict=True):
        state.registers[register] = value
    state.left = left


# ---- as assembly ----

X86 = {
    "set": "movl ${1}, {0}", "load": "movl cells+4*{1}, {0}", "store": "movl {0}, cells+4*{1}", "add": "addl {1}, {0}",
    "bump": "addl ${1}, {0}", "dec": "decl {0}", "loop": "jnz {0}", "mask": "cli", "unmask": "sti", "nop": "nop",
}  # fmt: skip
ARM64 = {
    "set": "mov {0}, #{1}", "load": "ldr {0}, [x9, #4*{1}]", "store": "str {0}, [x9, #4*{1}]",
    "add": "add {0}, {0}, {1}", "bump": "add {0}, {0}, #{1}", "dec": "subs {0}, {0}, #1",
    "loop": "b.ne {0}", "mask": "msr daifset, #DAIF_I",
    "unmask": "msr daifclr, #DAIF_I", "nop": "nop",
}  # fmt: skip
ARM = {
    **ARM64, "load": "ldr {0}, [r9, #4*{1}]", "store": "str {0}, [r9, #4*{1}]", "loop": "bne {0}",
    "mask": "cpsid i", "unmask": "cpsie i",
}  # fmt: skip
WORDS = {"x86": X86, "arm64": ARM64, "arm": ARM}
REGISTERS = {
    "x86": ("%eax", "%ebx", "%ecx", "%edx", "%esi"), "arm64": ("w0", "w1", "w2", "w3", "w4"),
    "arm": ("r0", "r1", "r2", "r3", "r4"),
}  # fmt: skip

FRAMES = {
    "x86": """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x24, first
    IDT_GATE 0x25, second
    PIC_UNMASK 4
    PIC_UNMASK 5
    sti
    nop
{programs}
    POWER_OFF
first:
    pushal
    PIC_EOI
    jmp *handlers
second:
    pushal
    PIC_EOI
    jmp *handlers+4
done:
    movl %esi, 4(%esp)
    popal
    iret
    VAR cells, 64
    VAR handlers, 8
""",
    "arm64": """
#include "arm64/guest.h"
#include "virt/gicv2.inc"
    GUEST irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    GIC_ENABLE SPI(6)
    ldr x9, =cells
    msr daifclr, #DAIF_I
{programs}
    POWER_OFF
handler:
    IRQ_ENTER
    GIC_ACK x0
    GIC_EOI x0
    sub x0, x0, #SPI(5)
    ldr x1, =handlers
    add x1, x1, x0, lsl #2
    ldr w1, [x1]
    br x1
done:
    IRQ_LEAVE
    VAR cells, 64
    VAR handlers, 8
""",
    "arm": """
#include "arm/guest.h"
#include "virt/gicv2.inc"
    GUEST irq=handler
    GIC_INIT
    GIC_ENABLE SPI(5)
    GIC_ENABLE SPI(6)
    MOV32 r9, cells
    cpsie i
{programs}
    POWER_OFF
handler:
    IRQ_ENTER
    GIC_ACK r0
    GIC_EOI r0
    sub r0, r0, #SPI(5)
    MOV32 r1, handlers
    ldr r1, [r1, r0, lsl #2]
    bx r1
done:
    IRQ_LEAVE
    VAR cells, 64
    VAR handlers, 8
""",
}
PUT = {
    "x86": "    movl ${value}, {where}", "arm64": "    STORE ({where}), ({value})",
    "arm": "    STORE ({where}), ({value})",
}  # fmt: skip
BRANCH = {"x86": "    jmp {0}", "arm64": "    b {0}", "arm": "    b {0}"}


def source(architecture, programs):
    """One guest that runs all of them, one after the other: program n from begin_n to end_n, and over_n behind that."""
    return FRAMES[architecture].format(
        programs="\n".join(line for n, each in enumerate(programs) for line in _lines(architecture, n, each))
    )


def frame_of(architecture, number):
    """What `vmm.explore` is told of one of them."""
    return {
        "board": "pc,pit=off" if architecture == "x86" else "virt,gic=2",
        "inject": ("irq:4", "irq:5") if architecture == "x86" else ("spi:5", "spi:6"),
        "between": (f"begin_{number}", f"end_{number}"), "until": f"over_{number}",
    }  # fmt: skip


def _lines(architecture, number, program):
    put = PUT[architecture].format
    yield from (put(where=f"cells+{4 * n}", value=value) for n, value in enumerate(program.start))
    yield from (put(where=f"handlers+{4 * n}", value=f"handler_{number}_{n}") for n in range(2))
    yield f"begin_{number}:"
    yield from _code(architecture, f"program_{number}", program.body)
    yield from (
        f"end_{number}:",
        "    nop",
        "    nop",
        f"over_{number}:",
        BRANCH[architecture].format(f"next_{number}"),
    )
    for n, body in enumerate(program.handlers):
        yield f"handler_{number}_{n}:"
        yield from _code(architecture, f"handler_{number}_{n}", body)
        yield BRANCH[architecture].format("done")
    yield f"next_{number}:"


def _code(architecture, name, body):
    registers = REGISTERS[architecture]
    targets = {at - each[1] for at, each in enumerate(body) if each[0] == "loop"}
    for at, (word, *arguments) in enumerate(body):
        if at in targets:
            yield f".L{name}_{at}:"
        if word == "loop":
            told = [f".L{name}_{at - arguments[0]}"]
        else:
            told = [registers[each] if n == 0 or word == "add" else each for n, each in enumerate(arguments)]
        yield "    " + WORDS[architecture][word].format(*told)
