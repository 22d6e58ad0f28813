"""Rules 7 and 8: INT n, INT3, INTO and INT1 (SDM vol. 2A INT n; vol. 3A 6.4.4), and hardware that meets them."""

from __future__ import annotations

import pytest

import vmm
from vmm.inputs.traps import Trap
from x86.x86_bench import (
    CODE,
    DB,
    FIXED,
    ICEBP,
    IF,
    INT,
    INT3,
    INTERRUPT,
    INTO,
    IRET,
    KERNEL_CODE,
    KERNEL_DATA,
    NMI,
    NOP,
    OF,
    RF,
    STACK,
    TF,
    TRAP,
    UD,
    Frame,
    X86Bench,
    handler,
)  # fmt: skip

WITH_ERROR_CODE = [8, 10, 11, 12, 13, 14, 17]


@pytest.mark.parametrize("vector", WITH_ERROR_CODE)
def test_int_n_pushes_no_error_code_whatever_its_vector(vector: int) -> None:
    """SDM vol. 3A 6.13: error codes are for exceptions; 6.4.4 warns of the handler that pops one."""
    bench = X86Bench("protected32", INT(vector))
    bench.step()
    assert bench.vectors == [vector]
    assert bench.cpu["rsp"] == STACK - 12
    assert bench.frame() == Frame(CODE + 2, KERNEL_CODE, FIXED)
    assert bench.deliveries[0].source == "software"


@pytest.mark.parametrize("vector", WITH_ERROR_CODE)
def test_a_hardware_interrupt_pushes_no_error_code_whatever_its_vector(vector: int) -> None:
    """SDM vol. 3A 6.13: nor for external interrupts."""
    bench = X86Bench("long64", NOP, flags=IF)
    bench.external(vector)
    bench.step()
    assert bench.vectors == [vector]
    assert bench.cpu["rsp"] == STACK - 40
    assert bench.frame().ip == CODE


@pytest.mark.parametrize(("code", "vector"), [(INT(3), 3), (INT3, 3), (INT(0xFF), 0xFF), (INT(0), 0)])
def test_a_software_interrupt_saves_the_ip_after_it(code: bytes, vector: int) -> None:
    """SDM vol. 2A INT n: CD 03 is two bytes long, CC one; both come through vector 3."""
    for mode in ("real", "protected32", "long64"):
        bench = X86Bench(mode, code, flags=IF)
        bench.step()
        assert bench.vectors == [vector]
        assert bench.frame().ip == CODE + len(code)
        assert bench.frame().flags == IF | FIXED


def test_into_interrupts_only_on_overflow() -> None:
    """SDM vol. 2A INTO: vector 4 if OF = 1."""
    bench = X86Bench("protected32", INTO)
    bench.step()
    assert (bench.vectors, bench.rip) == ([], CODE + 1)
    bench = X86Bench("protected32", INTO, flags=OF)
    bench.step()
    assert bench.vectors == [4]
    assert bench.frame() == Frame(CODE + 1, KERNEL_CODE, OF | FIXED)


def test_into_is_undefined_in_64_bit_mode() -> None:
    """SDM vol. 2A INTO: #UD."""
    bench = X86Bench("long64", INTO, flags=OF)
    bench.step()
    assert bench.vectors == [UD]
    assert bench.frame().ip == CODE


@pytest.mark.parametrize("flags", [0, TF])
def test_int1_is_a_debug_trap_that_leaves_dr6_alone(flags: int) -> None:
    """SDM vol. 2A INT1 (F1): vector 1, IP after it; with TF there is no second trap, for delivery cleared TF."""
    bench = X86Bench("protected32", ICEBP, flags=flags)
    before = bench.cpu["dr6"]
    bench.step(3)
    assert bench.vectors == [DB]
    assert bench.frame() == Frame(CODE + 1, KERNEL_CODE, flags | FIXED)
    assert bench.cpu["dr6"] == before


def test_int_n_with_tf_set_does_not_trap_after_it() -> None:
    """SDM vol. 3B 17.3.1.4: INT n clears TF before the trap could come; IRET brings TF back, and one more traps."""
    bench = X86Bench("protected32", INT(0x30) + NOP * 2, flags=TF)
    bench.handler(0x30, NOP + IRET)
    bench.step(3)
    assert bench.vectors == [0x30]
    assert bench.rip == CODE + 2
    bench.step()
    assert bench.vectors == [0x30, DB]
    assert bench.frame() == Frame(CODE + 3, KERNEL_CODE, TF | FIXED)


# ---- a hardware interrupt that arrives while INT n is being emulated ----


def arriving_within_int(gate_type: int) -> X86Bench:
    bench = X86Bench("protected32", INT(0x30) + NOP * 4, flags=IF)
    bench.gate(0x30, type=gate_type)
    bench.handler(0x30, NOP + IRET)

    @bench.machine.trap(vmm.Int(0x30))
    def arrives(trap: Trap) -> None:
        bench.external(0x40)

    return bench


def test_an_interrupt_that_arrives_within_int_n_is_taken_at_the_first_boundary_of_a_trap_gates_handler() -> None:
    """SDM vol. 3A 6.12.1.3: IF stays, so it is delivered after INT n and before the handler's first instruction."""
    bench = arriving_within_int(TRAP)
    bench.step(2)
    assert bench.vectors == [0x30, 0x40]
    assert bench.stack(6) == [handler(0x30), KERNEL_CODE, IF | FIXED, CODE + 2, KERNEL_CODE, IF | FIXED]


def test_an_interrupt_that_arrives_within_int_n_waits_for_the_iret_of_an_interrupt_gates_handler() -> None:
    """SDM vol. 3A 6.8.1: IF is clear throughout the handler and set at the boundary after its IRET."""
    bench = arriving_within_int(INTERRUPT)
    bench.step(3)
    assert bench.vectors == [0x30]
    bench.step()
    assert bench.vectors == [0x30, 0x40]
    assert bench.frame() == Frame(CODE + 2, KERNEL_CODE, IF | FIXED)


def test_an_interrupt_pending_at_int_n_is_taken_before_it() -> None:
    """SDM vol. 3A table 6-2: the boundary comes first, and INT n is executed after IRET."""
    bench = X86Bench("protected32", INT(0x30), flags=IF)
    bench.handler(0x40, IRET)
    bench.external(0x40)
    bench.step(2)
    assert bench.vectors == [0x40, 0x30]
    assert bench.deliveries[0].pc == CODE
    assert bench.frame() == Frame(CODE + 2, KERNEL_CODE, IF | FIXED)


def test_an_nmi_that_arrives_within_int_n_is_taken_at_the_first_boundary_of_its_handler() -> None:
    """SDM vol. 3A 6.7: IF does not matter to it."""
    bench = X86Bench("long64", INT(0x30))

    @bench.machine.trap(vmm.Int(0x30))
    def arrives(trap: Trap) -> None:
        bench.machine.nmi()

    bench.step(2)
    assert bench.vectors == [0x30, NMI]
    frame = bench.frame()
    assert (frame.ip, frame.sp, frame.ss) == (handler(0x30), STACK - 40, KERNEL_DATA)
    assert frame.flags & RF == 0
