"""Events of the CPU's own masks and NMI blocking, while somebody records, and of shadows that hold something back."""

from __future__ import annotations

import pytest
from arm.arm_bench import CODE as CODE64
from arm.arm_bench import DAIF, EL1H, Arm64Bench
from arm.opcodes import a64
from x86.x86_bench import (
    CLI,
    CODE,
    FIXED,
    GP,
    IF,
    INT,
    IRET,
    IRETQ,
    KERNEL_DATA,
    MOV_SS_AX,
    NMI,
    NOP,
    POPF,
    STACK,
    STI,
    X86Bench,
    handler,
    le,
)  # fmt: skip

from vmm import boot
from vmm.core.native import lib

MASK_I, UNMASK_I, UNMASK_ALL = "msr daifset, #2", "msr daifclr, #2", "msr daifclr, #0xf"


def masks(bench: X86Bench | Arm64Bench) -> list[tuple[int, int, int, int]]:
    """Instructions begun, where, now, before."""
    return [(e.insns, e.pc, e.number, e.value) for e in bench.machine.trace.of(kind="cpu mask")]


def nmi_masks(bench: X86Bench) -> list[tuple[int, int, int, int]]:
    return [(e.insns, e.pc, e.number, e.value) for e in bench.machine.trace.of(kind="nmi mask")]


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


# ---- NMI blocking: SDM vol. 3A 6.7.1 ----


@pytest.mark.parametrize(("mode", "iret"), [("real", IRET), ("protected32", IRET), ("long64", IRETQ)])
def test_nmis_are_blocked_from_a_delivery_to_the_iret(mode: str, iret: bytes) -> None:
    """Whatever IF is: without a change of it too. The event is at the instruction that began last."""
    bench = X86Bench(mode, NOP * 4)
    bench.handler(NMI, NOP + iret)
    bench.machine.trace.record()
    bench.step()
    bench.machine.nmi()
    bench.step(4)
    assert nmi_masks(bench) == [(1, CODE, 1, 0), (3, handler(NMI) + 1, 0, 1)]


def test_the_iret_that_unblocks_is_any_and_not_what_ends_the_nmis_handler() -> None:
    bench = X86Bench("protected32", NOP * 2)
    bench.handler(NMI, INT(0x30) + NOP + IRET)
    bench.handler(0x30, IRET)
    bench.machine.trace.record()
    bench.step()
    bench.machine.nmi()
    bench.step(5)
    assert nmi_masks(bench) == [(1, CODE, 1, 0), (3, handler(0x30), 0, 1)]


def test_an_iret_of_no_handler_unblocks_too() -> None:
    """With a frame of its own making, after the NMI's was thrown away: no handler returns."""
    bench = X86Bench("protected32", NOP * 2)
    made = bytes.fromhex("83c40c 9c 6a08 68") + le(CODE + 1, 4)  # add esp, 12; pushfd; push 8; push CODE + 1
    bench.handler(NMI, made + IRET)
    bench.machine.trace.record()
    bench.step()
    bench.machine.nmi()
    bench.step(6)
    assert bench.rip == CODE + 2
    assert nmi_masks(bench) == [(1, CODE, 1, 0), (6, handler(NMI) + len(made), 0, 1)]


def test_an_iret_that_faults_has_unblocked_before_the_fault_is_delivered() -> None:
    bench = X86Bench("protected32", NOP)
    bench.handler(NMI, bytes.fromhex("c744240400010000") + IRET)  # mov dword [esp+4], 100h: beyond the GDT
    bench.machine.trace.record()
    bench.machine.nmi()
    bench.reach(GP)
    told = [(event.kind, event.number) for event in bench.machine.trace.of() if event.kind in ("nmi mask", "delivered")]
    assert told == [("delivered", NMI), ("nmi mask", 1), ("nmi mask", 0), ("delivered", GP)]


def test_nmi_blocking_is_told_alike_in_both_gears_and_hashed_in_none() -> None:
    told, hashes = [], set()
    for gear in ("fast", "precise"):
        machine = boot("x86/nmi_blocking", gear=gear, console=None)
        machine.trace.record()
        machine.run()
        told.append([(event.insns, event.number) for event in machine.trace.of(kind="nmi mask")])
        hashes.add(machine.trace.hash)
    unrecorded = boot("x86/nmi_blocking", console=None)
    unrecorded.run()
    assert told[0] == told[1]
    assert len(told[0]) == 14
    assert hashes == {unrecorded.trace.hash}
