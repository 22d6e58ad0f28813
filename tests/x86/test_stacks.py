"""Rule 5: which stack a delivery uses, and what it is refused for (SDM vol. 3A 6.12.1, 6.14.4-5, 20.1.4, 20.3)."""

from __future__ import annotations

import pytest

from vmm.arch.x86.vcpu import Segment
from x86.x86_bench import (
    A_DATA32,
    A_NOT_PRESENT,
    A_RING3,
    A_TSS16_BUSY,
    AC,
    CODE,
    CONFORMING,
    EXT,
    FIXED,
    GP,
    IF,
    INT,
    INT3,
    INTO,
    IOPL3,
    IST1_STACK,
    IST2_STACK,
    KERNEL_CODE,
    KERNEL_CODE64,
    KERNEL_DATA,
    NOP,
    OF,
    PF,
    RF,
    RING0_STACK,
    SPARE,
    SS,
    STACK,
    TF,
    TS,
    TSS,
    TSS_SELECTOR,
    USER_CODE,
    USER_CODE64,
    USER_DATA,
    VM,
    WHOLE,
    Defect,
    Frame,
    X86Bench,
    handler,
)  # fmt: skip

# ---- protected mode ----


def test_ring_3_to_ring_0_takes_the_stack_of_the_tss_and_pushes_the_old_one_first() -> None:
    """SDM vol. 3A 6.12.1: SS0:ESP0, then SS, ESP, EFLAGS, CS, EIP."""
    bench = X86Bench("protected32", NOP, ring=3, flags=IF)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.frame(outer=True) == Frame(CODE, USER_CODE, IF | FIXED, sp=STACK, ss=USER_DATA)
    assert (bench.cpu["ss"], bench.cpu["rsp"], bench.cpu["cs"]) == (KERNEL_DATA, RING0_STACK - 20, KERNEL_CODE)
    assert bench.cpu.cpl == 0
    assert (bench.cpu["ds"], bench.cpu["es"]) == (USER_DATA, USER_DATA), "data segments stay as they were"


def test_a_16_bit_tss_has_its_stacks_in_words() -> None:
    """SDM vol. 3A 7.6: SP0 at 2, SS0 at 4."""
    bench = X86Bench("protected32", NOP, ring=3, flags=IF)
    bench.cpu.set_segment("tr", Segment(TSS_SELECTOR, TSS, 0x2B, A_TSS16_BUSY))
    bench.tss(2, RING0_STACK, 2)
    bench.tss(4, KERNEL_DATA, 2)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.frame(outer=True) == Frame(CODE, USER_CODE, IF | FIXED, sp=STACK, ss=USER_DATA)
    assert bench.cpu["rsp"] == RING0_STACK - 20


def null_stack(bench: X86Bench) -> None:
    bench.tss(8, 0, 2)


def stack_of_ring_3_rpl(bench: X86Bench) -> None:
    bench.tss(8, KERNEL_DATA | 3, 2)


def read_only_stack(bench: X86Bench) -> None:
    bench.descriptor(SPARE, 0, WHOLE, A_DATA32 & ~0x200)
    bench.tss(8, SPARE, 2)


def stack_of_dpl_3(bench: X86Bench) -> None:
    bench.descriptor(SPARE, 0, WHOLE, A_DATA32 + A_RING3)
    bench.tss(8, SPARE, 2)


def absent_stack(bench: X86Bench) -> None:
    bench.descriptor(SPARE, 0, WHOLE, A_DATA32 + A_NOT_PRESENT)
    bench.tss(8, SPARE, 2)


def stack_beyond_gdt(bench: X86Bench) -> None:
    bench.tss(8, 0x100, 2)


def short_tss(bench: X86Bench) -> None:
    bench.cpu.set_segment("tr", Segment(TSS_SELECTOR, TSS, 8, 0x8B00))


def small_stack(bench: X86Bench) -> None:
    bench.descriptor(SPARE, 0, RING0_STACK - 2, A_DATA32 & ~0x800000)
    bench.tss(8, SPARE, 2)


@pytest.mark.parametrize(
    ("defect", "fault", "error"),
    [
        (null_stack, TS, 0),
        (stack_of_ring_3_rpl, TS, KERNEL_DATA),
        (read_only_stack, TS, SPARE),
        (stack_of_dpl_3, TS, SPARE),
        (stack_beyond_gdt, TS, 0x100),
        (absent_stack, SS, SPARE),
        (small_stack, SS, SPARE),
        (short_tss, TS, TSS_SELECTOR),
    ],
)
@pytest.mark.parametrize("event", ["external", "software"])
def test_a_bad_inner_stack_gives_its_fault_and_leaves_the_outer_ring_as_it_was(
    defect: Defect, fault: int, error: int, event: str
) -> None:
    """SDM vol. 2A INT n, inter-privilege: #TS or #SS with the selector of the new stack. The fault's own handler is
    conforming here, so that it runs on the outer stack."""
    bench = X86Bench("protected32", INT(0x40) if event == "software" else NOP, ring=3, flags=IF)
    bench.gate(0x40, dpl=3)
    bench.gate(fault, selector=CONFORMING)
    defect(bench)
    if event == "external":
        bench.external(0x40)
    bench.step()
    assert bench.vectors == [fault]
    expected = error | (EXT if event == "external" else 0)
    assert bench.frame(error=True) == Frame(CODE, USER_CODE, IF | RF | FIXED, error=expected)
    assert (bench.cpu["ss"], bench.cpu["rsp"], bench.cpu.cpl) == (USER_DATA, STACK - 16, 3)


# ---- long mode ----


@pytest.mark.parametrize(("mode", "cs"), [("long64", USER_CODE64), ("compat32", USER_CODE)])
def test_ring_3_to_ring_0_in_long_mode_takes_rsp0_and_a_null_ss(mode: str, cs: int) -> None:
    """SDM vol. 3A 6.14.4: SS is NULL with the new CPL as RPL; five quadwords, also from compatibility mode."""
    bench = X86Bench(mode, NOP, ring=3, flags=IF)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.frame() == Frame(CODE, cs, IF | FIXED, sp=STACK, ss=USER_DATA)
    assert (bench.cpu["ss"], bench.cpu["rsp"], bench.cpu["cs"]) == (0, RING0_STACK - 40, KERNEL_CODE64)
    assert (bench.cpu.cpl, bench.cpu.bits) == (0, 64)


@pytest.mark.parametrize("ring", [0, 3])
def test_a_frame_in_long_mode_begins_at_a_multiple_of_16(ring: int) -> None:
    """SDM vol. 3A 6.14.2: the stack is aligned before the push, whichever it is; the frame keeps the old RSP."""
    bench = X86Bench("long64", NOP, ring=ring, flags=IF, rsp=STACK - 5)
    bench.tss(4, RING0_STACK - 8, 8)
    bench.external(0x40)
    bench.step()
    top = (RING0_STACK - 16) if ring == 3 else STACK - 16
    assert bench.cpu["rsp"] == top - 40
    assert bench.frame().sp == STACK - 5


@pytest.mark.parametrize("ring", [0, 3])
def test_an_ist_stack_is_taken_from_any_ring(ring: int) -> None:
    """SDM vol. 3A 6.14.5: unconditionally, also without a privilege change; SS becomes NULL only with one."""
    bench = X86Bench("long64", NOP, ring=ring, flags=IF)
    bench.gate(0x40, ist=2)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.cpu["rsp"] == IST2_STACK - 40
    assert bench.cpu["ss"] == (0 if ring == 3 else KERNEL_DATA)
    assert bench.frame().sp == STACK


def test_an_ist_stack_is_used_again_from_its_top_when_its_handler_is_interrupted_by_itself() -> None:
    """SDM vol. 3A 6.14.5: the pointer of the TSS is loaded each time, and the first frame is overwritten."""
    bench = X86Bench("long64", NOP, flags=IF)
    bench.gate(0x40, ist=1, type=15)
    bench.external(0x40)
    bench.step()
    bench.external(0x40)
    bench.step()
    assert bench.cpu["rsp"] == IST1_STACK - 40
    assert bench.frame() == Frame(handler(0x40), KERNEL_CODE64, IF | FIXED, sp=IST1_STACK - 40, ss=KERNEL_DATA)


def test_a_stack_pointer_that_is_not_canonical_is_a_stack_fault() -> None:
    """SDM vol. 2A INT n: #SS(EXT)."""
    bench = X86Bench("long64", NOP, flags=IF)
    bench.gate(0x40, ist=1)
    bench.tss(36, 1 << 47, 8)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [SS]
    assert bench.frame(error=True) == Frame(CODE, KERNEL_CODE64, IF | RF | FIXED, error=EXT, sp=STACK, ss=KERNEL_DATA)


def test_an_ist_entry_beyond_the_tss_limit_is_an_invalid_tss() -> None:
    """SDM vol. 2A INT n: #TS(current TSS selector + EXT). IST2 is at 44-51."""
    bench = X86Bench("long64", NOP, flags=IF)
    bench.cpu.set_segment("tr", Segment(TSS_SELECTOR, TSS, 50, 0x8B00))
    bench.gate(0x40, ist=2)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [TS]
    assert bench.frame(error=True).error == TSS_SELECTOR | EXT


@pytest.mark.parametrize("event", ["external", "software"])
@pytest.mark.parametrize("mode", ["long64", "paged32"])
def test_a_page_fault_on_the_new_stack_replaces_the_delivery_whole(mode: str, event: str) -> None:
    """SDM vol. 3A 6.15 #PF: the error code is a supervisor write to an absent page, CR2 the push that failed; the frame
    is that of the interrupted program, which has changed in nothing. The first event is benign: no double fault.
    Two slots lie on a page that is there, so the third push is the one that faults."""
    bench = X86Bench(mode, INT(0x40) if event == "software" else NOP, ring=3, flags=IF)
    width = bench.stack_width
    bench.tss(4, RING0_STACK + 16 if bench.long else RING0_STACK + 8, width)
    bench.page(RING0_STACK - 0x1000, 0)
    bench.gate(0x40, dpl=3)
    if bench.long:
        bench.gate(PF, ist=1)
    else:
        bench.gate(PF, selector=CONFORMING)
    if event == "external":
        bench.external(0x40)
    bench.step()
    assert bench.vectors == [PF]
    assert bench.cpu["cr2"] == RING0_STACK - width
    if bench.long:
        assert bench.frame(error=True) == Frame(CODE, USER_CODE64, IF | RF | FIXED, error=2, sp=STACK, ss=USER_DATA)
    else:
        assert bench.frame(error=True) == Frame(CODE, USER_CODE, IF | RF | FIXED, error=2)
        assert (bench.cpu["ss"], bench.cpu["rsp"]) == (USER_DATA, STACK - 16)


# ---- VM86 ----


def vm86(code: bytes, flags: int = IF) -> X86Bench:
    bench = X86Bench("vm86", code, ring=3, flags=flags)
    for name, selector in (("es", 0x0E), ("ds", 0x33), ("fs", 0x55), ("gs", 0x66)):
        bench.paragraph(name, selector)
    return bench


SEGMENTS_OF_VM86 = {"es": 0x0E, "ds": 0x33, "fs": 0x55, "gs": 0x66}


def test_an_interrupt_in_vm86_mode_pushes_the_data_segments_and_makes_them_null() -> None:
    """SDM vol. 3B 20.3.1.1: GS, FS, DS, ES, SS, ESP, EFLAGS with VM, CS, EIP on the ring 0 stack; VM is clear after."""
    bench = vm86(NOP)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.frame(vm86=True) == Frame(CODE, 0, IF | VM | FIXED, sp=STACK, ss=0, **SEGMENTS_OF_VM86)
    assert bench.cpu["rsp"] == RING0_STACK - 36
    assert [bench.cpu[name] for name in ("gs", "fs", "ds", "es", "ss", "cs")] == [0, 0, 0, 0, KERNEL_DATA, KERNEL_CODE]
    assert bench.flags == FIXED
    assert bench.cpu.cpl == 0


def test_an_error_code_in_vm86_mode_lies_below_eip() -> None:
    """SDM vol. 3B 20.3.1.1 figure 20-4. INT n with IOPL 0 is #GP(0) (20.2.7)."""
    bench = vm86(INT(0x30))
    bench.gate(0x30, dpl=3)
    bench.step()
    assert bench.vectors == [GP]
    assert bench.frame(error=True, vm86=True) == Frame(
        CODE, 0, IF | VM | RF | FIXED, error=0, sp=STACK, ss=0, **SEGMENTS_OF_VM86
    )


@pytest.mark.parametrize(("code", "vector"), [(INT3, 3), (INTO, 4)])
def test_int3_and_into_in_vm86_mode_do_not_depend_on_iopl_as_cd_03_does(code: bytes, vector: int) -> None:
    """SDM vol. 3A 6.4.4, vol. 3B 20.2.7: only INT n is sensitive to IOPL."""
    bench = vm86(code, flags=OF)
    bench.gate(vector, dpl=3)
    bench.step()
    assert bench.vectors == [vector]
    assert bench.frame(vm86=True).ip == CODE + 1
    bench = vm86(INT(vector), flags=OF)
    bench.gate(vector, dpl=3)
    bench.step()
    assert bench.vectors == [GP]
    frame = bench.frame(error=True, vm86=True)
    assert (frame.ip, frame.error) == (CODE, 0)


def test_int_n_in_vm86_mode_with_iopl_3_goes_through_its_gate() -> None:
    """SDM vol. 3B 20.3.2."""
    bench = vm86(INT(0x30), flags=IOPL3)
    bench.gate(0x30, dpl=3)
    bench.step()
    assert bench.vectors == [0x30]
    assert bench.frame(vm86=True) == Frame(CODE + 2, 0, IOPL3 | VM | FIXED, sp=STACK, ss=0, **SEGMENTS_OF_VM86)


def test_a_conforming_handler_for_vm86_mode_is_a_general_protection_fault() -> None:
    """SDM vol. 2A INT n: from VM86 mode the handler must be non-conforming of DPL 0: #GP(selector + EXT)."""
    bench = vm86(NOP)
    bench.gate(0x40, selector=CONFORMING)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [GP]
    assert bench.frame(error=True, vm86=True).error == CONFORMING | EXT


# ---- real mode ----


def test_real_mode_pushes_three_words_and_clears_if_tf_and_ac() -> None:
    """SDM vol. 3A 20.1.4; vol. 2A INT n, real-address mode."""
    bench = X86Bench("real", NOP, flags=IF | TF | AC)
    bench.gate(0x40, selector=0x0123, offset=handler(0x40) - 0x1230)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert (bench.cpu["cs"], bench.rip) == (0x0123, handler(0x40) - 0x1230)
    assert bench.frame() == Frame(CODE, 0, IF | TF | FIXED)
    assert (bench.cpu["rsp"], bench.flags) == (STACK - 6, FIXED)


def test_real_mode_finds_its_vectors_at_the_base_of_idtr() -> None:
    """SDM vol. 3A 20.1.4: LIDT moves the table."""
    bench = X86Bench("real", INT(0x30))
    bench.memory.write(0x600 + 4 * 0x30, bytes.fromhex("0090 0000"))
    bench.cpu.set_segment("idtr", Segment(0, 0x600, 0x3FF, 0))
    bench.step()
    assert bench.vectors == [0x30]
    assert bench.rip == 0x9000


def test_a_vector_beyond_the_limit_of_idtr_is_a_general_protection_fault_without_an_error_code() -> None:
    """SDM vol. 3A 20.1.4 and table 20-1: vector 13 at the INT instruction, six bytes of frame."""
    bench = X86Bench("real", INT(0x30))
    bench.cpu.set_segment("idtr", Segment(0, 0, 4 * 0x30 + 2, 0))
    bench.step()
    assert bench.vectors == [GP]
    assert bench.frame() == Frame(CODE, 0, RF & 0xFFFF | FIXED)
    assert bench.cpu["rsp"] == STACK - 6


def test_a_real_mode_stack_wraps_at_64k() -> None:
    """SDM vol. 3A 20.1.4 with SP = 0: the first word goes to FFFEh."""
    bench = X86Bench("real", NOP, flags=IF, rsp=0)
    bench.external(0x40)
    bench.step()
    assert bench.cpu["rsp"] == 0xFFFA
    assert bench.frame() == Frame(CODE, 0, IF | FIXED)


def test_a_real_mode_stack_without_room_shuts_down() -> None:
    """SDM vol. 2A INT n: #SS when six bytes do not fit (SP = 1), and no later fault finds room either."""
    bench = X86Bench("real", NOP, flags=IF, rsp=1)
    bench.external(0x40)
    assert bench.step().reason == "shutdown"
    assert bench.vectors == []


def test_the_upper_half_of_esp_stays_with_a_16_bit_stack_segment() -> None:
    """SDM vol. 3A 6.12.1, vol. 1 6.2.3: SP is the stack pointer when B = 0."""
    bench = X86Bench("protected16", NOP, flags=IF, rsp=0x1234B000)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.cpu["rsp"] == 0x1234AFF4
