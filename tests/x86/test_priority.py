"""Rule 1: one ladder at every boundary (SDM vol. 3A table 6-2). What loses is held or comes again."""

from __future__ import annotations

import vmm
from vmm.inputs.traps import Trap
from x86.x86_bench import (
    CODE,
    DB,
    FIXED,
    HANDLERS,
    IF,
    INTERRUPT,
    IRET,
    KERNEL_CODE,
    NMI,
    NOP,
    OUT_PROBE,
    PF,
    POPF,
    RF,
    STACK,
    TF,
    TRAP,
    UD,
    UD2,
    Frame,
    X86Bench,
    handler,
    le,
)  # fmt: skip

AFTER_OUT = CODE + len(OUT_PROBE)
FETCH_ERROR = 0
"""#PF on a page that is not present, read by the supervisor (SDM vol. 3A 4.7); I/D is 0 while NX is off."""


def with_all_three_after_an_out(gate_type: int) -> X86Bench:
    bench = X86Bench("protected32", OUT_PROBE + NOP * 2, flags=IF | TF)
    for vector in (DB, NMI, 0x40):
        bench.gate(vector, type=gate_type)

    def raise_both() -> None:
        bench.external(0x40)
        bench.machine.nmi()

    bench.on_out(raise_both)
    return bench


def test_a_trap_on_the_previous_instruction_comes_before_an_nmi_and_an_nmi_before_an_interrupt() -> None:
    """SDM vol. 3A table 6-2: priorities 4, 5 and 6; each is taken at the first boundary of the handler before it."""
    bench = with_all_three_after_an_out(TRAP)
    bench.step(2)
    assert bench.vectors == [DB, NMI, 0x40]
    assert bench.rip == handler(0x40)
    frames = bench.stack(9)
    assert frames[0:3] == [handler(NMI), KERNEL_CODE, IF | FIXED]
    assert frames[3:6] == [handler(DB), KERNEL_CODE, IF | FIXED]
    assert frames[6:9] == [AFTER_OUT, KERNEL_CODE, IF | TF | FIXED]


def test_an_interrupt_gate_of_the_trap_holds_the_interrupt_but_not_the_nmi() -> None:
    """SDM vol. 3A 6.8.1: IF masks maskable interrupts only."""
    bench = with_all_three_after_an_out(INTERRUPT)
    bench.step(20)
    assert bench.vectors == [DB, NMI]
    assert bench.stack(6)[3:] == [AFTER_OUT, KERNEL_CODE, IF | TF | FIXED]


def test_with_an_nmi_and_an_interrupt_pending_the_nmi_is_first_and_the_interrupt_waits_for_its_iret() -> None:
    """SDM vol. 3A table 6-2 and 6.12.1.3: the interrupt gate of the NMI clears IF, IRET brings it back."""
    bench = X86Bench("protected32", NOP * 4, flags=IF)
    bench.handler(NMI, NOP + IRET)
    bench.external(0x40)
    bench.machine.nmi()
    bench.step()
    assert (bench.vectors, bench.rip) == ([NMI], handler(NMI) + 1)
    assert bench.frame() == Frame(CODE, KERNEL_CODE, IF | FIXED)
    bench.step(2)
    assert (bench.vectors, bench.rip) == ([NMI, 0x40], handler(0x40))
    assert bench.frame() == Frame(CODE, KERNEL_CODE, IF | FIXED)


def test_with_a_trap_gate_the_interrupt_is_taken_at_the_first_boundary_of_the_nmi_handler() -> None:
    """SDM vol. 3A 6.8.1: nothing but IF holds it there."""
    bench = X86Bench("protected32", NOP * 4, flags=IF)
    bench.gate(NMI, type=TRAP)
    bench.external(0x40)
    bench.machine.nmi()
    bench.step()
    assert bench.vectors == [NMI, 0x40]
    assert bench.frame() == Frame(handler(NMI), KERNEL_CODE, IF | FIXED)
    assert bench.cpu.nmi_blocked


def test_a_pending_interrupt_is_taken_before_the_instruction_that_would_fault_and_the_fault_comes_after_iret() -> None:
    """SDM vol. 3A table 6-2: priority 6 before 9; the lower one is discarded and comes again."""
    bench = X86Bench("protected32", UD2, flags=IF)
    bench.handler(0x40, IRET)
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert (bench.rip, bench.cpu["rsp"]) == (CODE, STACK)
    bench.step()
    assert bench.vectors == [0x40, UD]
    assert bench.frame() == Frame(CODE, KERNEL_CODE, IF | RF | FIXED)


def test_a_pending_nmi_is_taken_before_the_instruction_that_would_fault() -> None:
    """SDM vol. 3A table 6-2: priority 5 before 9."""
    bench = X86Bench("protected32", UD2)
    bench.handler(NMI, IRET)
    bench.machine.nmi()
    bench.step(2)
    assert bench.vectors == [NMI, UD]
    assert bench.frame() == Frame(CODE, KERNEL_CODE, RF | FIXED)


def test_a_pending_interrupt_is_taken_before_a_fault_on_fetching_the_next_instruction() -> None:
    """SDM vol. 3A table 6-2: priority 6 before 8. POPF, the last instruction of a page, sets IF; the next is absent."""
    bench = X86Bench("paged32", b"", rip=HANDLERS - 1, rsp=STACK - 4)
    bench.memory.write(HANDLERS - 1, POPF)
    bench.memory.write(STACK - 4, le(IF | FIXED, 4))
    bench.gate(0x40, offset=CODE)
    bench.gate(PF, offset=CODE + 0x10)
    bench.memory.write(CODE, IRET)
    bench.memory.write(CODE + 0x10, b"\xeb\xfe")
    bench.page(HANDLERS, 0)
    bench.external(0x40)
    bench.step()
    assert bench.vectors in ([], [PF]), "the interrupt must wait for POPF"
    bench.step(2)
    assert bench.vectors == [0x40, PF]
    assert bench.frame(error=True) == Frame(HANDLERS, KERNEL_CODE, IF | RF | FIXED, error=FETCH_ERROR)
    assert bench.cpu["cr2"] == HANDLERS


def test_a_pending_interrupt_is_taken_before_a_code_breakpoint_which_comes_after_iret() -> None:
    """SDM vol. 3A table 6-2: priority 6 before 7; vol. 3B 17.3.1.1: RF in the frame is as it was for a breakpoint."""
    mov_dr0_ebx, mov_dr7_eax = bytes.fromhex("0f23c3"), bytes.fromhex("0f23f8")
    at = CODE + 7
    bench = X86Bench("protected32", mov_dr0_ebx + mov_dr7_eax + POPF + NOP * 2, rsp=STACK - 4, rax=0x401, rbx=at)
    bench.memory.write(STACK - 4, le(IF | FIXED, 4))
    bench.handler(0x40, IRET)
    bench.external(0x40)
    bench.reach(DB)
    assert bench.vectors == [0x40, DB]
    assert bench.frame() == Frame(at, KERNEL_CODE, IF | FIXED)
    assert bench.cpu["dr6"] & 0xF == 1


def test_a_fault_through_a_trap_gate_lets_the_interrupt_in_at_the_first_boundary_of_its_handler() -> None:
    """SDM vol. 3A 6.12.1.3. The interrupt comes while the faulting instruction is under way."""
    bench = X86Bench("protected32", UD2, flags=IF)
    bench.gate(UD, type=TRAP)

    @bench.machine.trap(vmm.Exc(UD))
    def arrives(trap: Trap) -> None:
        bench.external(0x40)

    bench.step(2)
    assert bench.vectors == [UD, 0x40]
    assert bench.stack(6) == [handler(UD), KERNEL_CODE, IF | FIXED, CODE, KERNEL_CODE, IF | RF | FIXED]
