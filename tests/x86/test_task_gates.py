"""Rule 5: a task gate in the IDT switches tasks (SDM vol. 3A 6.12.2, 7.2, 7.3)."""

from __future__ import annotations

import pytest

from vmm.arch.x86.vcpu import Segment
from x86.x86_bench import (
    A_CODE32,
    A_NOT_PRESENT,
    A_TSS16,
    A_TSS16_BUSY,
    A_TSS32,
    A_TSS32_BUSY,
    CF,
    CODE,
    DB,
    EXT,
    FIXED,
    GDT,
    GP,
    IF,
    INT,
    IRET,
    KERNEL_CODE,
    KERNEL_DATA,
    NOP,
    NP,
    NT,
    OTHER_STACK,
    OTHER_TSS,
    OTHER_TSS_SELECTOR,
    PAGES,
    RF,
    ROOT,
    STACK,
    TASK,
    TS,
    TSS,
    TSS_SELECTOR,
    UD,
    UD2,
    USER_CODE,
    USER_DATA,
    WHOLE,
    Defect,
    X86Bench,
    handler,
    le,
)  # fmt: skip

VECTOR = 0x40
TASK_CODE = handler(VECTOR)
# SDM vol. 3A figures 7-2 and 7-10
LINK, CR3, EIP, EFLAGS, EAX, ESP, ES, CS, TSS_SS, TSS_DS, LDT_FIELD, TRAP_FLAG = (
    0x00, 0x1C, 0x20, 0x24, 0x28, 0x38, 0x48, 0x4C, 0x50, 0x54, 0x60, 0x64,
)  # fmt: skip
TSS16_IP, TSS16_FLAGS, TSS16_AX, TSS16_SP, TSS16_ES, TSS16_CS, TSS16_SS, TSS16_DS = (
    0x0E, 0x10, 0x12, 0x1A, 0x22, 0x24, 0x26, 0x28,
)  # fmt: skip
TASK_SWITCHED = 8
"""CR0.TS."""


def with_task(mode: str, code: bytes, vector: int = VECTOR, *, ring: int = 0, flags: int = IF) -> X86Bench:
    """The gate of `vector` leads to a second task at TASK_CODE, with a stack of its own."""
    bench = X86Bench(mode, code, ring=ring, flags=flags)
    bench.descriptor(OTHER_TSS_SELECTOR, OTHER_TSS, 0x67, A_TSS32)
    bench.gate(vector, selector=OTHER_TSS_SELECTOR, offset=0, type=TASK, dpl=3)
    for offset, value in ((CR3, ROOT), (EIP, TASK_CODE), (EFLAGS, CF | FIXED), (EAX, 0x1234), (ESP, OTHER_STACK)):
        bench.tss(offset, value, 4, OTHER_TSS)
    for offset, value in ((ES, KERNEL_DATA), (CS, KERNEL_CODE), (TSS_SS, KERNEL_DATA), (TSS_DS, KERNEL_DATA)):
        bench.tss(offset, value, 2, OTHER_TSS)
    return bench


def field(bench: X86Bench, offset: int, size: int, base: int = TSS) -> int:
    return int.from_bytes(bench.memory.read(base + offset, size), "little")


def type_of(bench: X86Bench, selector: int) -> int:
    return bench.memory.read(GDT + selector + 5, 1)[0] & 0xF


def test_an_interrupt_through_a_task_gate_switches_tasks() -> None:
    """SDM vol. 3A 7.3 and table 7-2 (CALL or interrupt): the new TSS is busy, NT is set, the link leads back, the old
    task's state is in its TSS with NT as it was."""
    bench = with_task("protected32", NOP)
    bench.cpu["rax"] = 0x55AA
    bench.external(VECTOR)
    bench.step()
    assert bench.vectors == [VECTOR]
    assert (bench.rip, bench.cpu["rsp"], bench.cpu["rax"]) == (TASK_CODE, OTHER_STACK, 0x1234)
    assert bench.flags == CF | NT | FIXED
    assert bench.cpu["tr"] == OTHER_TSS_SELECTOR
    assert (type_of(bench, OTHER_TSS_SELECTOR), type_of(bench, TSS_SELECTOR)) == (0xB, 0xB)
    assert field(bench, LINK, 2, OTHER_TSS) == TSS_SELECTOR
    assert bench.cpu["cr0"] & TASK_SWITCHED
    saved = [field(bench, offset, 4) for offset in (EIP, EFLAGS, EAX, ESP)]
    assert saved == [CODE, IF | FIXED, 0x55AA, STACK]
    assert [field(bench, offset, 2) for offset in (CS, TSS_SS)] == [KERNEL_CODE, KERNEL_DATA]


def test_iret_with_nt_goes_back_along_the_link() -> None:
    """SDM vol. 3A 7.4: the new TSS is available again and the interrupted task goes on with its registers."""
    bench = with_task("protected32", NOP)
    bench.cpu["rax"] = 0x55AA
    bench.handler(VECTOR, IRET)
    bench.external(VECTOR)
    bench.step()
    assert (bench.rip, bench.cpu["rsp"], bench.cpu["rax"]) == (CODE, STACK, 0x55AA)
    assert bench.flags == IF | FIXED
    assert bench.cpu["tr"] == TSS_SELECTOR
    assert (type_of(bench, OTHER_TSS_SELECTOR), type_of(bench, TSS_SELECTOR)) == (9, 0xB)
    assert field(bench, EIP, 4, OTHER_TSS) == TASK_CODE + 1


def test_an_int_n_from_ring_3_saves_the_eip_after_it() -> None:
    """SDM vol. 3A 6.12.2: the gate's DPL admits ring 3; the TSS descriptor's is not checked."""
    bench = with_task("protected32", INT(VECTOR), ring=3, flags=0)
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu.cpl) == ([VECTOR], TASK_CODE, 0)
    assert [field(bench, offset, 4) for offset in (EIP, ESP)] == [CODE + 2, STACK]
    assert [field(bench, offset, 2) for offset in (CS, TSS_SS)] == [USER_CODE, USER_DATA]


def test_the_error_code_is_on_the_stack_of_the_new_task() -> None:
    """SDM vol. 3A 6.13, 7.3: one doubleword; EIP in the old TSS is the faulting instruction."""
    bench = with_task("protected32", bytes.fromhex("8ed8"), GP, flags=0)  # mov ds, ax: beyond the GDT
    bench.tss(EIP, handler(GP), 4, OTHER_TSS)
    bench.cpu["rax"] = 0x100
    bench.step()
    assert bench.vectors == [GP]
    assert bench.cpu["rsp"] == OTHER_STACK - 4
    assert bench.stack(1) == [0x100]
    assert field(bench, EIP, 4) == CODE


def test_a_fault_without_an_error_code_pushes_nothing() -> None:
    """SDM vol. 3A table 6-1: #UD has none."""
    bench = with_task("protected32", UD2, UD, flags=0)
    bench.tss(EIP, handler(UD), 4, OTHER_TSS)
    bench.step()
    assert (bench.vectors, bench.cpu["rsp"]) == ([UD], OTHER_STACK)
    assert field(bench, EFLAGS, 4) == RF | FIXED


def test_a_task_switch_loads_cr3() -> None:
    """SDM vol. 3A 7.3: the new task has its own page directory; here one that maps the same."""
    bench = with_task("paged32", NOP)
    bench.memory.write(0x20000, le(PAGES | 7, 4))
    bench.tss(CR3, 0x20000, 4, OTHER_TSS)
    bench.external(VECTOR)
    bench.step()
    assert (bench.vectors, bench.cpu["cr3"], bench.rip) == ([VECTOR], 0x20000, TASK_CODE)


def test_the_t_bit_of_the_new_tss_traps_before_its_first_instruction() -> None:
    """SDM vol. 3A table 6-2 priority 3, vol. 3B 17.3.1.5: #DB with DR6.BT, bit 15."""
    bench = with_task("protected32", NOP)
    bench.tss(TRAP_FLAG, 1, 2, OTHER_TSS)
    bench.external(VECTOR)
    bench.step()
    assert bench.vectors == [VECTOR, DB]
    assert bench.stack(3) == [TASK_CODE, KERNEL_CODE, CF | NT | FIXED]
    assert bench.cpu["dr6"] >> 15 & 1


def test_a_switch_between_16_bit_tasks_saves_and_loads_words() -> None:
    """SDM vol. 3A 7.6 figure 7-10."""
    bench = with_task("protected16", NOP)
    bench.descriptor(TSS_SELECTOR, TSS, 0x2B, A_TSS16_BUSY)
    bench.descriptor(OTHER_TSS_SELECTOR, OTHER_TSS, 0x2B, A_TSS16)
    bench.cpu.set_segment("tr", Segment(TSS_SELECTOR, TSS, 0x2B, A_TSS16_BUSY))
    bench.memory.write(OTHER_TSS, bytes(0x68))
    fields = {
        TSS16_IP: TASK_CODE, TSS16_FLAGS: CF | FIXED, TSS16_AX: 0x1234, TSS16_SP: 0xF000 - 0x100,
        TSS16_ES: KERNEL_DATA, TSS16_CS: KERNEL_CODE, TSS16_SS: KERNEL_DATA, TSS16_DS: KERNEL_DATA,
    }  # fmt: skip
    for offset, value in fields.items():
        bench.tss(offset, value, 2, OTHER_TSS)
    bench.cpu["rax"] = 0x55AA
    bench.external(VECTOR)
    bench.step()
    assert bench.vectors == [VECTOR]
    assert (bench.rip, bench.cpu["rax"] & 0xFFFF, bench.cpu["rsp"] & 0xFFFF) == (TASK_CODE, 0x1234, 0xEF00)
    assert bench.flags == CF | NT | FIXED
    assert field(bench, LINK, 2, OTHER_TSS) == TSS_SELECTOR
    assert [field(bench, offset, 2) for offset in (TSS16_IP, TSS16_FLAGS, TSS16_AX)] == [CODE, IF | FIXED, 0x55AA]


def to_ldt(bench: X86Bench) -> None:
    bench.gate(VECTOR, selector=0x0C, offset=0, type=TASK)


def to_null(bench: X86Bench) -> None:
    bench.gate(VECTOR, selector=0, offset=0, type=TASK)


def to_code(bench: X86Bench) -> None:
    bench.gate(VECTOR, selector=KERNEL_CODE, offset=0, type=TASK)


def beyond_gdt(bench: X86Bench) -> None:
    bench.gate(VECTOR, selector=0x100, offset=0, type=TASK)


def busy(bench: X86Bench) -> None:
    bench.descriptor(OTHER_TSS_SELECTOR, OTHER_TSS, 0x67, A_TSS32_BUSY)


def absent(bench: X86Bench) -> None:
    bench.descriptor(OTHER_TSS_SELECTOR, OTHER_TSS, 0x67, A_TSS32 + A_NOT_PRESENT)


def too_short(bench: X86Bench) -> None:
    bench.descriptor(OTHER_TSS_SELECTOR, OTHER_TSS, 0x66, A_TSS32)


def absent_gate(bench: X86Bench) -> None:
    bench.gate(VECTOR, selector=OTHER_TSS_SELECTOR, offset=0, type=TASK, present=False)


@pytest.mark.parametrize("event", ["external", "software"])
@pytest.mark.parametrize(
    ("defect", "fault", "error"),
    [
        (to_ldt, GP, 0x0C),
        (to_null, GP, 0),
        (to_code, GP, KERNEL_CODE),
        (beyond_gdt, GP, 0x100),
        (busy, GP, OTHER_TSS_SELECTOR),
        (absent, NP, OTHER_TSS_SELECTOR),
        (too_short, TS, OTHER_TSS_SELECTOR),
        (absent_gate, NP, VECTOR * 8 + 2),
    ],
)
def test_a_task_gate_that_leads_nowhere_faults_in_the_old_task(
    defect: Defect, fault: int, error: int, event: str
) -> None:
    """SDM vol. 2A INT n, TASK-GATE; vol. 3A table 7-1: before the switch, with the selector and EXT."""
    bench = with_task("protected32", INT(VECTOR) if event == "software" else NOP)
    defect(bench)
    if event == "external":
        bench.external(VECTOR)
    bench.step()
    assert bench.vectors == [fault]
    frame = bench.frame(error=True)
    assert (frame.error, frame.ip, frame.cs) == (error | (EXT if event == "external" else 0), CODE, KERNEL_CODE)
    assert bench.cpu["tr"] == TSS_SELECTOR
    assert bench.cpu["rsp"] == STACK - 16


@pytest.mark.parametrize(
    ("offset", "selector", "fault"),
    [(TSS_DS, 0x100, TS), (ES, KERNEL_CODE | 0x100, TS), (LDT_FIELD, KERNEL_DATA, TS), (TSS_DS, 0x80, NP)],
)
def test_a_bad_selector_in_the_new_tss_faults_in_the_new_task(offset: int, selector: int, fault: int) -> None:
    """SDM vol. 3A 7.3 step 12, table 7-1: the switch has been committed, so the frame points at the new task's first
    instruction and TR is its TSS. INT n asks for it, so EXT is 0."""
    bench = with_task("protected32", INT(VECTOR), flags=0)
    bench.descriptor(0x80, 0, WHOLE, A_CODE32 + A_NOT_PRESENT)
    bench.tss(offset, selector, 2, OTHER_TSS)
    bench.step()
    assert bench.vectors == [fault]
    assert bench.cpu["tr"] == OTHER_TSS_SELECTOR
    frame = bench.frame(error=True)
    assert (frame.error, frame.ip, frame.cs) == (selector & 0xFFFC, TASK_CODE, KERNEL_CODE)
    assert bench.cpu["rsp"] == OTHER_STACK - 16
    assert field(bench, EIP, 4) == CODE + 2
