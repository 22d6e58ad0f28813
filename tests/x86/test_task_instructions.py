"""Rule 5: JMP, CALL and IRET switch tasks by the same rules as gates (SDM vol. 3A 7.2, 7.3, tables 7-1 and 7-2)."""

from __future__ import annotations

import pytest

from vmm.arch.x86.vcpu import Segment
from x86.test_task_gates import (
    CR3,
    CS,
    EAX,
    EFLAGS,
    EIP,
    ES,
    ESP,
    LDT_FIELD,
    LINK,
    TRAP_FLAG,
    TSS16_AX,
    TSS16_CS,
    TSS16_DS,
    TSS16_ES,
    TSS16_FLAGS,
    TSS16_IP,
    TSS16_SP,
    TSS16_SS,
    TSS_DS,
    TSS_SS,
    field,
    type_of,
)  # fmt: skip
from x86.x86_bench import (
    A_CODE32,
    A_CONFORMING,
    A_NOT_PRESENT,
    A_TSS16,
    A_TSS16_BUSY,
    A_TSS32,
    CF,
    CODE,
    CONFORMING,
    DATA,
    DB,
    FIXED,
    IF,
    IRET,
    KERNEL_CODE,
    KERNEL_DATA,
    NOP,
    NP,
    NT,
    OTHER_STACK,
    OTHER_TSS,
    OTHER_TSS_SELECTOR,
    RF,
    ROOT,
    SPARE,
    SS,
    STACK,
    TS,
    TSS,
    TSS_SELECTOR,
    USER_DATA,
    WHOLE,
    X86Bench,
    handler,
    le,
)  # fmt: skip

TASK_CODE = handler(0x80)
FAR = le(0, 4) + le(OTHER_TSS_SELECTOR, 2)
JMP, CALL = b"\xea" + FAR, b"\x9a" + FAR
JMP_MEMORY, CALL_MEMORY = b"\xff\x2d" + le(DATA, 4), b"\xff\x1d" + le(DATA, 4)
WAYS = {"jmp": JMP, "call": CALL, "jmp m16:32": JMP_MEMORY, "call m16:32": CALL_MEMORY}
AVAILABLE, BUSY = 9, 0xB
BT = 1 << 15


def with_task(code: bytes, *, flags: int = IF, eflags: int = CF | FIXED) -> X86Bench:
    """About to switch to a second task at TASK_CODE, with a stack of its own."""
    bench = X86Bench("protected32", code, flags=flags, rax=0x55AA)
    bench.memory.write(DATA, FAR)
    bench.descriptor(OTHER_TSS_SELECTOR, OTHER_TSS, 0x67, A_TSS32)
    for offset, value in ((CR3, ROOT), (EIP, TASK_CODE), (EFLAGS, eflags), (EAX, 0x1234), (ESP, OTHER_STACK)):
        bench.tss(offset, value, 4, OTHER_TSS)
    for offset, value in ((ES, KERNEL_DATA), (CS, KERNEL_CODE), (TSS_SS, KERNEL_DATA), (TSS_DS, KERNEL_DATA)):
        bench.tss(offset, value, 2, OTHER_TSS)
    return bench


@pytest.mark.parametrize("way", WAYS)
def test_table_7_2(way: str) -> None:
    """CALL nests: the link leads back, NT is set and the old task stays busy. JMP does none of it."""
    nests = way.startswith("call")
    bench = with_task(WAYS[way])
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["rsp"], bench.cpu["rax"]) == ([], TASK_CODE, OTHER_STACK, 0x1234)
    assert bench.flags == CF | FIXED | (NT if nests else 0)
    assert (type_of(bench, TSS_SELECTOR), type_of(bench, OTHER_TSS_SELECTOR)) == (BUSY if nests else AVAILABLE, BUSY)
    assert field(bench, LINK, 2, OTHER_TSS) == (TSS_SELECTOR if nests else 0)
    assert (bench.cpu["tr"], bench.cpu["cr0"] & 8) == (OTHER_TSS_SELECTOR, 8)
    saved = [field(bench, offset, 4) for offset in (EIP, EFLAGS, EAX, ESP)]
    assert saved == [CODE + len(WAYS[way]), IF | FIXED, 0x55AA, STACK]


def test_iret_returns_and_leaves_nt_in_neither() -> None:
    bench = with_task(CALL)
    bench.handler(0x80, IRET)
    bench.step(2)
    assert (bench.rip, bench.cpu["rsp"], bench.cpu["rax"], bench.flags) == (CODE + 7, STACK, 0x55AA, IF | FIXED)
    assert (type_of(bench, TSS_SELECTOR), type_of(bench, OTHER_TSS_SELECTOR)) == (BUSY, AVAILABLE)
    assert (field(bench, EIP, 4, OTHER_TSS), field(bench, EFLAGS, 4, OTHER_TSS)) == (TASK_CODE + 1, CF | FIXED)
    assert bench.cpu["tr"] == TSS_SELECTOR


@pytest.mark.parametrize("way", WAYS)
def test_the_t_flag_of_the_new_task_traps_before_its_first_instruction(way: str) -> None:
    """SDM vol. 3B 17.3.1.5."""
    bench = with_task(WAYS[way], eflags=FIXED)
    bench.tss(TRAP_FLAG, 1, 2, OTHER_TSS)
    bench.step(2)
    assert bench.vectors == [DB]
    assert bench.stack(3)[:2] == [TASK_CODE, KERNEL_CODE]
    assert bench.cpu["dr6"] & 0xE00F == BT


def test_the_t_flag_traps_in_the_task_that_iret_returns_to() -> None:
    bench = with_task(CALL, flags=0)
    bench.handler(0x80, IRET)
    bench.tss(TRAP_FLAG, 1, 2)
    bench.step(3)
    assert bench.vectors == [DB]
    assert bench.stack(3) == [CODE + 7, KERNEL_CODE, FIXED]


def test_ltr_of_a_tss_with_the_t_flag_is_no_switch() -> None:
    bench = with_task(bytes.fromhex("0f00d8") + NOP)  # ltr ax
    bench.cpu["rax"] = OTHER_TSS_SELECTOR
    bench.tss(TRAP_FLAG, 1, 2, OTHER_TSS)
    bench.step(2)
    assert (bench.vectors, bench.cpu["tr"], bench.rip) == ([], OTHER_TSS_SELECTOR, CODE + 4)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("offset", "selector", "vector"),
    [
        (LDT_FIELD, 0x100, TS),
        (LDT_FIELD, KERNEL_DATA, TS),
        (LDT_FIELD, 0x14, TS),
        (TSS_DS, 0x100, TS),
        (TSS_DS, SPARE, NP),
        (ES, KERNEL_CODE | 0x100, TS),
        (0x58, SPARE, NP),
    ],
)
def test_a_bad_selector_faults_at_the_new_tasks_first_instruction(
    way: str, offset: int, selector: int, vector: int
) -> None:
    """Table 7-1 and 7.3: the switch is complete; the rest is as for gates."""
    bench = with_task(WAYS[way])
    bench.descriptor(SPARE, 0, WHOLE, A_CODE32 + A_NOT_PRESENT)
    bench.tss(offset, selector, 2, OTHER_TSS)
    bench.step()
    frame = bench.frame(error=True)
    assert (bench.vectors, frame.error, frame.ip, frame.cs) == ([vector], selector & 0xFFFC, TASK_CODE, KERNEL_CODE)
    assert (bench.cpu["tr"], bench.cpu["rsp"], bench.cpu["rax"]) == (OTHER_TSS_SELECTOR, OTHER_STACK - 16, 0x1234)
    assert field(bench, EIP, 4) == CODE + len(WAYS[way])
    assert frame.flags & RF == RF


@pytest.mark.parametrize(("selector", "vector"), [(USER_DATA, TS), (SPARE, SS), (0, TS)])
def test_a_bad_stack_segment_faults_with_its_selector(selector: int, vector: int) -> None:
    bench = with_task(CALL)
    bench.descriptor(SPARE, 0, WHOLE, 0xC09300 + A_NOT_PRESENT)
    bench.tss(TSS_SS, selector, 2, OTHER_TSS)
    bench.step()
    assert (bench.vectors, bench.deliveries[-1].error, bench.deliveries[-1].pc) == (
        [vector],
        selector & 0xFFFC,
        TASK_CODE,
    )


def test_an_eip_beyond_the_code_segment_is_a_general_protection_fault_there() -> None:
    bench = with_task(JMP)
    bench.descriptor(SPARE, 0, 0x9FFF, 0x409B00)
    bench.tss(CS, SPARE, 2, OTHER_TSS)
    bench.tss(EIP, 0xA000, 4, OTHER_TSS)
    bench.step()
    assert (bench.vectors, bench.deliveries[-1].error, bench.deliveries[-1].pc) == ([13], 0, 0xA000)


def test_a_conforming_code_segment_of_a_more_privileged_level_may_be_entered() -> None:
    """Table 7-1: DPL of a conforming CS at most its RPL."""
    bench = with_task(JMP)
    bench.descriptor(CONFORMING, 0, WHOLE, A_CODE32 + A_CONFORMING)
    bench.tss(CS, CONFORMING | 3, 2, OTHER_TSS)
    for offset in (TSS_SS, TSS_DS, ES):
        bench.tss(offset, USER_DATA, 2, OTHER_TSS)
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu.cpl, bench.cpu["cs"]) == ([], TASK_CODE, 3, CONFORMING | 3)


@pytest.mark.parametrize("old16", [False, True])
@pytest.mark.parametrize("way", ["jmp", "call"])
def test_each_task_is_kept_in_the_layout_of_its_own_tss(way: str, old16: bool) -> None:
    """Figures 7-2 and 7-10: a 16-bit TSS has words, and neither FS nor GS; a 32-bit old task is saved whole."""
    bench = with_task(WAYS[way], flags=IF)
    if old16:
        bench.memory.write(TSS, bytes(0x68))
        bench.descriptor(TSS_SELECTOR, TSS, 0x2B, A_TSS16_BUSY)
        bench.cpu.set_segment("tr", Segment(TSS_SELECTOR, TSS, 0x2B, A_TSS16_BUSY))
    bench.descriptor(OTHER_TSS_SELECTOR, OTHER_TSS, 0x2B, A_TSS16)
    bench.memory.write(OTHER_TSS, bytes(0x68))
    fields = {
        TSS16_IP: TASK_CODE, TSS16_FLAGS: CF | FIXED, TSS16_AX: 0x1234, TSS16_SP: OTHER_STACK - 0x10,
        TSS16_ES: KERNEL_DATA, TSS16_CS: KERNEL_CODE, TSS16_SS: KERNEL_DATA, TSS16_DS: KERNEL_DATA,
    }  # fmt: skip
    for offset, value in fields.items():
        bench.tss(offset, value, 2, OTHER_TSS)
    bench.step()
    assert (bench.vectors, bench.rip, bench.cpu["rax"], bench.cpu["rsp"]) == ([], TASK_CODE, 0xFFFF1234, 0xFFFFEFF0)
    selectors = [bench.cpu[name] for name in ("es", "cs", "ss", "ds", "fs", "gs")]
    assert selectors == [KERNEL_DATA, KERNEL_CODE, KERNEL_DATA, KERNEL_DATA, 0, 0]
    if old16:
        saved = [field(bench, offset, 2) for offset in (TSS16_IP, TSS16_FLAGS, TSS16_AX, TSS16_SP, TSS16_CS, TSS16_DS)]
        assert saved == [CODE + 7, IF | FIXED, 0x55AA, STACK & 0xFFFF, KERNEL_CODE, KERNEL_DATA]
        assert bench.memory.read(TSS + 0x2C, 0x3C) == bytes(0x3C)
    else:
        assert [field(bench, offset, 4) for offset in (EIP, EAX, ESP)] == [CODE + 7, 0x55AA, STACK]
        assert [field(bench, offset, 2) for offset in (CS, TSS_DS)] == [KERNEL_CODE, KERNEL_DATA]


def test_there_and_back_in_single_steps_and_at_once_is_the_same() -> None:
    whole, stepped = (with_task(CALL + NOP * 2, flags=0) for _ in range(2))
    for bench in (whole, stepped):
        bench.handler(0x80, NOP + IRET)
    whole.step(5)
    for _ in range(5):
        stepped.step()
    assert whole.outcome() == stepped.outcome()
    assert (whole.rip, whole.machine.trace.hash) == (CODE + 9, stepped.machine.trace.hash)
