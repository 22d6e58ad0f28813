"""Rule 25: WFI and WFE (DDI0487 D1.16, DDI0406 B1.8.13-14). What is pending ends WFI, masked or not."""

from __future__ import annotations

import pytest

from arm.arm_bench import (
    AIF,
    CODE,
    DAIF,
    EL0,
    EL1H,
    ELXH_GROUP,
    INTID,
    IRQ,
    IRQ32,
    LOWER_A64,
    MODES,
    PIN,
    A,
    Arm32Bench,
    Arm64Bench,
    I,
    T,
)  # fmt: skip
from arm.opcodes import a32, a64, t32


def test_wfi_without_anything_that_could_come_is_idle() -> None:
    """The run ends and says where."""
    bench = Arm64Bench(a64("wfi", "mov x9, #1"))
    stop = bench.step(10)
    assert (stop.reason, bench.machine.instructions, bench.cpu.halted, bench.cpu["x9"]) == ("idle", 1, True, 0)


def test_a_masked_interrupt_ends_wfi_and_no_handler_runs() -> None:
    """DDI0487 D1.16.2: whatever PSTATE.{A,I,F}."""
    bench = Arm64Bench(a64("wfi", "mov x9, #1"), EL1H | DAIF)
    bench.raise_irq()
    bench.step(2)
    assert (bench.numbers, bench.cpu["x9"], bench.cpu.halted) == ([], 1, False)


@pytest.mark.parametrize("kind", ["irq", "fiq", "serror"])
def test_each_kind_of_interrupt_ends_wfi_although_masked(kind: str) -> None:
    """It comes while the vCPU sleeps."""
    bench = Arm64Bench(a64("wfi", "mov x9, #1"), EL1H | DAIF)
    assert bench.step(5).reason == "idle"
    {"irq": bench.raise_irq, "fiq": bench.raise_fiq, "serror": bench.cpu.serror}[kind]()
    bench.step()
    assert (bench.numbers, bench.cpu["x9"]) == ([], 1)


@pytest.mark.parametrize(("source", "group"), [(EL0, LOWER_A64), (EL1H, ELXH_GROUP)])
def test_an_unmasked_interrupt_is_taken_behind_wfi(source: int, group: int) -> None:
    """ELR is the next instruction; SCTLR_EL1.nTWI lets EL0 wait."""
    bench = Arm64Bench(a64("wfi", "mov x9, #1"), source, sctlr_el1=0x30D00800 | 1 << 16)
    assert bench.step(5).reason == "idle"
    bench.raise_irq()
    bench.step()
    bench.assert_taken(INTID, group + IRQ, after=1, elr=CODE + 4, spsr=source)
    assert bench.cpu["x9"] == 0


def test_an_interrupt_that_is_not_enabled_does_not_end_wfi() -> None:
    """What the GIC does not signal is not pending at the processor."""
    bench = Arm64Bench(a64("wfi", "nop"))
    bench.machine.irq(PIN).raise_()
    assert bench.step(5).reason == "idle"
    assert bench.machine.instructions == 1


def test_wfi_with_something_pending_does_not_wait_at_all() -> None:
    """Also again and again: nothing is consumed."""
    bench = Arm64Bench(a64("wfi", "wfi", "wfi", "mov x9, #1"), EL1H | DAIF)
    bench.raise_irq()
    bench.step(4)
    assert (bench.cpu["x9"], bench.machine.now_ns) == (1, 40)


def test_wfi_at_el0_is_trapped_unless_ntwi_is_set() -> None:
    """DDI0487 D13.2.118 SCTLR_EL1.nTWI; EC 0x01, CV 1, COND 14, TI 0; ELR is the WFI."""
    bench = Arm64Bench(a64("wfi"), EL0, sctlr_el1=0x30D00800 & ~(1 << 16))
    bench.step()
    bench.assert_taken(1, LOWER_A64, after=1, elr=CODE, spsr=EL0, esr=1 << 26 | 1 << 25 | 1 << 24 | 0xE << 20)


EVENTS_A64 = ["wfe", "yield", "sev", "sevl"]


@pytest.mark.parametrize("code", EVENTS_A64)
def test_hints_end_by_themselves(code: str) -> None:
    """DDI0487 C6.2: WFE may return at any time; with one vCPU it must not wait for ever."""
    bench = Arm64Bench(a64(code, "mov x9, #1"))
    bench.step(2)
    assert (bench.cpu["x9"], bench.numbers) == (1, [])


# ---- A32 and T32 ----


@pytest.mark.parametrize("thumb", [False, True])
def test_a_masked_interrupt_ends_wfi_of_armv7(thumb: bool) -> None:
    """DDI0406 B1.8.14: whatever CPSR's masks."""
    code = t32("wfi", "movs r7, #1") if thumb else a32("wfi", "mov r7, #1")
    bench = Arm32Bench(code, "svc", AIF, thumb=thumb)
    assert bench.step(5).reason == "idle"
    bench.raise_irq()
    bench.step()
    assert (bench.numbers, bench.cpu["r7"]) == ([], 1)


@pytest.mark.parametrize("thumb", [False, True])
def test_an_unmasked_interrupt_is_taken_behind_wfi_of_armv7(thumb: bool) -> None:
    """LR is the next instruction plus 4."""
    code = t32("wfi", "movs r7, #1") if thumb else a32("wfi", "mov r7, #1")
    bench = Arm32Bench(code, "usr", 0, thumb=thumb)
    assert bench.step(5).reason == "idle"
    bench.raise_irq()
    bench.step()
    behind = CODE + (2 if thumb else 4)
    bench.assert_taken(INTID, IRQ32, "irq", after=1, lr=behind + 4, spsr=MODES["usr"] | (T if thumb else 0), cpsr=A | I)
    assert bench.cpu["r7"] == 0


EVENTS = [
    (a32("wfe"), False), (a32("yield"), False), (a32("sev"), False),
    (t32("wfe"), True), (t32("yield"), True), (t32("sev"), True),
]  # fmt: skip


@pytest.mark.parametrize(("code", "thumb"), EVENTS)
def test_hints_of_armv7_end_by_themselves(code: bytes, thumb: bool) -> None:
    """And are no undefined instructions."""
    bench = Arm32Bench(code + (t32("movs r7, #1") if thumb else a32("mov r7, #1")), "usr", 0, thumb=thumb)
    bench.step(2)
    assert (bench.cpu["r7"], bench.numbers) == (1, [])
