"""Rule 4: what a gate checks, what it clears, and which error code names its fault (SDM vol. 3A 6.11-6.14)."""

from __future__ import annotations

import pytest

from vmm.arch.x86.vcpu import Segment
from x86.x86_bench import (
    A_CODE32,
    A_CODE64,
    A_DATA32,
    A_NOT_PRESENT,
    A_RING3,
    AC,
    CF,
    CODE,
    CONFORMING,
    DB,
    DF,
    DIV_BL,
    EXT,
    FIXED,
    GP,
    HLT,
    ICEBP,
    IF,
    IN_IDT,
    INT,
    INT3,
    INTERRUPT,
    INTERRUPT16,
    INTO,
    IOPL3,
    KERNEL_CODE,
    KERNEL_CODE64,
    KERNEL_DATA,
    NMI,
    NOP,
    NP,
    NT,
    OF,
    RF,
    RING0_STACK,
    SPARE,
    SS,
    STACK,
    TF,
    TRAP,
    TRAP16,
    UD,
    UD2,
    USER_CODE,
    USER_DATA,
    WHOLE,
    Defect,
    Frame,
    X86Bench,
    handler,
)  # fmt: skip

MODES = ["protected32", "long64"]


# ---- flags ----


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("type", "kept"), [(INTERRUPT, 0), (TRAP, IF)])
def test_an_interrupt_gate_clears_if_a_trap_gate_keeps_it_and_both_clear_tf_nt_and_rf(
    mode: str, type: int, kept: int
) -> None:
    """SDM vol. 3A 6.12.1.3: DF, AC, IOPL and the arithmetic flags stay; the frame has them all as they were."""
    others = DF | AC | IOPL3 | CF | FIXED
    bench = X86Bench(mode, NOP, flags=others | IF | TF | NT | RF)
    bench.gate(0x40, type=type)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.frame().flags == others | IF | TF | NT | RF
    assert bench.flags == others | kept


@pytest.mark.parametrize(("type", "kept"), [(INTERRUPT16, 0), (TRAP16, IF)])
def test_a_16_bit_gate_pushes_words_and_has_a_16_bit_offset(type: int, kept: int) -> None:
    """SDM vol. 3A 22.4: the upper half of the offset is not there; here it holds garbage."""
    bench = X86Bench("protected32", NOP, flags=IF, rsp=STACK)
    bench.gate(0x40, type=type, offset=0x7FFF0000 | handler(0x40))
    bench.external(0x40)
    bench.step()
    assert (bench.vectors, bench.rip) == ([0x40], handler(0x40))
    assert bench.frame(width=2) == Frame(CODE, KERNEL_CODE, IF | FIXED)
    assert bench.cpu["rsp"] == STACK - 6
    assert bench.flags == FIXED | kept


def test_a_16_bit_gate_pushes_the_error_code_as_a_word() -> None:
    """SDM vol. 3A 6.13: half of the error code on a 16-bit frame."""
    bench = X86Bench("protected32", bytes.fromhex("8ed8"), rax=0x100)  # mov ds, ax: beyond the GDT
    bench.gate(GP, type=INTERRUPT16)
    bench.step()
    assert bench.vectors == [GP]
    assert bench.frame(width=2, error=True) == Frame(CODE, KERNEL_CODE, FIXED, error=0x100)
    assert bench.cpu["rsp"] == STACK - 8


# ---- DPL ----


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("code", "vector", "flags"), [(INT(0x30), 0x30, 0), (INT(3), 3, 0), (INT3, 3, 0), (INTO, 4, OF)]
)
def test_a_software_interrupt_from_ring_3_needs_a_gate_of_dpl_3(
    mode: str, code: bytes, vector: int, flags: int
) -> None:
    """SDM vol. 3A 6.12.1.2: else #GP(vector * 8 + IDT) at the instruction, EXT = 0."""
    if code == INTO and mode == "long64":
        mode = "compat32"
    bench = X86Bench(mode, code, ring=3, flags=flags)
    bench.step()
    assert bench.vectors == [GP]
    frame = bench.frame(error=True, outer=True)
    assert (frame.ip, frame.error, frame.flags) == (CODE, vector * 8 | IN_IDT, flags | RF | FIXED)
    assert (frame.sp, frame.ss) == (STACK, USER_DATA)

    bench = X86Bench(mode, code, ring=3, flags=flags)
    bench.gate(vector, dpl=3)
    bench.step()
    assert bench.vectors == [vector]
    frame = bench.frame(outer=True)
    assert (frame.ip, frame.flags, frame.sp, frame.ss) == (CODE + len(code), flags | FIXED, STACK, USER_DATA)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("code", "vector", "after"), [(UD2, UD, 0), (DIV_BL, 0, 0), (ICEBP, DB, 1)])
def test_exceptions_and_int1_in_ring_3_ignore_the_gates_dpl(mode: str, code: bytes, vector: int, after: int) -> None:
    """SDM vol. 3A 6.12.1.2: the DPL is checked for INT n, INT3 and INTO only."""
    bench = X86Bench(mode, code, ring=3, rbx=0)
    bench.step()
    assert bench.vectors == [vector]
    frame = bench.frame(outer=True)
    assert (frame.ip, frame.flags) == (CODE + after, FIXED | (0 if after else RF))


@pytest.mark.parametrize("mode", MODES)
def test_a_hardware_interrupt_and_an_nmi_in_ring_3_ignore_the_gates_dpl(mode: str) -> None:
    """SDM vol. 3A 6.12.1.2."""
    bench = X86Bench(mode, NOP, ring=3, flags=IF)
    bench.external(0x40)
    bench.step()
    assert (bench.vectors, bench.cpu.cpl) == ([0x40], 0)
    bench = X86Bench(mode, NOP, ring=3)
    bench.machine.nmi()
    bench.step()
    assert (bench.vectors, bench.cpu.cpl) == ([NMI], 0)


# ---- each thing that can be wrong with a gate ----

SPARE_DATA, SPARE_ABSENT = A_DATA32, A_CODE32 + A_NOT_PRESENT
VECTOR = 0x30
BEYOND_GDT, IN_NO_LDT = 0x100, 0x0C


def null_selector(bench: X86Bench) -> None:
    bench.gate(VECTOR, selector=3)


def beyond_gdt(bench: X86Bench) -> None:
    bench.gate(VECTOR, selector=BEYOND_GDT)


def in_a_null_ldt(bench: X86Bench) -> None:
    bench.cpu.set_segment("ldtr", Segment(0, 0, 0xFFFF, 0))
    bench.gate(VECTOR, selector=IN_NO_LDT)


def spare(attributes: int) -> Defect:
    def defect(bench: X86Bench) -> None:
        bench.descriptor(SPARE, 0, WHOLE, attributes)
        bench.gate(VECTOR, selector=SPARE | 3)

    return defect


def type_zero(bench: X86Bench) -> None:
    bench.gate(VECTOR, type=0)


def with_s_bit(bench: X86Bench) -> None:
    bench.gate(VECTOR, type=0x10 | INTERRUPT)


def not_present(bench: X86Bench) -> None:
    bench.gate(VECTOR, present=False)


def short_idt(bench: X86Bench) -> None:
    size = 16 if bench.long else 8
    idtr = bench.cpu.segment("idtr")
    bench.cpu.set_segment("idtr", Segment(0, idtr.base, VECTOR * size + size - 2, 0))


def beyond_code_limit(bench: X86Bench) -> None:
    bench.descriptor(SPARE, 0, handler(VECTOR) - 1, A_CODE32 & ~0x800000)
    bench.gate(VECTOR, selector=SPARE)


def a_call_gate(bench: X86Bench) -> None:
    bench.descriptor(SPARE, 0, 0, 0x8C00)
    bench.gate(VECTOR, selector=SPARE)


def not_canonical(bench: X86Bench) -> None:
    bench.gate(VECTOR, offset=0x8000_0000_0000)


def type16(bench: X86Bench) -> None:
    bench.gate(VECTOR, type=INTERRUPT16)


IDT_ERROR = VECTOR * 8 | IN_IDT
DEFECTS = [
    # mode, what is wrong, the fault, its error code without EXT
    ("protected32", short_idt, GP, IDT_ERROR),
    ("protected32", type_zero, GP, IDT_ERROR),
    ("protected32", with_s_bit, GP, IDT_ERROR),
    ("protected32", not_present, NP, IDT_ERROR),
    ("protected32", null_selector, GP, 0),
    ("protected32", beyond_gdt, GP, BEYOND_GDT),
    ("protected32", in_a_null_ldt, GP, IN_NO_LDT),
    ("protected32", spare(SPARE_DATA), GP, SPARE),
    ("protected32", a_call_gate, GP, SPARE),
    ("protected32", spare(A_CODE32 + A_RING3), GP, SPARE),
    ("protected32", spare(SPARE_ABSENT), NP, SPARE),
    ("protected32", beyond_code_limit, GP, 0),
    ("long64", short_idt, GP, IDT_ERROR),
    ("long64", type_zero, GP, IDT_ERROR),
    ("long64", type16, GP, IDT_ERROR),
    ("long64", not_present, NP, IDT_ERROR),
    ("long64", null_selector, GP, 0),
    ("long64", beyond_gdt, GP, BEYOND_GDT),
    ("long64", spare(SPARE_DATA), GP, SPARE),
    ("long64", spare(A_CODE64 + A_RING3), GP, SPARE),
    ("long64", spare(A_CODE64 + A_NOT_PRESENT), NP, SPARE),
    ("long64", spare(A_CODE32), GP, SPARE),
    ("long64", spare(A_CODE64 | 1 << 22), GP, SPARE),
    ("long64", not_canonical, GP, 0),
]


@pytest.mark.parametrize("event", ["external", "software"])
@pytest.mark.parametrize(("mode", "defect", "fault", "error"), DEFECTS)
def test_a_bad_gate_gives_its_fault_with_ext_only_for_an_external_event(
    mode: str, defect: Defect, fault: int, error: int, event: str
) -> None:
    """SDM vol. 2A INT n pseudo-code; vol. 3A 6.13: EXT = 1 for what the program did not ask for. RIP is the instruction
    that would have been interrupted, or INT n itself; the stack has this one frame only."""
    bench = X86Bench(mode, INT(VECTOR) if event == "software" else NOP, flags=IF)
    defect(bench)
    if event == "external":
        bench.external(VECTOR)
    bench.step()
    assert bench.vectors == [fault]
    frame = bench.frame(error=True)
    assert (frame.ip, frame.error) == (CODE, error | (EXT if event == "external" else 0))
    assert frame.flags == IF | RF | FIXED
    assert bench.cpu["rsp"] == STACK - (48 if bench.long else 16)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("code", "vector"), [(UD2, UD), (ICEBP, DB)])
def test_a_bad_gate_of_an_exception_sets_ext(mode: str, code: bytes, vector: int) -> None:
    """SDM vol. 3A 6.13; vol. 2A INT1: both count as external to the program."""
    bench = X86Bench(mode, code)
    bench.gate(vector, present=False)
    bench.step()
    assert bench.vectors == [NP]
    frame = bench.frame(error=True)
    assert (frame.error, frame.ip) == (vector * 8 | IN_IDT | EXT, CODE)


def test_presence_of_a_gate_is_checked_after_its_type_and_dpl() -> None:
    """SDM vol. 2A INT n: the order of the pseudo-code decides which fault is seen."""
    bench = X86Bench("protected32", INT(0x30), ring=3)
    bench.gate(0x30, present=False)
    bench.step()
    assert bench.vectors == [GP]
    assert bench.frame(error=True, outer=True).error == 0x30 * 8 | IN_IDT


def test_a_full_stack_is_a_stack_fault_and_nothing_is_pushed() -> None:
    """SDM vol. 2A INT n, intra-privilege: #SS(EXT) without room for the frame. Its own handler and that of #DF would
    need the same stack, so the machine shuts down."""
    bench = X86Bench("protected32", NOP, flags=IF, rsp=STACK)
    bench.cpu.set_segment("ss", Segment(KERNEL_DATA, 0, STACK - 13, 0x409300))
    bench.memory.write(STACK - 12, b"\xaa" * 12)
    bench.external(0x40)
    stop = bench.step()
    assert stop.reason == "shutdown"
    assert bench.vectors == []
    assert bench.memory.read(STACK - 12, 12) == b"\xaa" * 12
    assert [fault.vector for fault in bench.cpu.fault_chain()][:2] == [0x40, SS]


def test_a_conforming_handler_runs_in_the_ring_that_was_interrupted() -> None:
    """SDM vol. 3A 5.8.1.1, 6.12.1.1: no stack switch; RPL of CS becomes the CPL."""
    bench = X86Bench("protected32", NOP, ring=3, flags=IF)
    bench.gate(0x40, selector=CONFORMING)
    bench.external(0x40)
    bench.step()
    assert (bench.vectors, bench.cpu.cpl, bench.cpu["cs"]) == ([0x40], 3, CONFORMING | 3)
    assert bench.frame() == Frame(CODE, USER_CODE, IF | FIXED)
    assert bench.cpu["rsp"] == STACK - 12


def test_the_rpl_of_a_gates_selector_is_ignored() -> None:
    """SDM vol. 3A 6.12.1.2: "the RPL of the segment selector is not checked"; CS gets the new CPL instead."""
    bench = X86Bench("long64", NOP, flags=IF)
    bench.gate(0x40, selector=KERNEL_CODE64 | 3)
    bench.external(0x40)
    bench.step()
    assert (bench.vectors, bench.cpu["cs"]) == ([0x40], KERNEL_CODE64)


def test_hlt_in_ring_3_is_a_general_protection_fault_on_the_ring_0_stack() -> None:
    """SDM vol. 2A HLT: #GP(0) unless the CPL is 0."""
    bench = X86Bench("protected32", HLT, ring=3)
    bench.step()
    assert bench.vectors == [GP]
    assert bench.frame(error=True, outer=True) == Frame(CODE, USER_CODE, RF | FIXED, error=0, sp=STACK, ss=USER_DATA)
    assert bench.cpu["rsp"] == RING0_STACK - 24
