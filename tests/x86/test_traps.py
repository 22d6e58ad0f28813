"""The hypervisor's view: Python takes an event before the guest does (vmm/inputs/traps.py)."""

from __future__ import annotations

from typing import Any

import pytest

import vmm
from vmm.arch.traps import Key
from vmm.inputs.traps import DONE, Trap
from x86.x86_bench import (
    CODE,
    DATA,
    DE,
    DIV_BL,
    FIXED,
    GP,
    HLT,
    IF,
    INT,
    INT3,
    KERNEL_CODE,
    KERNEL_CODE64,
    KERNEL_DATA,
    NOP,
    PF,
    RDMSR,
    RF,
    STACK,
    UD,
    UD2,
    WRMSR,
    Frame,
    X86Bench,
    handler,
)  # fmt: skip

SEEN = list[tuple[Any, ...]]


def watch(bench: X86Bench, key: Key, answer: str | None, **changes: int) -> SEEN:
    """Trap `key`, note what is seen, change registers and give `answer`."""
    seen: SEEN = []

    @bench.machine.trap(key)
    def look(trap: Trap) -> str | None:
        seen.append((trap.key, trap.value, trap.cpu["rip"]))
        for name, value in changes.items():
            trap.cpu[name] = value
        return answer

    return seen


def test_an_int_n_that_is_finished_reaches_no_handler() -> None:
    """RIP is after the instruction and registers are the handler's; the stack is untouched."""
    bench = X86Bench("protected32", INT(0x80) + NOP, flags=IF, rax=7)
    seen = watch(bench, vmm.Int(0x80), DONE, rax=42)
    bench.step()
    assert seen == [(vmm.Int(0x80), 0, CODE + 2)]
    assert bench.vectors == []
    assert (bench.rip, bench.cpu["rax"], bench.cpu["rsp"]) == (CODE + 2, 42, STACK)


def test_an_int_n_that_is_let_through_is_delivered_with_the_changed_registers() -> None:
    """SDM vol. 2A INT n, as if nobody had looked."""
    bench = X86Bench("protected32", INT(0x80), rax=7)
    seen = watch(bench, vmm.Int(0x80), None, rax=42)
    bench.step()
    assert len(seen) == 1
    assert (bench.vectors, bench.cpu["rax"]) == ([0x80], 42)
    assert bench.frame() == Frame(CODE + 2, KERNEL_CODE, FIXED)


def test_a_trapped_int_n_of_ring_3_needs_no_gate() -> None:
    """Python sees it before the DPL is looked at: the gate here has DPL 0."""
    bench = X86Bench("long64", INT(0x80), ring=3)
    watch(bench, vmm.Int(0x80), DONE)
    bench.step()
    assert (bench.vectors, bench.cpu.cpl, bench.rip) == ([], 3, CODE + 2)


def test_int3_is_trapped_as_vector_3() -> None:
    """INT3, CD 03 and INTO are software interrupts."""
    bench = X86Bench("protected32", INT3)
    seen = watch(bench, vmm.Int(3), DONE)
    bench.step()
    assert [row[0] for row in seen] == [vmm.Int(3)]
    assert bench.rip == CODE + 1


def test_a_trap_on_one_vector_sees_no_other() -> None:
    """Neither another INT n, nor an exception or interrupt with the same vector."""
    bench = X86Bench("protected32", INT(0x31), flags=IF)
    seen = watch(bench, vmm.Int(0x30), DONE)
    bench.step()
    bench.cpu["rflags"] = IF | FIXED
    bench.external(0x30)
    bench.step()
    assert bench.vectors == [0x31, 0x30]
    assert seen == []


@pytest.mark.parametrize(
    ("vector", "code", "error"),
    [(DE, DIV_BL, 0), (UD, UD2, 0), (GP, bytes.fromhex("8ed9"), 0x100), (GP, RDMSR, 0), (PF, bytes.fromhex("8a03"), 0)],
)
def test_an_exception_is_seen_with_its_error_code_at_the_instruction(vector: int, code: bytes, error: int) -> None:
    """Let through, it is delivered: SDM vol. 3A 6.5, faults."""
    bench = X86Bench("long64", code, rcx=0x100, rdx=0)
    bench.page(DATA, 0)
    bench.cpu["rbx"] = 0 if vector == DE else DATA
    seen = watch(bench, vmm.Exc(vector), None)
    bench.step()
    assert seen == [(vmm.Exc(vector), error, CODE)]
    assert bench.vectors == [vector]
    with_error = vector in (GP, PF)
    assert bench.frame(error=with_error) == Frame(
        CODE, KERNEL_CODE64, RF | FIXED, error=error if with_error else None, sp=STACK, ss=KERNEL_DATA
    )


@pytest.mark.parametrize(("vector", "code"), [(DE, DIV_BL), (UD, UD2)])
def test_an_exception_that_is_finished_goes_on_where_the_handler_says(vector: int, code: bytes) -> None:
    """A fault's RIP is at the instruction, so the handler moves it."""
    bench = X86Bench("protected32", code + NOP * 2, rbx=0)
    watch(bench, vmm.Exc(vector), DONE, rip=CODE + 2)
    bench.step(2)
    assert (bench.vectors, bench.rip) == ([], CODE + 3)


def test_a_hlt_that_is_finished_does_not_halt() -> None:
    """RIP is after HLT."""
    bench = X86Bench("protected32", HLT + NOP)
    seen = watch(bench, vmm.Hlt(), DONE)
    bench.step(2)
    assert len(seen) == 1
    assert (bench.rip, bench.cpu.halted) == (CODE + 2, False)


def test_a_hlt_that_is_let_through_halts() -> None:
    """And, with interrupts masked, ends the run."""
    bench = X86Bench("protected32", HLT)
    seen = watch(bench, vmm.Hlt(), None)
    assert bench.step(2).reason == "idle"
    assert len(seen) == 1


def test_an_msr_can_be_made_up() -> None:
    """RDMSR of an index that does not exist returns what the handler set; WRMSR shows what is written."""
    index = 0x4B564D00
    bench = X86Bench("long64", WRMSR + RDMSR, rcx=index, rax=0x11223344, rdx=0x5)
    written: list[tuple[bool, int]] = []

    @bench.machine.trap(vmm.Msr(index))
    def msr(trap: Trap) -> str:
        written.append((trap.write, trap.value))
        if not trap.write:
            trap.value = 0xAABBCCDD_00000001
        return DONE

    bench.step(2)
    assert written[0] == (True, 0x5_11223344)
    assert [write for write, _ in written] == [True, False]
    assert (bench.cpu["rax"], bench.cpu["rdx"], bench.rip) == (1, 0xAABBCCDD, CODE + 4)
    assert bench.vectors == []


def test_an_untrapped_msr_keeps_its_meaning_while_another_is_trapped() -> None:
    """SDM vol. 2B RDMSR: #GP(0) for one that does not exist."""
    bench = X86Bench("long64", RDMSR, rcx=0x12345)
    seen = watch(bench, vmm.Msr(0x4B564D00), DONE)
    bench.step()
    assert (seen, bench.vectors) == ([], [GP])


def test_a_port_can_be_made_up() -> None:
    """IN gets the handler's value, OUT shows what was written and how wide it is."""
    bench = X86Bench("protected32", bytes.fromhex("e799 e499"), rax=0x1234ABCD)  # out 99h, eax; in al, 99h
    seen: list[tuple[bool, int, int]] = []

    @bench.machine.trap(vmm.Port(0x99))
    def port(trap: Trap) -> str:
        seen.append((trap.write, trap.size, trap.value))
        trap.value = 0x5A
        return DONE

    bench.step(2)
    assert seen == [(True, 4, 0x1234ABCD), (False, 1, 0)]
    assert bench.cpu["rax"] == 0x1234AB5A


def test_a_port_that_is_let_through_reaches_its_device() -> None:
    """OUT 21h: the mask of the master 8259A."""
    bench = X86Bench("protected32", bytes.fromhex("e621"), rax=0x5F)
    seen = watch(bench, vmm.Port(0x21), None)
    bench.step()
    assert len(seen) == 1
    assert bench.machine.pic.master.imr == 0x5F


def test_an_error_in_a_handler_ends_the_run_and_is_raised_from_it() -> None:
    """Nothing of it is lost between C and Python."""
    bench = X86Bench("protected32", INT(0x80))

    @bench.machine.trap(vmm.Int(0x80))
    def broken(trap: Trap) -> None:
        raise LookupError("no such call")

    with pytest.raises(LookupError, match="no such call"):
        bench.step()


def test_a_trap_is_recorded_before_what_it_lets_through() -> None:
    """The trace has both, in order."""
    bench = X86Bench("protected32", INT(0x80))
    watch(bench, vmm.Int(0x80), None)
    bench.step()
    kinds = [event.kind for event in bench.machine.trace.last(2)]
    assert kinds == ["trapped", "delivered"]
    assert bench.rip == handler(0x80)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (vmm.Int, 256, "interrupt vector 0x100"),
        (vmm.Exc, 32, "exception vector 0x20"),
        (vmm.Port, 65536, "port 0x10000"),
    ],
)
def test_a_key_out_of_range_is_refused(key: Any, value: int, message: str) -> None:
    """One line that names it."""
    with pytest.raises(vmm.VmmError, match=message):
        key(value)
