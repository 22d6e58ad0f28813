"""Far CALL and far JMP: direct, through call gates, to inner rings; what each checks, with what vector and code.

Intel SDM vol. 2A CALL and JMP, "Operation": the order of the checks and the error codes; vol. 3A 5.8.3 call gates,
6.14 and figure 7-11 the stacks of a TSS. A fault is at the instruction, in the old ring with the old stack.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from x86.x86_bench import (
    A_CODE32,
    A_CODE64,
    A_DATA32,
    A_NOT_PRESENT,
    A_TSS32,
    CF,
    CODE,
    CONFORMING,
    DATA,
    DB,
    FIXED,
    GP,
    KERNEL_CODE,
    KERNEL_CODE64,
    KERNEL_DATA,
    NOP,
    NP,
    OTHER_TSS,
    OTHER_TSS_SELECTOR,
    PF,
    RING0_STACK,
    SPARE,
    SS,
    STACK,
    TF,
    TS,
    TSS_SELECTOR,
    UD,
    USER_CODE,
    USER_CODE64,
    USER_DATA,
    WHOLE,
    X86Bench,
    le,
)  # fmt: skip

TARGET, POINTER = DATA, 0xF800
BEYOND_GDT, GATE, STACK1 = 0x200, 0xA0, 0xE800
NON_CANONICAL = 1 << 47
CALL_GATE, CALL_GATE16, TASK_GATE = 12, 4, 5
CODE1, DATA1 = A_CODE32 + (1 << 13), A_DATA32 + (1 << 13)


def direct(call: bool, selector: int, offset: int = TARGET) -> bytes:
    return (b"\x9a" if call else b"\xea") + le(offset, 4) + le(selector, 2)


def put_gate(
    bench: X86Bench,
    selector: int,
    *,
    type: int = CALL_GATE,
    dpl: int = 3,
    present: bool = True,
    offset: int = TARGET,
    count: int = 0,
) -> None:
    """A call or task gate at GATE; in long mode 16 bytes."""
    low = (offset & 0xFFFF) | selector << 16
    high = (offset & 0xFFFF0000) | present << 15 | dpl << 13 | type << 8 | count
    upper = le(offset >> 32, 8) if bench.long else b""
    bench.memory.write(0x1000 + GATE, le(low, 4) + le(high, 4) + upper)


def through_memory(bench: X86Bench, call: bool, selector: int, offset: int = TARGET, *, width: int = 4) -> None:
    """CALL or JMP [RBX], which is POINTER."""
    bench.memory.write(POINTER, le(offset, width) + le(selector, 2))
    bench.memory.write(CODE, b"\x48" * (width == 8) + (b"\xff\x1b" if call else b"\xff\x2b"))
    bench.cpu["rbx"] = POINTER


class Fault(NamedTuple):
    vector: int
    error: int


def faulted(bench: X86Bench, ring: int = 0) -> Fault:
    outer = ring == 3
    frame = bench.frame(error=True, outer=outer and not bench.long)
    assert frame.ip == CODE
    assert frame.cs & 3 == ring
    if outer or bench.long:
        assert frame.sp == STACK
    assert frame.error is not None and len(bench.vectors) == 1
    return Fault(bench.vectors[0], frame.error)


# ---- direct ----

SPARE_CODE = {
    "null": (0, None, WHOLE, Fault(GP, 0)),
    "beyond the GDT": (BEYOND_GDT, None, WHOLE, Fault(GP, BEYOND_GDT)),
    "data": (KERNEL_DATA, None, WHOLE, Fault(GP, KERNEL_DATA)),
    "of an outer ring": (USER_CODE & ~3, None, WHOLE, Fault(GP, USER_CODE & ~3)),
    "with an RPL above CPL": (KERNEL_CODE | 3, None, WHOLE, Fault(GP, KERNEL_CODE)),
    "not present": (SPARE, A_CODE32 + A_NOT_PRESENT, WHOLE, Fault(NP, SPARE)),
    "too short": (SPARE, A_CODE32, (TARGET >> 12) - 1, Fault(GP, 0)),
    "an LDT": (SPARE, 0x8200, WHOLE, Fault(GP, SPARE)),
    "a busy TSS": (TSS_SELECTOR, None, WHOLE, Fault(GP, TSS_SELECTOR)),
}


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("call", [False, True])
@pytest.mark.parametrize("name", SPARE_CODE)
def test_code_that_is_wrong(name: str, call: bool, memory: bool) -> None:
    selector, attributes, limit, fault = SPARE_CODE[name]
    bench = X86Bench("protected32", direct(call, selector))
    if attributes is not None:
        bench.descriptor(SPARE, 0, limit, attributes)
    if memory:
        through_memory(bench, call, selector)
    bench.step()
    assert faulted(bench) == fault


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("call", [False, True])
@pytest.mark.parametrize("selector", [KERNEL_CODE, CONFORMING, CONFORMING | 3])
def test_code_that_is_right(selector: int, call: bool, memory: bool) -> None:
    """The CPL stays, and is CS's RPL; CALL pushes CS and the address behind it."""
    bench = X86Bench("protected32", direct(call, selector), flags=CF)
    if memory:
        through_memory(bench, call, selector)
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["cs"], bench.flags) == ([], TARGET, selector & ~3, CF | FIXED)
    assert bench.cpu["rsp"] == STACK - 8 * call
    if call:
        assert bench.stack(2) == [CODE + (2 if memory else 7), KERNEL_CODE]


def test_code_for_64_bits() -> None:
    """m16:64: canonical, pushed as 8 bytes; both L and D set is no code."""
    for call in (False, True):
        bench = X86Bench("long64", NOP)
        through_memory(bench, call, KERNEL_CODE64, width=8)
        bench.step()
        assert (bench.vectors, bench.rip, bench.cpu["rsp"]) == ([], TARGET, STACK - 16 * call)
        for selector, offset, fault in ((KERNEL_CODE64, NON_CANONICAL, (GP, 0)), (SPARE, TARGET, (GP, SPARE))):
            bench = X86Bench("long64", NOP)
            bench.descriptor(SPARE, 0, WHOLE, A_CODE64 | 1 << 22)
            through_memory(bench, call, selector, offset, width=8)
            bench.step()
            assert faulted(bench) == fault


ADDRESSES = {  # ModRM and what follows, for POINTER; the mode, registers
    "[disp32]": ("protected32", "1d" + le(POINTER, 4).hex(), {}),
    "[ebx+esi*4+disp8]": ("protected32", "5cb310", {"rbx": POINTER - 0x410, "rsi": 0x100}),
    "[ebp+disp32]": ("protected32", "9df0ffffff", {"rbp": POINTER + 16}),
    "[esp]": ("protected32", "1c24", {"rsp": POINTER}),
    "[rip+disp32]": ("long64", "1d" + le(POINTER - CODE - 6, 4).hex(), {}),
    "[disp32] by SIB": ("long64", "1c25" + le(POINTER, 4).hex(), {}),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_where_the_pointer_lies(name: str) -> None:
    """SDM vol. 2A tables 2-2 and 2-3, and 2.2.1.6 for what RIP is."""
    mode, rest, registers = ADDRESSES[name]
    bench = X86Bench(mode, b"\xff" + bytes.fromhex(rest), **registers)
    bench.memory.write(POINTER, le(TARGET, 4) + le(KERNEL_CODE64 if mode == "long64" else KERNEL_CODE, 2))
    start = bench.cpu["rsp"]
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["rsp"]) == ([], TARGET, start - 8)


def test_where_a_16_bit_pointer_lies() -> None:
    """SDM vol. 2A table 2-1: [BX+SI+disp8], and a segment's override."""
    bench = X86Bench("protected16", bytes.fromhex("2eff5810"), rbx=POINTER - 0x20, rsi=0x10)
    bench.memory.write(POINTER, le(TARGET, 2) + le(0x40, 2))
    bench.step()
    assert (bench.vectors, bench.rip, bench.stack(2, 2)) == ([], TARGET, [CODE + 4, 0x40])


def test_a_register_is_no_pointer() -> None:
    for modrm in (0xDB, 0xEB):
        bench = X86Bench("protected32", bytes((0xFF, modrm)))
        bench.step()
        assert bench.vectors == [UD]


# ---- gates ----


class Gated(NamedTuple):
    fault: Fault
    change: Callable[[X86Bench], None]


def spare(attributes: int) -> Callable[[X86Bench], None]:
    def change(bench: X86Bench) -> None:
        bench.descriptor(SPARE, 0, WHOLE, attributes)
        put_gate(bench, SPARE)

    return change


GATES = {
    "not present": Gated(Fault(NP, GATE), lambda b: put_gate(b, KERNEL_CODE, present=False)),
    "to null": Gated(Fault(GP, 0), lambda b: put_gate(b, 0)),
    "beyond the GDT": Gated(Fault(GP, BEYOND_GDT), lambda b: put_gate(b, BEYOND_GDT)),
    "to data": Gated(Fault(GP, KERNEL_DATA), lambda b: put_gate(b, KERNEL_DATA)),
    "to an outer ring": Gated(Fault(GP, USER_CODE & ~3), lambda b: put_gate(b, USER_CODE)),
    "to code that is not present": Gated(Fault(NP, SPARE), spare(A_CODE32 + A_NOT_PRESENT)),
    "of no known type": Gated(Fault(GP, GATE), lambda b: put_gate(b, KERNEL_CODE, type=14)),
}


@pytest.mark.parametrize("call", [False, True])
@pytest.mark.parametrize("name", GATES)
def test_a_gate_that_is_wrong(name: str, call: bool) -> None:
    bench = X86Bench("protected32", direct(call, GATE))
    GATES[name].change(bench)
    bench.step()
    assert faulted(bench) == GATES[name].fault


def test_a_gate_of_an_inner_ring() -> None:
    for call in (False, True):
        bench = X86Bench("protected32", direct(call, GATE | 3), ring=3)
        put_gate(bench, KERNEL_CODE, dpl=0)
        bench.step()
        assert faulted(bench, 3) == (GP, GATE)


def test_jmp_reaches_no_inner_ring() -> None:
    bench = X86Bench("protected32", direct(False, GATE | 3), ring=3)
    put_gate(bench, KERNEL_CODE)
    bench.step()
    assert faulted(bench, 3) == (GP, KERNEL_CODE)


@pytest.mark.parametrize(("type", "width"), [(CALL_GATE, 4), (CALL_GATE16, 2)])
def test_call_through_a_gate_of_the_same_ring(type: int, width: int) -> None:
    """The gate's type says how wide the slots are; its offset counts, not the instruction's."""
    bench = X86Bench("protected32", direct(True, GATE, 0x12345678))
    put_gate(bench, KERNEL_CODE, type=type)
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["rsp"]) == ([], TARGET, STACK - 2 * width)
    assert bench.stack(2, width) == [CODE + 7, KERNEL_CODE]


def test_call_to_an_inner_ring_takes_its_stack_and_the_parameters() -> None:
    bench = X86Bench("protected32", direct(True, GATE | 3), ring=3)
    put_gate(bench, KERNEL_CODE, count=3)
    bench.memory.write(STACK, le(0x11, 4) + le(0x22, 4) + le(0x33, 4))
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu.cpl, bench.cpu["cs"]) == ([], TARGET, 0, KERNEL_CODE)
    assert (bench.cpu["ss"], bench.cpu["rsp"]) == (KERNEL_DATA, RING0_STACK - 28)
    assert bench.stack(7) == [CODE + 7, USER_CODE, 0x11, 0x22, 0x33, STACK, USER_DATA]


def test_call_to_an_inner_ring_in_long_mode() -> None:
    """SDM vol. 3A 5.8.3.1, 5.8.5.1: RSPn, a null SS with the new CPL, slots of 8 bytes and no parameters."""
    bench = X86Bench("long64", NOP, ring=3)
    through_memory(bench, True, GATE | 3)
    put_gate(bench, KERNEL_CODE64)
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu.cpl, bench.cpu["ss"]) == ([], TARGET, 0, 0)
    assert bench.cpu["rsp"] == RING0_STACK - 32
    assert bench.stack(4) == [CODE + 2, USER_CODE64, STACK, USER_DATA]
    for offset, selector, fault in ((NON_CANONICAL, KERNEL_CODE64, (GP, 0)), (TARGET, KERNEL_CODE, (GP, KERNEL_CODE))):
        bench = X86Bench("long64", NOP, ring=3)
        through_memory(bench, True, GATE | 3)
        put_gate(bench, selector, offset=offset)
        bench.step()
        assert faulted(bench, 3) == fault


def stack_of_ring_1(selector: int, attributes: int) -> Callable[[X86Bench], None]:
    def change(bench: X86Bench) -> None:
        bench.descriptor(SPARE + 8, 0, WHOLE, attributes)
        bench.tss(16, selector, 2)

    return change


SPARE1 = SPARE + 8
INNER_STACKS = {
    "null": (Fault(TS, 0), stack_of_ring_1(1, DATA1)),
    "beyond the GDT": (Fault(TS, BEYOND_GDT), stack_of_ring_1(BEYOND_GDT | 1, DATA1)),
    "with another RPL": (Fault(TS, SPARE1), stack_of_ring_1(SPARE1 | 3, DATA1)),
    "of another ring": (Fault(TS, KERNEL_DATA), stack_of_ring_1(KERNEL_DATA | 1, DATA1)),
    "read-only": (Fault(TS, SPARE1), stack_of_ring_1(SPARE1 | 1, DATA1 - 0x200)),
    "code": (Fault(TS, SPARE1), stack_of_ring_1(SPARE1 | 1, CODE1)),
    "not present": (Fault(SS, SPARE1), stack_of_ring_1(SPARE1 | 1, DATA1 + A_NOT_PRESENT)),
}


@pytest.mark.parametrize("name", INNER_STACKS)
def test_an_inner_stack_that_is_wrong(name: str) -> None:
    """To ring 1, so that the handler in ring 0 has a stack to tell of it."""
    fault, change = INNER_STACKS[name]
    bench = X86Bench("protected32", direct(True, GATE | 3), ring=3)
    bench.descriptor(SPARE, 0, WHOLE, CODE1)
    bench.tss(12, STACK1, 4)
    put_gate(bench, SPARE)
    change(bench)
    bench.step()
    assert faulted(bench, 3) == fault


def test_an_inner_stack_that_cannot_be_written() -> None:
    bench = X86Bench("paged32", direct(True, GATE | 3), ring=3)
    bench.descriptor(SPARE, 0, WHOLE, CODE1)
    bench.descriptor(SPARE1, 0, WHOLE, DATA1)
    bench.tss(12, 0x20000, 4)
    bench.tss(16, SPARE1 | 1, 2)
    bench.page(0x1F000, 0)
    put_gate(bench, SPARE)
    bench.step()
    assert (faulted(bench, 3), bench.cpu["cr2"]) == ((PF, 2), 0x20000 - 4)


# ---- privilege of the stack ----


def test_ring_3_pushes_with_the_rights_of_ring_3() -> None:
    """SDM vol. 3A 4.6.1: a page of the supervisor's is #PF with U/S, W/R and P, and is not written."""
    bench = X86Bench("paged32", direct(True, USER_CODE), ring=3)
    bench.page(STACK - 8, 3)
    bench.step()
    assert (faulted(bench, 3), bench.cpu["cr2"]) == ((PF, 7), STACK - 4)
    bench = X86Bench("long64", NOP, ring=3)
    through_memory(bench, True, USER_CODE64, width=8)
    bench.page(STACK - 8, 3)
    bench.step()
    assert (faulted(bench, 3), bench.cpu["cr2"]) == ((PF, 7), STACK - 8)


def test_ring_3_reads_its_pointer_with_the_rights_of_ring_3() -> None:
    bench = X86Bench("paged32", NOP, ring=3)
    through_memory(bench, True, USER_CODE)
    bench.page(POINTER, 3)
    bench.step()
    assert (faulted(bench, 3), bench.cpu["cr2"]) == ((PF, 5), POINTER)


def test_virtual_8086_mode_calls_as_real_mode_does() -> None:
    bench = X86Bench("vm86", bytes.fromhex("9a") + le(0x20, 2) + le(0xF00, 2))
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["cs"], bench.cpu["rsp"]) == ([], 0x20, 0xF00, STACK - 4)
    assert bench.stack(2, 2) == [CODE + 5, 0]
    bench = X86Bench("vm86", bytes.fromhex("669a") + le(0x10000, 4) + le(0xF00, 2))
    bench.step()
    frame = bench.frame(error=True, vm86=True)
    assert (bench.vectors, frame.error, frame.ip, frame.sp) == ([GP], 0, CODE, STACK)


# ---- what follows ----


def test_a_single_step_trap_follows() -> None:
    bench = X86Bench("protected32", direct(True, KERNEL_CODE), flags=TF)
    bench.step(2)
    frame = bench.frame()
    assert (bench.vectors, frame.ip, frame.flags) == ([DB], TARGET, TF | FIXED)


def test_a_data_breakpoint_sees_what_is_pushed() -> None:
    """SDM vol. 3B 17.2.5: a trap behind the CALL."""
    set_breakpoint = bytes.fromhex("0f23c0 0f23f9")  # mov dr0, eax; mov dr7, ecx: 4 bytes, writes
    bench = X86Bench("protected32", set_breakpoint + direct(True, KERNEL_CODE), rax=STACK - 8, rcx=0xD0401)
    bench.step(4)
    assert (bench.vectors, bench.frame().ip, bench.cpu["dr6"] & 1) == ([DB], TARGET, 1)


def test_a_task_switch_is_what_it_was() -> None:
    """JMP and CALL to a TSS and through a task gate; the instruction behind is then checked as any other."""
    for call in (False, True):
        for gate in (False, True):
            bench = X86Bench("protected32", direct(call, GATE if gate else OTHER_TSS_SELECTOR))
            bench.descriptor(OTHER_TSS_SELECTOR, OTHER_TSS, 0x67, A_TSS32)
            put_gate(bench, OTHER_TSS_SELECTOR, type=TASK_GATE, offset=0)
            fields = {0x20: TARGET, 0x24: FIXED, 0x38: 0xE000, 0x4C: USER_CODE}
            for offset, value in {**fields, **dict.fromkeys((0x48, 0x50, 0x54), USER_DATA)}.items():
                bench.tss(offset, value, 4, base=OTHER_TSS)
            bench.memory.write(TARGET, bytes.fromhex("e440"))  # in al, 40h: the new TSS has no map
            bench.step()
            assert (bench.vectors, bench.rip, bench.cpu["tr"], bench.cpu.cpl) == ([], TARGET, OTHER_TSS_SELECTOR, 3)
            bench.tss(4, RING0_STACK, 4, base=OTHER_TSS)
            bench.tss(8, KERNEL_DATA, 4, base=OTHER_TSS)
            bench.tss(0x66, 0x68, 2, base=OTHER_TSS)
            bench.step()
            frame = bench.frame(error=True, outer=True)
            assert (bench.vectors, frame.ip, frame.error) == ([GP], TARGET, 0)
