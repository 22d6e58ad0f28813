"""What hides between two x86 instructions is in a snapshot: each by its manual's consequence, after a detour."""

from __future__ import annotations

import pytest
from x86.x86_bench import (
    CODE,
    DATA,
    DB,
    FIXED,
    HLT,
    IF,
    IRET,
    KERNEL_CODE,
    KERNEL_DATA,
    MOV_SS_AX,
    NMI,
    NOP,
    PAGES,
    REP_STOSB,
    STI,
    Frame,
    X86Bench,
    handler,
    le,
)  # fmt: skip

from core.visible_state import there_and_back
from vmm.arch.x86.traps import Port


@pytest.mark.parametrize("mode", ["real", "protected32", "long64"])
def test_the_shadow_of_sti(mode):
    """SDM vol. 2B STI: interrupts are recognised after the instruction that follows."""
    bench = X86Bench(mode, STI + NOP * 3)
    bench.external(0x40)
    bench.step()
    there_and_back(bench.machine)
    assert (bench.vectors, bench.cpu.shadow) == ([], "sti")
    bench.step(2)
    assert (bench.vectors, bench.frame()[0]) == ([0x40], CODE + 2)


def test_the_shadow_of_mov_ss_holds_an_nmi_back():
    """SDM vol. 3A 6.8.3."""
    bench = X86Bench("protected32", MOV_SS_AX + NOP * 3, flags=IF, rax=KERNEL_DATA)
    bench.step()
    bench.machine.nmi()
    there_and_back(bench.machine)
    assert (bench.vectors, bench.cpu.shadow) == ([], "mov ss")
    bench.step(2)
    assert (bench.vectors, bench.frame()[0]) == ([NMI], CODE + len(MOV_SS_AX) + 1)


def test_nmis_are_blocked_until_iret_and_one_is_latched():
    """SDM vol. 3A 6.7.1."""
    bench = X86Bench("protected32", NOP * 8)
    bench.handler(NMI, NOP * 3 + IRET)
    bench.machine.nmi()
    bench.step()
    bench.machine.nmi()
    there_and_back(bench.machine)
    assert (bench.vectors, bench.cpu.nmi_blocked) == ([NMI], True)
    bench.step(3)
    assert bench.vectors == [NMI]
    bench.step()
    assert bench.vectors == [NMI, NMI]


def test_an_edge_stays_latched_in_the_8259a_though_its_line_is_low():
    bench = X86Bench("protected32", NOP + STI + NOP * 8)
    bench.initialise_pic()
    bench.machine.irq(5).raise_()
    bench.step()
    there_and_back(bench.machine)
    assert bench.machine.pic.master.irr == 1 << 5
    bench.step(3)
    assert bench.vectors == [0x25]


def test_hlt_sleeps_to_its_deadline():
    """An instruction takes 10 ns: HLT, the jump to the timer's deadline, one of the handler."""
    bench = X86Bench("protected32", HLT, flags=IF)
    bench.machine.clock.timer(lambda: bench.external(0x40)).at(5000)
    bench.step()
    there_and_back(bench.machine)
    assert (bench.cpu.halted, bench.machine.now_ns) == (True, 10)
    bench.step()
    assert (bench.vectors, bench.machine.now_ns) == ([0x40], 5010)


def test_a_string_instruction_goes_on_where_it_was():
    """SDM vol. 2B REP: interrupted between iterations, with the registers of the next."""
    bench = X86Bench("protected32", REP_STOSB, flags=IF, rcx=100, rdi=DATA, rax=0x77)
    bench.step(30)
    bench.external(0x40)
    there_and_back(bench.machine, insns=200)
    assert (bench.rip, bench.cpu["rcx"]) == (CODE, 70)
    bench.handler(0x40, IRET)
    bench.step(80)
    assert (bench.vectors, bench.cpu["rcx"]) == ([0x40], 0)
    assert bench.memory.read(DATA, 101) == b"\x77" * 100 + b"\0"


# mov dr0, ebx; mov dr7, eax; mov dr7, ecx; mov [DATA], esi
MOV_DR0, ENABLE, DISABLE, STORE = (
    bytes.fromhex(code) for code in ("0f23c3", "0f23f8", "0f23f9", "8935" + le(DATA, 4).hex())
)
AT_STORE = CODE + 9
EXECUTION, WRITE = 0x401, 0xD0401
"""DR7 (SDM vol. 3B 17.2.4): L0, and for the write R/W0 01 and LEN0 11."""
KINDS = {"execution": (EXECUTION, AT_STORE), "write": (WRITE, DATA)}


def watched(kind: str) -> X86Bench:
    dr7, address = KINDS[kind]
    return X86Bench("protected32", MOV_DR0 + ENABLE + DISABLE + STORE, rax=dr7, rbx=address, rcx=0x400)


@pytest.mark.parametrize("kind", KINDS)
def test_a_breakpoint_that_was_disabled_on_the_detour_is_hit(kind):
    bench = watched(kind)
    bench.step(2)
    there_and_back(bench.machine)
    bench.cpu["rip"] = AT_STORE
    bench.reach(DB)
    assert bench.vectors == [DB]
    assert bench.frame().ip == (AT_STORE if kind == "execution" else AT_STORE + len(STORE))


@pytest.mark.parametrize("kind", KINDS)
def test_a_breakpoint_that_was_enabled_on_the_detour_is_gone(kind):
    bench = watched(kind)
    snapshot = bench.machine.snapshot()
    bench.step(2)
    bench.cpu["rip"] = AT_STORE
    bench.reach(DB)
    bench.machine.restore(snapshot)
    bench.cpu["rip"] = AT_STORE
    bench.step(5)
    assert (bench.vectors, bench.cpu["dr7"]) == ([], 0x400)


def test_memory_types_that_the_detour_wrote_are_gone():
    """IA32_MTRR_DEF_TYPE and IA32_MTRR_PHYSBASE7, which Unicorn keeps apart from the rest of its state."""
    bench = X86Bench("protected32", NOP)
    bench.cpu.set_msr(0x20E, 0x1006)
    snapshot = bench.machine.snapshot()
    bench.cpu.set_msr(0x20E, 0)
    bench.cpu.set_msr(0x2FF, 0xC06)
    bench.machine.restore(snapshot)
    assert (bench.cpu.msr(0x20E), bench.cpu.msr(0x2FF)) == (0x1006, 0)


def test_page_tables_that_the_detour_changed_are_walked_anew():
    load = bytes.fromhex("a1" + le(DATA, 4).hex())  # mov eax, [DATA]
    bench = X86Bench("paged32", load * 4)
    bench.memory.write(DATA, le(1, 4))
    bench.memory.write(DATA + 0x1000, le(2, 4))
    bench.step()
    snapshot = bench.machine.snapshot()
    bench.memory.write(PAGES + DATA // 0x1000 * 4, le(DATA + 0x1000 | 7, 4))
    bench.cpu["cr3"] = bench.cpu["cr3"]
    bench.step()
    assert bench.cpu["rax"] == 2
    bench.machine.restore(snapshot)
    bench.step()
    assert bench.cpu["rax"] == 1


def test_a_frame_is_pushed_on_the_stack_of_the_snapshot():
    bench = X86Bench("protected32", NOP * 4, flags=IF)
    there_and_back(bench.machine)
    bench.external(0x40)
    bench.step()
    assert bench.frame() == Frame(CODE, KERNEL_CODE, IF | FIXED)
    assert bench.rip == handler(0x40)


def test_a_script_keeps_its_traps_and_its_limit():
    out = bytes.fromhex("e699")  # out 99h, al
    bench = X86Bench("protected32", out * 8)
    snapshot = bench.machine.snapshot()
    seen = []
    bench.machine.trap(Port(0x99))(lambda trap: seen.append(trap.value))
    bench.machine.limit(insns=5)
    bench.step()
    bench.machine.restore(snapshot)
    assert bench.machine.run().reason == "limit"
    assert len(seen) == 1 + 5


def test_a_scenario_goes_on_waiting_for_what_it_waited_for():
    bench = X86Bench("protected32", NOP * 8)
    snapshot = bench.machine.snapshot()
    reached = []

    async def scenario(machine):
        await machine.reach(CODE + 5)
        reached.append(machine.instructions)

    bench.machine.start(scenario)
    bench.step(2)
    bench.machine.restore(snapshot)
    bench.step(8)
    assert reached == [5]
