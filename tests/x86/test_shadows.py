"""Rule 2: the interrupt shadows of STI, MOV SS and POP SS (SDM vol. 2 STI, MOV, POP, LSS; vol. 3A 6.8.3)."""

from __future__ import annotations

import pytest

from vmm.core.native import lib
from x86.x86_bench import (
    CLI,
    CODE,
    DB,
    FIXED,
    GP,
    HLT,
    IF,
    INT,
    IRET,
    KERNEL_CODE,
    KERNEL_DATA,
    MOV_SS_AX,
    NMI,
    NOP,
    POP_SS,
    POPF,
    RF,
    STACK,
    STI,
    TF,
    TRAP,
    UD,
    UD2,
    Frame,
    X86Bench,
    handler,
    le,
)  # fmt: skip

LSS_ESP = bytes.fromhex("0fb22500f00000")  # lss esp, [0f000h]


def loading_ss(code: bytes, flags: int = IF) -> X86Bench:
    """EAX holds the selector that SS has already, and so does the top of the stack."""
    bench = X86Bench("protected32", code, flags=flags, rax=KERNEL_DATA, rsp=STACK - 4)
    bench.memory.write(STACK - 4, le(KERNEL_DATA, 4))
    bench.memory.write(0xF000, le(STACK, 4) + le(KERNEL_DATA, 2))
    return bench


# ---- STI ----


@pytest.mark.parametrize("mode", ["real", "protected16", "protected32", "long64", "compat32"])
def test_sti_that_sets_if_admits_an_interrupt_only_after_the_next_instruction(mode: str) -> None:
    """SDM vol. 2B STI: interrupts are recognised after the instruction that follows."""
    bench = X86Bench(mode, STI + NOP * 3)
    bench.external(0x40)
    bench.step()
    assert (bench.vectors, bench.cpu.shadow) == ([], "sti")
    bench.step(2)
    assert bench.vectors == [0x40]
    assert bench.frame()[0] == CODE + 2


@pytest.mark.parametrize("prefix", ["66", "f3", "2e"])
def test_a_prefix_before_sti_changes_nothing(prefix: str) -> None:
    """SDM vol. 2A 2.1.1: prefixes that do not apply are ignored."""
    bench = X86Bench("protected32", bytes.fromhex(prefix) + STI + NOP * 3)
    bench.external(0x40)
    bench.step(3)
    assert bench.frame() == Frame(CODE + 3, KERNEL_CODE, IF | FIXED)


def test_sti_with_if_already_set_casts_no_shadow() -> None:
    """SDM vol. 2B STI: the delay is for an STI that found IF = 0."""
    bench = X86Bench("protected32", STI + NOP * 3, flags=IF)
    bench.step()
    assert bench.cpu.shadow is None
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [0x40]
    assert bench.frame() == Frame(CODE + 1, KERNEL_CODE, IF | FIXED)


def test_the_second_of_two_sti_casts_no_shadow_of_its_own() -> None:
    """SDM vol. 2B STI: IF is 1 when the second one begins, so the boundary after it is open."""
    bench = X86Bench("protected32", STI * 2 + NOP * 3)
    bench.external(0x40)
    bench.step(3)
    assert bench.frame() == Frame(CODE + 2, KERNEL_CODE, IF | FIXED)


def test_sti_cli_admits_nothing() -> None:
    """SDM vol. 2B STI: "if STI is followed by CLI, interrupts are not recognised"."""
    bench = X86Bench("protected32", (STI + CLI) * 4)
    bench.external(0x40)
    bench.step(12)
    assert bench.vectors == []
    assert bench.rip == CODE + 8


def test_sti_hlt_wakes_at_once_when_the_interrupt_was_pending() -> None:
    """SDM vol. 2A HLT, vol. 2B STI: HLT is the shadowed instruction; the frame points after it."""
    bench = X86Bench("protected32", STI + HLT + NOP)
    bench.external(0x40)
    bench.step(3)
    assert bench.vectors == [0x40]
    assert bench.frame() == Frame(CODE + 2, KERNEL_CODE, IF | FIXED)


def test_a_fault_in_the_sti_shadow_ends_it() -> None:
    """SDM vol. 3A 6.8.3: through a trap gate the interrupt comes at the first boundary of the fault's handler."""
    bench = X86Bench("protected32", STI + UD2)
    bench.gate(UD, type=TRAP)
    bench.external(0x40)
    bench.step(3)
    assert bench.vectors == [UD, 0x40]
    assert bench.stack(6) == [handler(UD), KERNEL_CODE, IF | FIXED, CODE + 1, KERNEL_CODE, IF | RF | FIXED]


def test_the_sti_shadow_outlives_a_stop_between_the_two_instructions() -> None:
    """Stepping must not change what the guest sees."""
    bench = X86Bench("protected32", STI + NOP * 3)
    bench.step()
    bench.external(0x40)
    bench.step()
    assert (bench.vectors, bench.rip) == ([], CODE + 2)
    bench.step()
    assert bench.frame() == Frame(CODE + 2, KERNEL_CODE, IF | FIXED)


@pytest.mark.parametrize(("code", "pushed"), [(POPF, [IF | FIXED]), (IRET, [CODE + 1, KERNEL_CODE, IF | FIXED])])
def test_popf_and_iret_that_set_if_cast_no_shadow(code: bytes, pushed: list[int]) -> None:
    """SDM vol. 2B POPF, vol. 2A IRET: neither delays interrupts."""
    bench = X86Bench("protected32", code + NOP * 3, rsp=STACK - 4 * len(pushed))
    bench.memory.write(STACK - 4 * len(pushed), b"".join(le(value, 4) for value in pushed))
    bench.external(0x40)
    bench.step(2)
    assert bench.vectors == [0x40]
    assert bench.frame() == Frame(CODE + 1, KERNEL_CODE, IF | FIXED)


# ---- MOV SS, POP SS ----


@pytest.mark.parametrize("load", [MOV_SS_AX, POP_SS])
def test_a_load_of_ss_holds_an_interrupt_for_one_instruction(load: bytes) -> None:
    """SDM vol. 2B MOV, POP; vol. 3A 6.8.3."""
    bench = loading_ss(load + NOP * 3)
    bench.step()
    assert bench.cpu.shadow == "mov ss"
    bench.external(0x40)
    bench.step()
    assert bench.vectors == []
    bench.step()
    assert bench.frame() == Frame(CODE + len(load) + 1, KERNEL_CODE, IF | FIXED)


@pytest.mark.parametrize("load", [MOV_SS_AX, POP_SS])
def test_a_load_of_ss_holds_an_nmi_for_one_instruction(load: bytes) -> None:
    """SDM vol. 3A 6.8.3: NMIs are inhibited as well."""
    bench = loading_ss(load + NOP * 3, flags=0)
    bench.step()
    bench.machine.nmi()
    bench.step()
    assert bench.vectors == []
    bench.step()
    assert bench.vectors == [NMI]
    assert bench.frame() == Frame(CODE + len(load) + 1, KERNEL_CODE, FIXED)


def test_lss_casts_no_shadow() -> None:
    """SDM vol. 3A 6.8.3: only MOV and POP to SS inhibit."""
    bench = loading_ss(LSS_ESP + NOP * 3)
    bench.step()
    assert bench.cpu.shadow is None
    bench.external(0x40)
    bench.step()
    assert bench.frame() == Frame(CODE + len(LSS_ESP), KERNEL_CODE, IF | FIXED)


def test_a_second_mov_ss_does_not_extend_the_shadow_of_the_first() -> None:
    """SDM vol. 3A 6.8.3: in a sequence of such loads only the first inhibits, or a guest could block NMIs for ever."""
    bench = loading_ss(MOV_SS_AX * 3 + NOP)
    bench.step()
    bench.external(0x40)
    bench.step(2)
    assert bench.vectors == [0x40]
    assert bench.frame() == Frame(CODE + 4, KERNEL_CODE, IF | FIXED)


def test_a_single_step_trap_on_mov_ss_waits_for_the_next_instruction() -> None:
    """SDM vol. 3A 6.8.3: single-step traps are suppressed until the boundary after the next instruction."""
    bench = loading_ss(MOV_SS_AX + NOP * 3, flags=TF)
    bench.step()
    assert bench.vectors == []
    bench.step()
    assert bench.vectors == [DB]
    assert bench.frame() == Frame(CODE + 3, KERNEL_CODE, TF | FIXED)
    assert bench.cpu["dr6"] & 0x4000


def test_an_int_n_in_the_shadow_ends_it() -> None:
    """SDM vol. 3A 6.8.3: the shadow is over at the boundary after INT n, which is the first one of its handler."""
    bench = loading_ss(MOV_SS_AX + INT(0x30))
    bench.gate(0x30, type=TRAP)
    bench.step()
    bench.external(0x40)
    bench.step(2)
    assert bench.vectors == [0x30, 0x40]
    assert bench.frame() == Frame(handler(0x30), KERNEL_CODE, IF | FIXED)


def test_a_fault_in_the_mov_ss_shadow_ends_it() -> None:
    """SDM vol. 3A 6.8.3: the fault is not inhibited, and after it nothing else is."""
    bench = loading_ss(MOV_SS_AX + UD2)
    bench.gate(UD, type=TRAP)
    bench.step()
    bench.external(0x40)
    bench.machine.nmi()
    bench.step(2)
    assert bench.vectors == [UD, NMI]
    assert bench.stack(6) == [handler(UD), KERNEL_CODE, IF | FIXED, CODE + 2, KERNEL_CODE, IF | RF | FIXED]


def test_a_mov_ss_that_faults_casts_no_shadow() -> None:
    """SDM vol. 2B MOV: the load did not happen. Selector 0 into SS is #GP(0)."""
    bench = loading_ss(MOV_SS_AX)
    bench.cpu["rax"] = 0
    bench.gate(GP, type=TRAP)
    bench.step()
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [GP, 0x40]
    assert bench.stack(7) == [handler(GP), KERNEL_CODE, IF | FIXED, 0, CODE, KERNEL_CODE, IF | RF | FIXED]


def test_sti_inside_a_mov_ss_shadow_casts_its_own() -> None:
    """SDM vol. 2B STI: IF went from 0 to 1, so the instruction after STI is covered as well."""
    bench = loading_ss(MOV_SS_AX + STI + NOP * 3, flags=0)
    bench.external(0x40)
    bench.step(2)
    assert (bench.vectors, bench.cpu.shadow) == ([], "sti")
    bench.step(2)
    assert bench.frame() == Frame(CODE + 4, KERNEL_CODE, IF | FIXED)


def test_mov_ss_inside_an_sti_shadow_casts_its_own() -> None:
    """SDM vol. 3A 6.8.3: STI is not a load of SS, so this is the first of its sequence."""
    bench = loading_ss(STI + MOV_SS_AX + NOP * 3, flags=0)
    bench.external(0x40)
    bench.step(2)
    assert (bench.vectors, bench.cpu.shadow) == ([], "mov ss")
    bench.step(2)
    assert bench.frame() == Frame(CODE + 4, KERNEL_CODE, IF | FIXED)


# ---- NMI and STI ----


def test_an_nmi_is_held_by_an_sti_shadow() -> None:
    """SDM vol. 2B STI: "the IA-32 may also block NMIs"; this machine does unless its profile says otherwise."""
    bench = X86Bench("protected32", STI + NOP * 3)
    bench.step()
    bench.machine.nmi()
    bench.step(2)
    assert bench.vectors == [NMI]
    assert bench.frame() == Frame(CODE + 2, KERNEL_CODE, IF | FIXED)


def test_a_profile_lets_an_nmi_into_an_sti_shadow_which_its_delivery_ends() -> None:
    """SDM vol. 2B STI: processors that do not block; IF of the frame is 1, and IRET leads back without a shadow."""
    bench = X86Bench("protected32", STI + NOP * 3)
    lib.vmm_x86_of(bench.machine._native.vcpus[0]).nmi_in_sti_shadow = 1
    bench.handler(NMI, IRET)
    bench.step()
    bench.machine.nmi()
    bench.external(0x40)
    bench.step()
    assert bench.vectors == [NMI]
    bench.step()
    assert bench.vectors == [NMI, 0x40]
    assert bench.frame() == Frame(CODE + 1, KERNEL_CODE, IF | FIXED)
