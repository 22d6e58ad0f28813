"""PAUSE ends a turn where there are several vCPUs, and is an instruction like any other (SDM vol. 2B PAUSE)."""

from __future__ import annotations

import pytest
from intc.apic.apic_bench import CODE as SPIN
from intc.apic.apic_bench import JMP_SELF, ApicBench
from x86.x86_bench import CODE, DB, FIXED, IF, KERNEL_DATA, MOV_SS_AX, NOP, RF, STI, TF, X86Bench

from vmm.core.native import lib
from vmm.scenario.slots import Slots

PAUSE, NO_PAUSE = bytes.fromhex("f390"), bytes.fromhex("6690")  # the latter is XCHG AX,AX
OTHER = 0x1400
AWAIT = bytes.fromhex("803e 0018 00 74f7")  # cmp byte [1800h],0; je SPIN
COUNT_AND_SET = bytes.fromhex("b9d007 e2fe c606 0018 01") + JMP_SELF  # mov cx,2000; loop $; mov byte [1800h],1
TURN = 1000
"""The quantum, unless a board says otherwise."""


def two_vcpus(code: bytes, other: bytes) -> ApicBench:
    """vCPU 0 in `code`, vCPU 1 in `other`."""
    bench = ApicBench(2)
    bench.code(code)
    bench.ram[OTHER : OTHER + len(other)] = other
    second = bench.apics[1]
    second.cpu.enter_real(0, OTHER, {})
    second.vcpu.off = 0
    return bench


def counts(bench: ApicBench) -> list[int]:
    return [apic.vcpu.count for apic in bench.apics]


@pytest.mark.parametrize(
    ("waiting", "costs"), [(PAUSE, 1 + 3 + 3 + 2), (NO_PAUSE, 3 * TURN + 3)], ids=["pause", "none"]
)
def test_waiting_for_another_vcpu_costs_one_round_a_turn(waiting: bytes, costs: int) -> None:
    """The other needs 2002 instructions, which end in its third turn. Until then: three turns up to the next PAUSE, and
    the rest of a round; or three whole turns, which are 1000 rounds, and one round more."""
    bench = two_vcpus(waiting + AWAIT, COUNT_AND_SET)
    Slots(bench.machine).take(lib.VMM_TRIGGER_REACH, at=SPIN + len(waiting + AWAIT))
    lib.vmm_run(bench.machine, 100_000)
    assert (bench.machine.stop.reason, bench.machine.stop.vcpu) == (lib.VMM_STOP_TRIGGER, 0)
    assert counts(bench) == [costs, 3 * TURN]


def test_two_that_pause_take_turns_of_one_pause_each() -> None:
    bench = two_vcpus(PAUSE * 50, PAUSE * 50)
    for begun in range(1, 21):
        lib.vmm_run(bench.machine, 1)
        assert counts(bench) == [(begun + 1) // 2, begun // 2]


@pytest.mark.parametrize("other_sleeps", [True, False], ids=["the other sleeps", "the other is off"])
def test_alone_awake_it_goes_on(other_sleeps: bool) -> None:
    bench = two_vcpus(PAUSE * 50, bytes.fromhex("f4"))
    bench.apics[1].vcpu.off = not other_sleeps
    lib.vmm_run(bench.machine, 21)
    assert counts(bench) == [20, 1] if other_sleeps else [21, 0]


@pytest.mark.parametrize("smp", [1, 2])
@pytest.mark.parametrize("mode", ["real", "protected32", "long64"])
def test_a_single_step_trap_comes_right_behind_it(mode: str, smp: int) -> None:
    """SDM vol. 3B 17.3.1.4."""
    bench = X86Bench(mode, PAUSE + NOP, flags=TF, smp=smp)
    bench.step(2)
    assert (bench.vectors, bench.frame().ip) == ([DB], CODE + 2)


@pytest.mark.parametrize("smp", [1, 2])
@pytest.mark.parametrize(("caster", "flags"), [(STI, 0), (MOV_SS_AX, IF)], ids=["STI", "MOV SS"])
def test_a_shadow_reaches_over_it_and_no_further(caster: bytes, flags: int, smp: int) -> None:
    """SDM vol. 2B STI, MOV: one instruction, whichever it is."""
    bench = X86Bench("protected32", caster + PAUSE + NOP, flags=flags, smp=smp, rax=KERNEL_DATA)
    bench.step()
    bench.external(0x40)
    bench.reach(0x40)
    assert bench.vectors == [0x40]
    assert bench.frame().ip == CODE + len(caster + PAUSE)


@pytest.mark.parametrize("smp", [1, 2])
def test_it_clears_rf_as_any_instruction_does(smp: int) -> None:
    """SDM vol. 3B 17.3.1.1."""
    bench = X86Bench("protected32", PAUSE + NOP, flags=RF | IF, smp=smp)
    bench.step()
    bench.external(0x40)
    bench.step()
    assert (bench.frame().ip, bench.frame().flags) == (CODE + 2, IF | FIXED)
