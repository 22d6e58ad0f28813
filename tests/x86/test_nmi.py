"""Rule 3: an NMI is blocked from its delivery until the next IRET (SDM vol. 3A 6.7)."""

from __future__ import annotations

import pytest

from x86.x86_bench import (
    CODE,
    FIXED,
    GP,
    HLT,
    IF,
    INT,
    IRET,
    IRETQ,
    KERNEL_CODE,
    KERNEL_CODE64,
    KERNEL_DATA,
    NMI,
    NOP,
    RF,
    STACK,
    TRAP,
    Frame,
    X86Bench,
    handler,
)  # fmt: skip


def test_an_nmi_comes_through_vector_2_whatever_if_says() -> None:
    """SDM vol. 3A 6.7: NMIs are not maskable by IF; no interrupt is acknowledged for them."""
    bench = X86Bench("protected32", NOP * 4)
    bench.step()
    bench.machine.nmi()
    bench.step()
    assert bench.vectors == [NMI]
    assert (bench.rip, bench.flags) == (handler(NMI), FIXED)
    assert bench.frame() == Frame(CODE + 1, KERNEL_CODE, FIXED)
    assert bench.cpu.nmi_blocked
    assert (bench.machine.pic.master.isr, bench.machine.pic.slave.isr) == (0, 0)


@pytest.mark.parametrize(("mode", "iret"), [("real", IRET), ("protected32", IRET), ("long64", IRETQ)])
def test_one_more_nmi_is_latched_while_one_is_handled_and_the_rest_collapse(mode: str, iret: bytes) -> None:
    """SDM vol. 3A 6.7.1: blocked until IRET; the one latched comes at the boundary right after it."""
    bench = X86Bench(mode, NOP * 8)
    bench.handler(NMI, NOP + iret)
    bench.machine.nmi()
    bench.step()
    for _ in range(3):
        bench.machine.nmi()
    bench.step()
    assert bench.vectors == [NMI]
    assert not bench.cpu.nmi_blocked
    bench.step()
    assert bench.vectors == [NMI, NMI]
    assert bench.frame()[0] == CODE, "not one instruction ran between the two"
    bench.step(6)
    assert bench.vectors == [NMI, NMI]


def test_an_iret_that_faults_has_unblocked_nmis() -> None:
    """SDM vol. 3A 6.7.1 and vol. 2A IRET: blocking ends even if the instruction causes a fault."""
    bench = X86Bench("protected32", NOP)
    bench.handler(NMI, bytes.fromhex("c744240400010000") + IRET)  # mov dword [esp+4], 100h: beyond the GDT
    bench.machine.nmi()
    bench.step()
    assert bench.cpu.nmi_blocked
    bench.machine.nmi()
    bench.reach(GP)
    assert not bench.cpu.nmi_blocked
    bench.reach(NMI)
    assert bench.vectors == [NMI, GP, NMI]
    assert bench.frame() == Frame(handler(GP), KERNEL_CODE, FIXED)
    at_fault = bench.stack(7)[3:]
    assert at_fault == [0x100, handler(NMI) + 8, KERNEL_CODE, RF | FIXED]


def test_an_iret_of_a_nested_handler_unblocks_nmis_before_the_nmi_handler_ends() -> None:
    """SDM vol. 3A 6.7.1: any IRET ends the blocking."""
    bench = X86Bench("protected32", NOP)
    bench.handler(NMI, INT(0x30) + NOP * 2)
    bench.handler(0x30, IRET)
    bench.machine.nmi()
    bench.reach(NMI)
    bench.machine.nmi()
    bench.step()
    bench.reach(NMI)
    assert bench.vectors == [NMI, 0x30, NMI]
    assert bench.frame()[0] == handler(NMI) + 2


def test_a_maskable_interrupt_with_vector_2_is_not_an_nmi() -> None:
    """SDM vol. 3A 6.3.2, 6.7: it obeys IF and blocks nothing."""
    bench = X86Bench("protected32", NOP * 4)
    bench.external(2)
    bench.step(2)
    assert bench.vectors == []
    bench.cpu["rflags"] = IF | FIXED
    bench.step()
    assert bench.vectors == [2]
    assert not bench.cpu.nmi_blocked
    bench.machine.nmi()
    bench.step()
    assert bench.vectors == [2, NMI]
    assert bench.frame() == Frame(handler(2), KERNEL_CODE, FIXED)


def test_int_2_is_not_an_nmi() -> None:
    """SDM vol. 3A 6.4.4: a software interrupt that calls the NMI handler does not block NMIs."""
    bench = X86Bench("protected32", INT(2))
    bench.step()
    assert (bench.vectors, bench.cpu.nmi_blocked) == ([2], False)
    bench.machine.nmi()
    bench.step()
    assert bench.vectors == [2, NMI]
    assert bench.frame() == Frame(handler(2), KERNEL_CODE, FIXED)


def test_blocking_holds_nothing_but_nmis() -> None:
    """SDM vol. 3A 6.7.1: an interrupt enters an NMI handler that has set IF."""
    bench = X86Bench("long64", NOP, flags=IF)
    bench.gate(NMI, type=TRAP)
    bench.machine.nmi()
    bench.step()
    bench.external(0x40)
    bench.machine.nmi()
    bench.step(3)
    assert bench.vectors == [NMI, 0x40]
    assert bench.cpu.nmi_blocked
    assert bench.frame() == Frame(handler(NMI), KERNEL_CODE64, IF | FIXED, sp=STACK - 40, ss=KERNEL_DATA)


def test_an_nmi_wakes_a_halted_cpu_that_masks_interrupts() -> None:
    """SDM vol. 2A HLT: an NMI resumes execution; the frame points after HLT."""
    bench = X86Bench("protected32", HLT + NOP)
    bench.handler(NMI, IRET)
    assert bench.step(2).reason == "idle"
    bench.machine.nmi()
    bench.step(2)
    assert bench.vectors == [NMI]
    assert bench.deliveries[0].pc == CODE + 1
    assert bench.rip == CODE + 2
