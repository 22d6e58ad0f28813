"""The product and the model in models/x86_delivery.py enter the same handler with the same frame (rules 4-7).

Gates, descriptors, stacks and the TSS are random, sound more often than not; the event is an injected external
interrupt or an instruction that traps or faults. All segments lie where a frame can hurt neither tables nor code, and
every handler is a jump to itself.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from models.x86_delivery import CODE, VM, Cpu, Event, Mode, Segment, deliver_with_nesting

from x86.bare_x86 import BareX86

MEMORY_BYTES, FRAMES_END = 0x28000, 0x20000
IDT, GDT, LDT, TSS = 0x20000, 0x22000, 0x22800, 0x23000
SOURCE, SPIN, SPIN_BYTES = 0x2000, b"\xeb\xfe", 0x4000
SPIN_AREAS = (0x4000, 0x14000, 0x24000)
ENTRY_OFFSETS = (0x4000, 0x5002, 0x7FFE, 0x14000)

SOUND_CODE, SOUND_STACK, SOUND_CODE64, DOWN_STACK, SHARED_CODE = 0x08, 0x10, 0x18, 0x20, 0x50
RANDOM_SLOTS = range(5, 10)
SOUND_IST = 6
VECTORS = (0x20, 0x80, 0xFF, 2, 6, 13)
INSTRUCTION_VECTORS, NESTED_FAULTS = (0, 3, 4, 6), (8, 10, 11, 12, 13)
NOT_CANONICAL = 1 << 47

SOUND_SEGMENTS = {
    SOUND_CODE: 0x00419B00_00003FFF,
    SOUND_STACK: 0x004F9300_0000FFFF,
    SOUND_CODE64: 0x00AF9B00_0000FFFF,
    DOWN_STACK: 0x00009700_00009FF8,
    SHARED_CODE: 0x00409F00_0000FFFF,
}
"""Ring 0, base 0. The limits are near misses: code ends just below the last entry offset, the stack that expands down
begins where the last doubleword of a frame from A00Ch would lie."""
CONFORMING_CODE64 = 0x00AF9F00_0000FFFF

EXAMPLES = settings(
    max_examples=250, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


# Strategies are kept: to make and check each anew for every draw took most of the time.


@cache
def mostly(sound: SearchStrategy[int], odd: SearchStrategy[int], chance: int = 4) -> SearchStrategy[int]:
    """`sound` `chance` times out of chance + 1."""
    return st.integers(0, chance).flatmap(lambda n: sound if n else odd)


@cache
def pick(*values: int) -> SearchStrategy[int]:
    return st.sampled_from(values)


@cache
@st.composite
def descriptors(draw: DrawFn) -> int:
    """Eight bytes of a code, data or system descriptor whose segment stays clear of the tables."""
    kind = draw(mostly(pick(*range(0x11, 0x20, 2)), pick(*range(16))))
    attributes = kind << 8 | draw(pick(0, 0, 1, 2, 3)) << 13 | draw(pick(1, 1, 1, 0)) << 15 | draw(pick(0, 1, 2)) << 21
    expands_down = kind & 0x1C == 0x14
    if expands_down:
        attributes &= ~(1 << 22)
    limit = draw(pick(0xFFFF, 0x8FF0, 0x5001) if not attributes >> 22 & 1 else pick(0xFFFF, 0x8FF0, 0x1F7FF))
    if expands_down:
        limit = draw(pick(0, 0x7FFF, 0x9FF8))
    base = draw(pick(0, 0x10000) if attributes & CODE else pick(0, 0x1000))
    return limit & 0xFFFF | base << 16 | (attributes | limit & 0xF0000) << 32


@cache
def selectors(sound: int) -> SearchStrategy[int]:
    odd = st.builds(
        lambda slot, table, rpl: slot << 3 | table << 2 | rpl,
        pick(0, *range(1, 12), *(sound >> 3,) * 6),
        pick(0, 0, 1),
        pick(0, 0, 0, 3, 1),
    )
    return mostly(pick(sound), odd, chance=2)


def gate(kind: int, selector: int, offset: int, ist: int = 0) -> int:
    return offset & 0xFFFF | selector << 16 | ist << 32 | kind << 40 | offset >> 16 << 48


GATE_TYPES: dict[Mode, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "protected": ((0xE, 0xF, 0x6, 0x7), (0x0, 0x2, 0xC, 0x9, 0x1E)),
    "long": ((0xE, 0xF), (0x5, 0x6, 0x1E)),
}
"""Interrupt and trap gates, and what is none; a task gate is none in long mode and not the model's elsewhere."""


@cache
@st.composite
def gates(draw: DrawFn, mode: Mode) -> int:
    sound, odd = GATE_TYPES[mode]
    kind = draw(mostly(pick(*sound), pick(*odd), chance=12))
    kind |= draw(pick(3, 3, 3, 0, 1)) << 5 | draw(pick(1, 1, 1, 1, 1, 1, 0)) << 7
    offset = draw(pick(*ENTRY_OFFSETS))
    if mode == "protected":
        return gate(kind, draw(selectors(SOUND_CODE)), offset)
    value = gate(kind, draw(selectors(SOUND_CODE64)), offset, draw(pick(0, 0, 1, 7)))
    return value | draw(pick(0, 0, 0, 0, 0, NOT_CANONICAL)) >> 32 << 64


@cache
def fault_gates(mode: Mode) -> SearchStrategy[int]:
    """Mostly a handler that needs no stack of its own in the TSS, so that the frame of the fault can be looked at."""
    ist = SOUND_IST if mode == "long" else 0
    return mostly(pick(gate(0x8E, SHARED_CODE, ENTRY_OFFSETS[0], ist)), gates(mode), chance=2)


def blank_memory() -> bytearray:
    memory = bytearray(MEMORY_BYTES)
    for area in SPIN_AREAS:
        memory[area : area + SPIN_BYTES] = SPIN * (SPIN_BYTES // len(SPIN))
    return memory


def put(memory: bytearray, at: int, value: int, size: int) -> None:
    memory[at : at + size] = value.to_bytes(size, "little")


def fill_tables(draw: DrawFn, memory: bytearray, mode: Mode, vectors: tuple[int, ...]) -> None:
    sound = SOUND_SEGMENTS | ({SHARED_CODE: CONFORMING_CODE64} if mode == "long" else {})
    for selector, descriptor in sound.items():
        put(memory, GDT + selector, descriptor, 8)
    for slot in RANDOM_SLOTS:
        put(memory, GDT + slot * 8, draw(descriptors()), 8)
    for slot in range(1, 4):
        put(memory, LDT + slot * 8, draw(descriptors()), 8)
    size = 16 if mode == "long" else 8
    for vector in vectors:
        strategy = fault_gates(mode) if vector in NESTED_FAULTS else gates(mode)
        put(memory, IDT + vector * size, draw(strategy), size)


def draw_flags(draw: DrawFn, *, interrupts: bool) -> int:
    """IF as needed; IOPL, NT, AC, OF and the arithmetic flags at random. Bit 1 is always set."""
    return 2 | draw(st.integers(0, 0xFFFFF)) & 0x47CD5 & ~0x100 | (0x200 if interrupts else draw(pick(0, 0x200)))


@cache
@st.composite
def events(draw: DrawFn, *, mode: Mode, user: bool, code64: bool) -> tuple[Event, bytes, int]:
    """The event, the instruction at the source, and the flags it needs. Of the registers only CL counts: it is 0."""
    vector = draw(pick(*VECTORS))
    choices: list[tuple[Event, bytes, int]] = [
        (Event(vector, "external"), SPIN, 0x200),
        (Event(vector, "int n", length=2), bytes((0xCD, vector)), 0),
        (Event(3, "int3", length=1), b"\xcc", 0),
        (Event(3, "int n", length=2), b"\xcd\x03", 0),
        (Event(6, "exception"), b"\x0f\x0b", 0),
        (Event(0, "exception"), b"\xf6\xf1", 0),
    ]
    if not code64:
        choices.append((Event(4, "into", length=1), b"\xce", 0x800))
    if user and mode != "real":
        choices.append((Event(13, "exception", error=0), b"\xf4", 0))
    return draw(st.sampled_from(choices))


Case = tuple[Cpu, Event]


@st.composite
def real_mode(draw: DrawFn) -> Case:
    event, instruction, flags = draw(events(mode="real", user=False, code64=False))
    memory = blank_memory()
    for vector in range(256):
        put(memory, IDT + vector * 4, 0x0400_0000 | (vector * 2 & 0xFFF), 4)
    memory[SOURCE : SOURCE + len(instruction)] = instruction
    stack = draw(pick(0, 0x40, 0x7F))
    segments = {name: Segment(0, 0, 0xFFFF, 0x9300) for name in ("es", "ds", "fs", "gs")}
    segments |= {
        "cs": Segment(0x100, 0x1000, 0xFFFF, 0x9B00),
        "ss": Segment(stack, stack << 4, 0xFFFF, 0x9300),
        "idtr": Segment(0, IDT, draw(pick(0x3FF, 0x3FF, 0x1FF, 0x83, 0x82, 0x37, 0x36, 0x1B))),
        "gdtr": Segment(0, GDT, 0xFFFF),
        "ldtr": Segment(0, 0, 0xFFFF, 0x8200),
        "tr": Segment(0, 0, 0xFFFF, 0x8B00),
    }
    flags |= draw_flags(draw, interrupts=bool(flags & 0x200)) & 0xFFFF
    return Cpu(
        "real", 0, SOURCE - 0x1000, draw(pick(0x9000, 0x9000, 0x8001, 0, 2, 4, 1, 3, 5)), flags, memory, segments
    ), event


def tables(draw: DrawFn, *, task: int, task_limits: tuple[int, ...], idt_limit: int) -> dict[str, Segment]:
    ldt = draw(pick(0x8200, 0x8200, 0x0200))
    return {
        "gdtr": Segment(0, GDT, draw(pick(0x57, 0x57, 0x57, 0x57, 0x2F, 0x1E))),
        "ldtr": Segment(0x60 if ldt & 0x8000 else 0, LDT, draw(pick(0x1F, 0x0F, 0x0E)), ldt),
        "idtr": Segment(0, IDT, draw(pick(*(idt_limit,) * 8, 0x1FF, 0x7F))),
        "tr": Segment(0x58, TSS, draw(mostly(pick(task_limits[0]), pick(*task_limits))), task),
    }


@st.composite
def protected_mode(draw: DrawFn) -> Case:
    virtual = draw(st.booleans())
    cpl = 3 if virtual else draw(pick(0, 3))
    event, instruction, flags = draw(events(mode="protected", user=cpl == 3, code64=False))
    memory = blank_memory()
    fill_tables(draw, memory, "protected", tuple({*INSTRUCTION_VECTORS, *NESTED_FAULTS, event.vector}))
    memory[SOURCE : SOURCE + len(instruction)] = instruction
    wide = draw(pick(1, 1, 0))
    pointer = 4 if wide else 2
    for ring in range(3):
        at = TSS + ring * 2 * pointer + pointer
        put(memory, at, draw(mostly(pick(0x9000, 0x9FF2, 0xA001, 0xA00C), pick(4, 0x20, 0x9010))), pointer)
        put(memory, at + pointer, draw(mostly(selectors(SOUND_STACK), pick(DOWN_STACK))), 2)
    segments = tables(draw, task=0x8B00 if wide else 0x8300, task_limits=(0x67, 0x2B, 9, 8, 5, 4), idt_limit=0x7FF)
    flags |= draw_flags(draw, interrupts=bool(flags & 0x200))
    if virtual:
        flags |= VM
        for name, selector in (("cs", 0x100), ("ss", 0x40), ("ds", 0x11), ("es", 0x22), ("fs", 0x33), ("gs", 0x44)):
            segments[name] = Segment(selector, selector << 4, 0xFFFF, 0xF300)
        return Cpu("protected", 3, SOURCE - 0x1000, draw(pick(0x9000, 0x9002, 0x8001)), flags, memory, segments), event
    rights = cpl << 13
    data = Segment(0x20 | cpl, 0, 0xFFFFF, 0x409300 | rights)
    segments |= dict.fromkeys(("ds", "es", "fs", "gs"), data)
    segments["cs"] = Segment(0x30 | cpl, 0, 0xFFFF, draw(pick(0x409B00, 0x009B00)) | rights)
    big = draw(pick(1, 1, 0))
    segments["ss"] = replace(
        data,
        base=draw(pick(0, 0x1000)),
        limit=draw(pick(0x1F7FF, 0x8FFF) if big else pick(0xFFFF, 0x8FFF)),
        attributes=0x9300 | big << 22 | rights,
    )
    return Cpu(
        "protected",
        cpl,
        SOURCE,
        draw(mostly(pick(0x9000), pick(0x9002, 0x8FF6, 4, 8, 0x10))),
        flags,
        memory,
        segments,
    ), event


@st.composite
def long_mode(draw: DrawFn) -> Case:
    cpl, code64 = draw(pick(0, 3)), draw(st.booleans())
    event, instruction, flags = draw(events(mode="long", user=cpl == 3, code64=code64))
    memory = blank_memory()
    fill_tables(draw, memory, "long", tuple({*INSTRUCTION_VECTORS, *NESTED_FAULTS, event.vector}))
    memory[SOURCE : SOURCE + len(instruction)] = instruction
    for at in (*range(4, 28, 8), *range(36, 92, 8)):
        put(memory, TSS + at, draw(mostly(pick(0x9000, 0xA008, 0xB003), pick(NOT_CANONICAL), chance=8)), 8)
    put(memory, TSS + 28 + 8 * SOUND_IST, 0xC000, 8)
    rights = cpl << 13
    segments = tables(draw, task=0x8B00, task_limits=(0x67, 0x5B, 0x5A, 0x2B, 0x2A, 0x0B, 0x0A), idt_limit=0xFFF)
    data = Segment(0x20 | cpl, 0, 0xFFFFFFFF, 0xC09300 | rights)
    segments |= dict.fromkeys(("ds", "es", "fs", "gs", "ss"), data)
    segments["cs"] = Segment(0x30 | cpl, 0, 0xFFFFFFFF, (0xA09B00 if code64 else 0xC09B00) | rights)
    sp = draw(pick(0x9000, 0x9008, 0x900B, *((NOT_CANONICAL,) if code64 else ())))
    flags |= draw_flags(draw, interrupts=bool(flags & 0x200))
    return Cpu("long", cpl, SOURCE, sp, flags, memory, segments), event


def check(case: Case) -> None:
    before, event = case
    expected = deliver_with_nesting(before, event)
    bench = BareX86(before)
    got = bench.run(event)
    tried = [(each.vector, each.error) for each in expected.chain]
    if expected.cpu is None:
        assert got is None, f"the model shuts down: {tried}"
        assert bench.chain() == tried
        return
    assert got is not None, f"the product shuts down: {bench.chain()}, the model delivers {tried}"
    assert summary(got, expected.cpu) == summary(expected.cpu, expected.cpu), f"after {tried}"
    assert got.memory[:FRAMES_END] == expected.cpu.memory[:FRAMES_END], differences(got, expected.cpu)


def summary(cpu: Cpu, model: Cpu) -> dict[str, object]:
    """What a delivery decides; of a null SS and of real mode's attributes the hidden part means nothing."""
    shown: dict[str, object] = {
        "ip": hex(cpu.ip),
        "sp": hex(cpu.sp),
        "cpl": cpu.cpl,
        "flags": hex(cpu.flags),
        "selectors": {name: cpu.segments[name].selector for name in ("cs", "ss", "ds", "es", "fs", "gs")},
        "cs base": cpu.segments["cs"].base,
    }
    if model.mode == "protected":
        shown["hidden"] = [
            (part.base, part.limit, hex(part.attributes)) for part in (cpu.segments["cs"], cpu.segments["ss"])
        ]
    return shown


def differences(got: Cpu, model: Cpu) -> str:
    found = [
        f"{at:#x}: product {got.memory[at]:02x}, model {model.memory[at]:02x}"
        for at in range(FRAMES_END)
        if got.memory[at] != model.memory[at]
    ]
    return "; ".join(found[:16])


@pytest.mark.slow
@EXAMPLES
@given(real_mode())
def test_real_mode_agrees_with_the_model(case: Case) -> None:
    check(case)


@pytest.mark.slow
@EXAMPLES
@given(protected_mode())
def test_protected_and_virtual_8086_mode_agree_with_the_model(case: Case) -> None:
    check(case)


@pytest.mark.slow
@EXAMPLES
@given(long_mode())
def test_long_mode_agrees_with_the_model(case: Case) -> None:
    check(case)
