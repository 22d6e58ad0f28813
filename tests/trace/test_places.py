"""Where events are: a script's at the boundary where the machine stands, a vCPU's own inputs of a GIC among them."""

from __future__ import annotations

from arm.arm_bench import CODE as ARM_CODE
from arm.arm_bench import EL1H, Arm64Bench
from arm.opcodes import a64
from scenario.irq5_guest import CODE, machine

import vmm
from vmm import Elapsed

TIMER_INTID = 27
"""Of the EL1 virtual timer, PPI 11."""


def places(m, *kinds):
    return [(event.kind, event.linear) for event in m.trace.last(100) if event.kind in kinds]


def test_what_a_script_causes_is_where_the_machine_stands():
    m = machine(flags=0)  # inc eax at CODE, jmp at CODE + 1
    m.irq(5).raise_()
    m.irq(5).lower()
    assert places(m, "line") == [("line", CODE)] * 2
    m.run(insns=1)
    m.irq(4).raise_()
    assert (m.cpu.pc, places(m, "line")[2:]) == (CODE + 1, [("line", CODE + 1)])
    m.run(insns=1)
    m.irq(3).raise_()
    assert places(m, "line")[3:] == [("line", CODE)]


def test_so_is_what_a_scenario_causes():
    m = machine(flags=0)

    async def scenario(m):
        await Elapsed(insns=3)
        m.irq(5).pulse()

    m.start(scenario)
    m.run(insns=10)
    # inc, jmp, inc: the jump is about to begin
    assert places(m, "line", "pending") == [("line", CODE + 1), ("pending", CODE + 1)]


def test_what_the_guest_causes_is_at_its_instruction_and_so_is_an_end():
    m = vmm.boot("x86/first_isr")
    m.run()
    line = next(event for event in m.trace.last(100) if event.kind == "line" and event.number == 5)
    stop = m.trace.last(1)[0]
    assert m.cpu.read(line.linear, 1) == b"\xee"  # out dx, al: to the test device
    assert stop.kind == "stop" and m.cpu.read(stop.linear, 2) == b"\x66\xef"  # out dx, ax: to the power port


def test_ppi_lines_are_told():
    bench = Arm64Bench(a64("b #0"), pstate=EL1H)
    m = bench.machine
    m.ppi(20).raise_()
    m.ppi(20).lower()
    assert places(m, "ppi") == [("ppi", ARM_CODE)] * 2
    with m.trace.record():
        m.run(insns=4)
        m.ppi(20).until_served()
        m.ppi(20).raise_()
        m.ppi(20).edge()
        told = [(event.number, event.value, event.vcpu, event.linear) for event in m.trace.of(kind="ppi")]
    assert told == [(20, level, 0, ARM_CODE) for level in (1, 0, 1, 0)]
    assert m.trace.describe(m.trace.of(kind="ppi").first) == f"PPI INTID 20 becomes 1 at {ARM_CODE:#x}"
    assert len(m.trace.of(kind="line")) == 0


def test_a_timers_output_is_one_of_them_and_changes_no_hash():
    hashes = []
    for logged in (False, True):
        m = vmm.boot("arm64/timer_ticks")
        if logged:
            m.trace.record()
        m.run()
        hashes.append(m.trace.hash)
        if logged:
            outputs = [event.value for event in m.trace.of(kind="ppi") if event.number == TIMER_INTID]
            assert outputs and outputs[::2] == [1] * len(outputs[::2]) and outputs[1::2] == [0] * len(outputs[1::2])
    assert hashes[0] == hashes[1]
