"""Rule 7: HLT and what ends it; string instructions stop between iterations (SDM vol. 2A HLT, 2B REP)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vmm.core.native import lib
from vmm.machine.machine import Machine
from x86.x86_bench import (
    CLI,
    CODE,
    DATA,
    DATA2,
    DB,
    DF,
    FIXED,
    HLT,
    IF,
    IRET,
    IRETQ,
    KERNEL_CODE,
    NMI,
    NOP,
    REP_MOVSB,
    REP_STOSB,
    RF,
    STACK,
    TF,
    Frame,
    X86Bench,
    handler,
    le,
)  # fmt: skip

# ---- HLT ----


def wake_at(bench: X86Bench, deadline: int, vector: int = 0x40) -> None:
    bench.machine.clock.timer(lambda: bench.external(vector)).at(deadline)


@pytest.mark.parametrize("mode", ["real", "protected32", "long64"])
def test_an_interrupt_wakes_a_halted_cpu_and_its_frame_points_after_hlt(mode: str) -> None:
    """SDM vol. 2A HLT: "the saved instruction pointer points to the instruction following HLT"."""
    bench = X86Bench(mode, NOP + HLT + NOP, flags=IF)
    wake_at(bench, 1000)
    bench.step(3)
    assert bench.vectors == [0x40]
    assert bench.rip == handler(0x40)
    assert bench.frame()[:3] == (CODE + 2, bench.frame().cs, IF | FIXED)
    assert not bench.cpu.halted


def test_an_irq_line_wakes_a_halted_cpu_through_the_8259a() -> None:
    """SDM vol. 2A HLT, 8259A datasheet: vector 20h + 5, in service until EOI."""
    bench = X86Bench("protected32", HLT, flags=IF)
    bench.initialise_pic()
    line = bench.machine.irq(5)
    bench.machine.clock.timer(line.raise_).at(500)
    bench.step(2)
    assert bench.vectors == [0x25]
    assert bench.frame() == Frame(CODE + 1, KERNEL_CODE, IF | FIXED)
    assert bench.machine.pic.master.isr == 1 << 5
    assert bench.deliveries[0].source == "IRQ 5"


def test_a_masked_irq_line_does_not_wake_a_halted_cpu() -> None:
    """8259A datasheet, IMR: the request is latched and INT stays low."""
    bench = X86Bench("protected32", HLT, flags=IF)
    bench.initialise_pic()
    bench.machine.pic.write(0, 1, 1 << 5)
    bench.machine.irq(5).raise_()
    stop = bench.machine.run(insns=10)
    assert (stop.reason, stop.code) == ("idle", 0)
    assert bench.vectors == []
    assert bench.machine.pic.master.irr == 1 << 5


def test_hlt_with_interrupts_masked_and_nothing_pending_is_idle() -> None:
    """SDM vol. 2A HLT: only NMI, SMI, INIT or RESET could end it."""
    bench = X86Bench("protected32", HLT)
    bench.external(0x40)
    stop = bench.machine.run(insns=10)
    assert (stop.reason, stop.code, stop.exit_status) == ("idle", 1, 125)
    assert "masked" in stop.detail
    assert bench.vectors == []
    assert bench.cpu.halted


# ---- what IF does not mask ----

AS_NMI, AS_INIT, AS_FIXED, MASKED = 4 << 8, 5 << 8, 0x51, 1 << 16
LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1 = range(0x330, 0x370, 0x10)


def redirect(machine: Machine, pin: int, low: int) -> None:
    """Write the low half of a redirection entry of the IOAPIC; it leads to APIC id 0."""
    lib.vmm_ioapic_write(machine._native, 0x00, 0x10 + 2 * pin)
    lib.vmm_ioapic_write(machine._native, 0x10, low)


def test_the_8254_as_an_nmi_of_the_ioapic_wakes_a_cpu_that_masks_interrupts() -> None:
    """SDM vol. 2A HLT, 82093AA datasheet 3.2.4: IRQ 0 is pin 2, and NMIs are not masked by IF."""
    machine = Machine()
    machine.memory.write(CODE, CLI + HLT + NOP)
    machine.memory.write(4 * NMI, le(handler(NMI), 4))
    machine.cpu.enter_real(0, CODE, {})
    machine.cpu["rsp"] = STACK
    redirect(machine, 2, AS_NMI)
    assert machine.run(until=handler(NMI)).reason == "breakpoint"
    assert [event.number for event in machine.trace.last(100) if event.kind == "delivered"] == [NMI]
    assert int.from_bytes(machine.memory.read(STACK - 6, 2), "little") == CODE + 2
    assert 50_000_000 < machine.now_ns < 60_000_000  # 18.2 Hz


def sleep_masked(prepare: Callable[[X86Bench], object]) -> int:
    """CLI and HLT without end; 1 where nothing could wake it, 0 where nothing did."""
    bench = X86Bench("protected32", CLI + HLT)
    prepare(bench)
    stop = bench.machine.run(insns=10)
    assert stop.reason == "idle"
    assert bench.vectors == []
    return stop.code


def lvt(register: int, value: int) -> Callable[[X86Bench], object]:
    return lambda bench: lib.vmm_lapic_write(bench.machine._native.vcpus[0], register, value)


def pin(number: int, low: int) -> Callable[[X86Bench], object]:
    return lambda bench: redirect(bench.machine, number, low)


@pytest.mark.parametrize(
    "prepare",
    [pin(9, AS_NMI), pin(9, AS_INIT), lvt(LVT_LINT0, AS_NMI), lvt(LVT_LINT0, AS_INIT)],
)
def test_what_could_send_an_nmi_or_init_could_wake_a_cpu_that_masks_interrupts(
    prepare: Callable[[X86Bench], object],
) -> None:
    """SDM vol. 3A 11.5.1, 82093AA datasheet 3.2.4."""
    assert sleep_masked(prepare) == 0


@pytest.mark.parametrize(
    "prepare",
    [
        pin(9, AS_NMI | MASKED), pin(9, AS_FIXED), lvt(LVT_LINT0, AS_NMI | MASKED),
        lvt(LVT_THERMAL, AS_NMI), lvt(LVT_PERFORMANCE, AS_NMI), lvt(LVT_LINT1, AS_NMI),
    ],
)  # fmt: skip
def test_what_is_masked_or_maskable_or_driven_by_no_device_could_not(prepare: Callable[[X86Bench], object]) -> None:
    """Firmware leaves LINT1 as an NMI entry on every PC."""
    assert sleep_masked(prepare) == 1


def test_while_nmis_are_blocked_only_an_init_could() -> None:
    """SDM vol. 3A 6.7.1."""
    for mode, code in ((AS_NMI, 1), (AS_INIT, 0)):
        bench = X86Bench("protected32", NOP)
        bench.handler(NMI, HLT)
        redirect(bench.machine, 9, mode)
        bench.machine.nmi()
        stop = bench.machine.run(insns=10)
        assert (stop.reason, stop.code, bench.vectors) == ("idle", code, [NMI])


def test_an_idle_cpu_goes_on_when_an_interrupt_comes_later() -> None:
    """SDM vol. 2A HLT: a stop is the laboratory's, not the guest's; the vCPU is still halted when it is run again."""
    bench = X86Bench("protected32", HLT + NOP, flags=IF)
    assert bench.machine.run(insns=10).reason == "idle"
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.frame() == Frame(CODE + 1, KERNEL_CODE, IF | FIXED)


def test_hlt_in_a_loop_halts_again_after_iret() -> None:
    """SDM vol. 2A HLT: one event ends one HLT."""
    bench = X86Bench("protected32", HLT + bytes.fromhex("ebfd"), flags=IF)
    bench.handler(0x40, IRET)
    wake_at(bench, 1000)
    assert bench.machine.run(insns=100).reason == "idle"
    assert bench.vectors == [0x40]
    assert bench.cpu.halted


def test_a_single_step_trap_ends_hlt_at_once() -> None:
    """SDM vol. 3B 17.3.1.4: the #DB comes after HLT, as after any instruction."""
    bench = X86Bench("protected32", HLT, flags=TF)
    bench.step(2)
    assert bench.vectors == [DB]
    assert bench.frame() == Frame(CODE + 1, KERNEL_CODE, TF | FIXED)


# ---- REP ----

PATTERN = bytes(range(1, 9))


@pytest.mark.parametrize("done", [1, 2, 5, 7])
def test_rep_movsb_is_interrupted_between_iterations_with_rip_at_the_instruction(done: int) -> None:
    """SDM vol. 2B REP, vol. 3B 17.3.1.1: RCX, RSI and RDI tell how far it is; RF = 1 in the frame."""
    bench = X86Bench("long64", REP_MOVSB + NOP, flags=IF, rcx=8, rsi=DATA, rdi=DATA2)
    bench.memory.write(DATA, PATTERN)
    bench.handler(0x40, IRETQ)
    bench.step(done)
    bench.external(0x40)
    bench.reach(0x40)
    assert (bench.frame().ip, bench.frame().flags) == (CODE, IF | RF | FIXED)
    assert [bench.cpu[name] for name in ("rcx", "rsi", "rdi")] == [8 - done, DATA + done, DATA2 + done]
    assert bench.memory.read(DATA2, 8) == PATTERN[:done] + bytes(8 - done)
    bench.machine.run(until=CODE + 2, insns=20)
    assert (bench.vectors, bench.rip) == ([0x40], CODE + 2)
    assert bench.memory.read(DATA2, 9) == PATTERN + b"\0"
    assert bench.cpu["rcx"] == 0


def test_after_the_last_iteration_rip_is_behind_the_instruction_and_rf_is_clear() -> None:
    """SDM vol. 3B 17.3.1.1: "any iteration but the last"."""
    bench = X86Bench("protected32", REP_MOVSB + NOP, flags=IF, rcx=3, rsi=DATA, rdi=DATA2)
    bench.step(3)
    assert (bench.rip, bench.cpu.count) == (CODE + 2, 3)
    bench.external(0x40)
    bench.reach(0x40)
    assert bench.frame() == Frame(CODE + 2, KERNEL_CODE, IF | FIXED)
    assert bench.cpu["rcx"] == 0


def test_rep_with_a_count_of_zero_is_one_instruction() -> None:
    """SDM vol. 2B REP: nothing is moved."""
    bench = X86Bench("protected32", REP_STOSB + NOP * 2, rcx=0, rdi=DATA, rax=0xAA)
    bench.step()
    assert bench.rip == CODE + 2
    assert bench.memory.read(DATA, 1) == b"\0"


def test_a_backward_rep_stosb_in_real_mode_is_interrupted_the_same_way() -> None:
    """SDM vol. 2B STOS: DF = 1 counts down; the real-mode image of FLAGS has no RF."""
    bench = X86Bench("real", REP_STOSB, flags=IF | DF, rcx=4, rdi=0xE003, rax=0x5A)
    bench.step(3)
    bench.external(0x40)
    bench.step()
    assert bench.frame() == Frame(CODE, 0, IF | DF | FIXED)
    assert (bench.cpu["rcx"], bench.cpu["rdi"]) == (1, 0xE000)
    assert bench.memory.read(0xE000, 4) == b"\0\x5a\x5a\x5a"


def test_an_nmi_interrupts_a_string_instruction_like_an_interrupt() -> None:
    """SDM vol. 3B 17.3.1.1."""
    bench = X86Bench("protected32", REP_STOSB, rcx=4, rdi=DATA, rax=0x5A)
    bench.step(2)
    bench.machine.nmi()
    bench.step()
    assert bench.vectors == [2]
    assert bench.frame() == Frame(CODE, KERNEL_CODE, RF | FIXED)
    assert bench.cpu["rcx"] == 2


def test_repne_scasb_keeps_its_flags_across_an_interrupt() -> None:
    """SDM vol. 2B REPNE: it ends on ZF, which each iteration sets from its own comparison."""
    bench = X86Bench("protected32", bytes.fromhex("f2ae"), flags=IF, rcx=8, rdi=DATA, rax=5)
    bench.memory.write(DATA, PATTERN)
    bench.handler(0x40, bytes.fromhex("31c0") + bytes.fromhex("b805000000") + IRET)  # xor eax, eax; mov eax, 5
    bench.step(2)
    bench.external(0x40)
    bench.step(3 + 3)
    assert (bench.cpu["rcx"], bench.cpu["rdi"], bench.rip) == (3, DATA + 5, CODE + 2)
    assert bench.flags & 0x40


def test_a_single_step_trap_comes_after_each_iteration() -> None:
    """SDM vol. 3B 17.3.1.1, 17.3.1.4: RIP at the instruction and RF = 1 until the last iteration."""
    bench = X86Bench("protected32", REP_STOSB, flags=TF, rcx=2, rdi=DATA, rax=0x5A)
    bench.step()
    assert bench.vectors == [DB]
    assert bench.frame() == Frame(CODE, KERNEL_CODE, TF | RF | FIXED)
    bench.handler(DB, IRET)
    bench = X86Bench("protected32", REP_STOSB, flags=TF, rcx=1, rdi=DATA, rax=0x5A)
    bench.step()
    assert bench.frame() == Frame(CODE + 2, KERNEL_CODE, TF | FIXED)
    assert bench.cpu["rsp"] == STACK - 12


def test_a_page_fault_in_the_middle_of_a_string_leaves_the_iterations_before_it_done() -> None:
    """SDM vol. 2B REP: registers are those of the iteration that faulted, which starts again."""
    bench = X86Bench("paged32", REP_STOSB, rcx=4, rdi=DATA2 - 2, rax=0x5A)
    bench.page(DATA2, 0)
    bench.step(3)
    assert bench.vectors == [14]
    assert bench.frame(error=True) == Frame(CODE, KERNEL_CODE, RF | FIXED, error=2)
    assert (bench.cpu["rcx"], bench.cpu["rdi"], bench.cpu["cr2"]) == (2, DATA2, DATA2)
