"""Events of the CPU's own masks, while somebody records, and of shadows that hold something back."""

from __future__ import annotations

from arm.arm_bench import CODE as CODE64
from arm.arm_bench import DAIF, EL1H, Arm64Bench
from arm.opcodes import a64
from x86.x86_bench import CLI, CODE, FIXED, IF, KERNEL_DATA, MOV_SS_AX, NOP, POPF, STACK, STI, X86Bench, handler, le

from vmm.core.native import lib

MASK_I, UNMASK_I, UNMASK_ALL = "msr daifset, #2", "msr daifclr, #2", "msr daifclr, #0xf"


def masks(bench: X86Bench | Arm64Bench) -> list[tuple[int, int, int, int]]:
    """Instructions begun, where, now, before."""
    return [(e.insns, e.pc, e.number, e.value) for e in bench.machine.trace.of(kind="cpu mask")]


def kinds(bench: X86Bench) -> list[str]:
    return [event.kind for event in bench.machine.trace.of() if event.kind != "stop"]


def test_cli_and_sti_are_told_behind_them_and_at_their_address() -> None:
    bench = X86Bench("protected32", CLI + NOP + CLI + STI + STI + NOP, flags=IF)
    bench.machine.trace.record()
    bench.step(6)
    assert masks(bench) == [(1, CODE, 1, 0), (4, CODE + 3, 0, 1)]


def test_what_a_popf_lets_in_at_once_is_told_in_its_order() -> None:
    bench = X86Bench("protected32", POPF + NOP, rsp=STACK - 4)
    bench.memory.write(STACK - 4, le(IF | FIXED, 4))
    bench.external(0x40)
    bench.machine.trace.record()
    bench.step(2)
    assert kinds(bench) == ["cpu mask", "delivered", "cpu mask"]
    assert masks(bench) == [(1, CODE, 0, 1), (1, CODE, 1, 0)]
    assert bench.rip == handler(0x40)


def test_masks_are_not_told_where_nobody_records() -> None:
    bench = X86Bench("protected32", (CLI + STI) * 4, flags=IF)
    bench.step(8)
    assert not [event for event in bench.machine.trace.last() if event.kind == "cpu mask"]
    with bench.machine.trace.record():
        bench.step(1)
    assert masks(bench) == []


def test_an_sti_shadow_is_told_where_it_holds_something_back() -> None:
    bench = X86Bench("protected32", STI + NOP * 3)
    bench.external(0x40)
    bench.machine.trace.record()
    bench.step(3)
    assert kinds(bench) == ["cpu mask", "shadow", "delivered", "cpu mask"]
    (shadow,) = bench.machine.trace.of(kind="shadow")
    assert (shadow.insns, shadow.pc, bench.machine.trace.describe(shadow)) == (
        1, CODE, f"an interrupt waits for the end of the STI shadow at {CODE:#x}",
    )  # fmt: skip


def test_a_mov_ss_shadow_that_holds_an_nmi_back_is_told_without_a_recording_and_leaves_the_hash_alone() -> None:
    bench = X86Bench("protected32", MOV_SS_AX + NOP * 3, rax=KERNEL_DATA)
    bench.step(1)
    before = bench.machine.trace.hash
    bench.machine.nmi()
    bench.step(1)
    (shadow,) = [event for event in bench.machine.trace.last() if event.kind == "shadow"]
    assert (shadow.insns, shadow.pc, shadow.number) == (1, CODE, lib.VMM_SHADOW_MOV_SS)
    assert bench.machine.trace.hash == before
    bench.step(1)
    assert bench.vectors == [2]


def test_a_shadow_that_holds_nothing_back_is_no_event() -> None:
    bench = X86Bench("protected32", STI + NOP * 3)
    bench.machine.trace.record()
    bench.step(3)
    assert kinds(bench) == ["cpu mask"]


def test_daif_is_told_as_it_was_and_is() -> None:
    bench = Arm64Bench(a64("nop", UNMASK_I, "nop", MASK_I, UNMASK_ALL, "nop"), EL1H | DAIF)
    bench.machine.trace.record()
    bench.step(6)
    assert masks(bench) == [
        (2, CODE64 + 4, 0b1101, 0b1111), (4, CODE64 + 12, 0b1111, 0b1101), (5, CODE64 + 16, 0, 0b1111),
    ]  # fmt: skip


def test_what_an_unmask_lets_in_at_once_is_told_in_its_order_on_arm() -> None:
    bench = Arm64Bench(a64(UNMASK_I, "nop"), EL1H | DAIF)
    bench.raise_irq()
    bench.machine.trace.record()
    bench.step(2)
    told = [(event.kind, event.number) for event in bench.machine.trace.of() if event.kind in ("cpu mask", "delivered")]
    assert told == [("cpu mask", 0b1101), ("delivered", 72), ("cpu mask", 0b1111)]
