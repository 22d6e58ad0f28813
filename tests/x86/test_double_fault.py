"""Rule 6: faults during a delivery (SDM vol. 3A 6.15 "Interrupt 8", tables 6-4 and 6-5), and shutdown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vmm.arch.x86.vcpu import Segment
from x86.x86_bench import (
    CODE,
    DATA,
    DE,
    DIV_BL,
    DOUBLE,
    EXT,
    FIXED,
    GP,
    IF,
    IN_IDT,
    INT,
    IST1_STACK,
    IST2_STACK,
    KERNEL_CODE64,
    KERNEL_DATA,
    NOP,
    NP,
    PF,
    RF,
    STACK,
    UD,
    UD2,
    Frame,
    X86Bench,
    handler,
)  # fmt: skip

READ_ABSENT = bytes.fromhex("8a03")  # mov al, [rbx]
LOAD_BAD_DS = bytes.fromhex("8ed9")  # mov ds, ecx: beyond the GDT
BAD_SELECTOR = 0x100
SUPERVISOR_WRITE = 2
"""#PF error code: W/R set, the page not present."""

FIRST = {
    # first exception: (instruction, its error code or None)
    UD: (UD2, None),
    DE: (DIV_BL, None),
    GP: (LOAD_BAD_DS, BAD_SELECTOR),
    PF: (READ_ABSENT, 0),
}


def bench_for(first: int, code: bytes | None = None) -> X86Bench:
    """An absent page at DATA; #DF on IST1, and IST2 runs down into an absent page."""
    bench = X86Bench("long64", FIRST[first][0] if code is None else code, flags=IF, rcx=BAD_SELECTOR, rdx=0)
    bench.cpu["rbx"] = 0 if first == DE else DATA
    bench.page(DATA, 0)
    bench.page(IST2_STACK - 0x1000, 0)
    bench.gate(DOUBLE, ist=1)
    return bench


def absent_gate(bench: X86Bench, vector: int) -> None:
    bench.gate(vector, present=False)


def absent_stack(bench: X86Bench, vector: int) -> None:
    bench.gate(vector, ist=2)


def expected_frame(error: int, flags: int = RF) -> Frame:
    return Frame(CODE, KERNEL_CODE64, IF | flags | FIXED, error=error, sp=STACK, ss=KERNEL_DATA)


@pytest.mark.parametrize("first", [UD, DE, GP, PF])
def test_a_second_contributory_exception_doubles_a_contributory_one_and_a_page_fault_only(first: int) -> None:
    """SDM vol. 3A table 6-5: after a benign first one (#UD) the second is handled serially."""
    bench = bench_for(first)
    absent_gate(bench, first)
    bench.step()
    if first == UD:
        assert bench.vectors == [NP]
        assert bench.frame(error=True) == expected_frame(first * 8 | IN_IDT | EXT)
        return
    assert bench.vectors == [DOUBLE]
    assert bench.rip == handler(DOUBLE)
    assert bench.cpu["rsp"] == IST1_STACK - 48
    frame = bench.frame(error=True)
    assert (frame.error, frame.ip, frame.cs, frame.sp) == (0, CODE, KERNEL_CODE64, STACK)


@pytest.mark.parametrize("first", [UD, DE, GP, PF])
def test_a_second_page_fault_doubles_a_page_fault_only(first: int) -> None:
    """SDM vol. 3A table 6-5; 6.15 #PF: CR2 is the second one's address in either case."""
    bench = bench_for(first)
    absent_stack(bench, first)
    if first != PF:
        bench.gate(PF, ist=1)
    bench.step()
    assert bench.vectors == [DOUBLE if first == PF else PF]
    assert bench.cpu["cr2"] == IST2_STACK - 8
    frame = bench.frame(error=True)
    assert frame.error == (0 if first == PF else SUPERVISOR_WRITE)
    assert (frame.ip, frame.sp, frame.ss) == (CODE, STACK, KERNEL_DATA)
    assert bench.cpu["rsp"] == IST1_STACK - 48


@pytest.mark.parametrize("vector", [GP, PF, DE])
def test_a_software_interrupt_is_benign_whatever_its_vector(vector: int) -> None:
    """SDM vol. 3A table 6-4: INT n is in the benign class; a fault of its delivery is handled serially."""
    bench = bench_for(UD, INT(vector))
    absent_gate(bench, vector)
    bench.step()
    assert bench.vectors == [NP]
    assert bench.frame(error=True) == expected_frame(vector * 8 | IN_IDT)


@pytest.mark.parametrize("vector", [GP, PF])
def test_a_hardware_interrupt_is_benign_whatever_its_vector(vector: int) -> None:
    """SDM vol. 3A table 6-4."""
    bench = bench_for(UD, NOP)
    absent_gate(bench, vector)
    bench.external(vector)
    bench.step()
    assert bench.vectors == [NP]
    assert bench.frame(error=True) == expected_frame(vector * 8 | IN_IDT | EXT)


def test_a_chain_of_three_is_doubled_when_two_neighbours_double() -> None:
    """SDM vol. 3A table 6-5: #UD (benign) then #NP serially; #NP (contributory) then #NP again is #DF."""
    bench = bench_for(UD)
    absent_gate(bench, UD)
    absent_gate(bench, NP)
    bench.step()
    assert bench.vectors == [DOUBLE]
    assert bench.frame(error=True).ip == CODE


@pytest.mark.parametrize("defect", [absent_gate, absent_stack])
def test_a_fault_in_the_delivery_of_a_double_fault_shuts_down_and_names_the_chain(
    defect: Callable[[X86Bench, int], None],
) -> None:
    """SDM vol. 3A 6.15: shutdown. Nothing was delivered and the vCPU stands at the faulting instruction."""
    bench = bench_for(DE)
    absent_gate(bench, DE)
    defect(bench, DOUBLE)
    stop = bench.machine.run(insns=10)
    assert stop.reason == "shutdown"
    assert stop.exit_status == 125
    assert bench.vectors == []
    last = f"#NP({DOUBLE * 8 | IN_IDT | EXT:#x})" if defect is absent_gate else f"#PF({SUPERVISOR_WRITE:#x})"
    order = [stop.detail.find(name) for name in ("triple fault", "#DE", "#DF(0x0)", last)]
    assert -1 not in order
    assert order == sorted(order)
    assert (bench.rip, bench.cpu["rsp"]) == (CODE, STACK)


def test_a_machine_that_shut_down_stays_there() -> None:
    """SDM vol. 3A 6.15: no instruction is executed until NMI, SMI, INIT or RESET; a run says so again."""
    bench = X86Bench("real", INT(0x30))
    bench.cpu.set_segment("idtr", Segment(0, 0, 0, 0))
    assert bench.machine.run(insns=10).reason == "shutdown"
    assert bench.machine.run(insns=10).reason == "shutdown"


def test_a_real_mode_machine_without_vectors_shuts_down() -> None:
    """SDM vol. 3A 20.1.4, 6.15: LIDT with limit 0 and an INT, the classic way to reset a PC."""
    bench = X86Bench("real", INT(0x30))
    bench.cpu.set_segment("idtr", Segment(0, 0, 0, 0))
    stop = bench.machine.run(insns=10)
    assert stop.reason == "shutdown"
    order = [stop.detail.find(name) for name in ("interrupt 0x30", "#GP", "#DF")]
    assert -1 not in order
    assert order == sorted(order)


def test_a_double_fault_handler_that_faults_by_itself_is_a_fault_of_its_own() -> None:
    """SDM vol. 3A 6.15: only a fault of the delivery counts; a #UD in the handler is delivered."""
    bench = bench_for(DE)
    absent_gate(bench, DE)
    bench.handler(DOUBLE, UD2)
    bench.step(2)
    assert bench.vectors == [DOUBLE, UD]
    assert bench.frame().ip == handler(DOUBLE)


def test_two_faults_in_a_row_that_were_both_delivered_are_no_double_fault() -> None:
    """SDM vol. 3A 6.15: the second #GP comes from the handler of the first, not from its delivery."""
    bench = bench_for(GP)
    bench.handler(GP, LOAD_BAD_DS)
    bench.step(2)
    assert bench.vectors == [GP, GP]
    assert bench.frame(error=True).ip == handler(GP)
    assert bench.frame(error=True).error == BAD_SELECTOR
