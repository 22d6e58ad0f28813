"""Scenarios beside a guest: where triggers fire, what they give, and what goes wrong in words."""

from __future__ import annotations

import pytest

from vmm import (
    Acknowledged,
    Boundary,
    Combine,
    Console,
    Delivered,
    Elapsed,
    Ended,
    EventNumber,
    First,
    LineChanged,
    NextBoundary,
    Reach,
    Returned,
    Shadow,
    Timeout,
    with_timeout,
)
from vmm.errors import VmmError

from .irq5_guest import CODE, HANDLER, IRQ5, machine, run


def test_reach_stands_before_the_instruction_at_the_address_each_time_it_comes_round():
    async def scenario(m):
        seen = []
        for _ in range(3):
            await Reach(CODE)
            seen.append((m.cpu.pc, m.cpu["eax"], m.instructions))
        return seen

    assert run(machine(), scenario) == [(CODE, 0, 0), (CODE, 1, 2), (CODE, 2, 4)]


def test_an_interrupt_raised_at_a_boundary_is_delivered_there():
    async def scenario(m):
        await Boundary(CODE, 7)
        m.irq(5).pulse()
        event = await Delivered(IRQ5)
        return event.insns, event.pc, m.cpu.pc, m.pic.master.isr

    assert run(machine(), scenario) == (7, CODE + 1, HANDLER, 1 << 5)


def test_the_path_of_an_interrupt_can_be_awaited_hop_by_hop():
    async def scenario(m):
        await Elapsed(insns=10)
        m.irq(5).raise_()
        hops = [await hop for hop in (Acknowledged(IRQ5), Ended(5), Returned(IRQ5))]
        return [(event.kind, event.insns) for event in hops], m.cpu.pc, m.cpu["ebx"]

    hops, pc, count = run(machine(), scenario)
    assert hops == [("acknowledged", 10), ("ended", 14), ("returned", 16)]
    assert (pc, count) == (CODE, 1)


def test_a_change_of_a_line_is_an_event_with_its_level():
    async def watch(m):
        return [(await LineChanged(5)).value, (await LineChanged(5, level=0)).value]

    async def drive(m):
        await Elapsed(insns=5)
        m.irq(5).raise_()
        await Elapsed(insns=5)
        m.irq(5).lower()

    m = machine(flags=0)
    watcher = m.start(watch)
    run(m, drive)
    assert watcher.result == [1, 0]


def test_elapsed_counts_instructions_and_virtual_time():
    async def scenario(m):
        await Elapsed(insns=100)
        counted = m.instructions
        await Elapsed(us=3)
        return counted, m.now_ns

    assert run(machine(), scenario) == (100, 1000 + 3000)


def test_a_sleeping_machine_wakes_for_a_scenario_that_waits_for_time():
    async def scenario(m):
        await Elapsed(ms=7)
        asleep = m.now_ns
        m.nmi()
        await Delivered(2)
        return asleep, m.cpu.pc

    assert run(machine(bytes.fromhex("fa f4 ebfe")), scenario) == (7_000_000, HANDLER)


def test_first_gives_the_one_that_fired_and_gives_up_the_others():
    async def scenario(m):
        slow, fast = Elapsed(insns=50), Elapsed(insns=20)
        fired = await First(slow, fast)
        await Elapsed(insns=100)
        return fired.trigger is fast, m.instructions

    assert run(machine(), scenario) == (True, 120)


def test_combine_waits_for_all_in_any_order():
    async def scenario(m):
        m.irq(5).raise_()
        first, second = await Combine(Elapsed(insns=60), Delivered(IRQ5))
        return first, second.number, m.instructions

    assert run(machine(), scenario) == (None, IRQ5, 60)


def test_with_timeout_raises_where_the_trigger_does_not_come():
    async def scenario(m):
        with pytest.raises(Timeout, match=r"Delivered\(number=37.*insns=30"):
            await with_timeout(Delivered(IRQ5), insns=30)
        return m.instructions

    assert run(machine(), scenario) == 30


def test_a_shadow_is_found_and_what_is_raised_in_it_waits_for_its_end():
    async def scenario(m):
        await Shadow("sti")
        here = m.cpu.pc
        m.irq(5).raise_()
        event = await Delivered(IRQ5)
        return here, event.pc

    # nop; sti; nop; jmp to the nop
    assert run(machine(bytes.fromhex("90 fb 90 ebfd"), flags=0), scenario) == (CODE + 2, CODE + 3)


def test_every_iteration_of_a_rep_is_a_boundary():
    async def scenario(m):
        await Reach(CODE + 10)
        left = []
        for _ in range(4):
            left.append(m.cpu["ecx"])
            await NextBoundary()
        return left, m.cpu.pc

    # mov ecx, 4; mov edi, 5000h; rep stosb; jmp .
    code = bytes.fromhex("b904000000 bf00500000 f3aa ebfe")
    assert run(machine(code), scenario) == ([4, 3, 2, 1], CODE + 12)


def test_between_a_fault_and_its_handler_there_is_a_boundary():
    async def scenario(m):
        await Delivered(6, source="exception")
        at = m.cpu.pc
        m.nmi()
        return at, (await Delivered(2)).pc

    assert run(machine(bytes.fromhex("0f0b")), scenario) == (HANDLER, HANDLER)


def test_the_console_is_awaited_across_writes():
    # mov dx, 3f8h; mov al, 'o'; out; mov al, 'k'; out; jmp .
    code = bytes.fromhex("66baf803 b06f ee b06b ee ebfe")

    async def scenario(m):
        return await Console("ok")

    assert run(machine(code), scenario) == "ok"


def test_scenarios_at_one_boundary_go_on_in_the_order_they_were_started():
    order = []

    def named(name):
        async def scenario(m):
            await Elapsed(insns=10)
            order.append(name)

        return scenario

    m = machine()
    for name in "abc":
        m.start(named(name))
    m.run(insns=20)
    assert order == ["a", "b", "c"]


def test_a_task_can_be_awaited():
    async def inner(m):
        await Elapsed(insns=10)
        return 42

    async def scenario(m):
        return await m.start(inner), m.instructions

    assert run(machine(), scenario) == (42, 10)


def test_run_until_takes_triggers_symbols_and_predicates():
    m = machine()
    assert m.run(until=Elapsed(insns=10)).reason == "elapsed"
    assert m.run(until=CODE).reason == "breakpoint"
    assert m.cpu.pc == CODE
    stop = m.run(until=lambda m: m.cpu["eax"] == 9)
    assert (stop.reason, m.cpu["eax"], m.cpu.pc) == ("predicate", 9, CODE + 1)
    m.irq(5).raise_()
    stop = m.run(until=Delivered(IRQ5))
    assert (stop.reason, stop.result.number, m.stop.reason) == ("delivered", IRQ5, "delivered")


def test_waiting_changes_nothing_that_the_guest_or_the_trace_sees():
    async def scenario(m):
        for _ in range(20):
            await First(Reach(CODE), Delivered(), Elapsed(insns=7))

    def end(*scenarios) -> tuple:
        m = machine()
        for each in scenarios:
            m.start(each)
        m.run(insns=500)
        m.irq(5).raise_()
        m.run(insns=500)
        return m.trace.hash, m.cpu["eax"], m.now_ns

    assert end(scenario) == end()


def test_an_error_in_a_scenario_comes_out_of_run_with_the_scripts_own_line():
    async def scenario(m):
        await Elapsed(insns=10)
        raise ZeroDivisionError("mine")

    m = machine()
    m.start(scenario)
    with pytest.raises(ZeroDivisionError) as caught:
        m.run(insns=100)
    assert caught.traceback[-1].path.name == "test_scenarios.py"
    assert m.waiting == []
    assert m.run(insns=10).reason == "count"


def test_a_wrong_symbol_is_raised_at_its_await():
    async def scenario(m):
        try:
            await Reach("nowhere")
        except VmmError as error:
            return str(error)

    assert "no symbol 'nowhere'" in run(machine(), scenario)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Elapsed(), "give one of insns"),
        (lambda: Elapsed(insns=1, ns=1), "give one of insns"),
        (lambda: Elapsed(ns=-1), "does not run backwards"),
        (lambda: Shadow("cli"), "'sti' or 'mov ss'"),
        (lambda: First(), "waits for nothing"),
        (lambda: Combine(Elapsed(insns=1), 3), "3 is not a trigger"),
        (lambda: Console(""), "always there"),
    ],
)
def test_a_trigger_that_makes_no_sense_is_refused_when_it_is_made(wrong, said):
    with pytest.raises(VmmError, match=said):
        wrong()


def test_a_plain_function_is_no_scenario():
    with pytest.raises(VmmError, match="not an async function"):
        machine().start(lambda m: None)


def test_awaiting_something_else_is_told_at_the_await():
    async def scenario(m):
        class Odd:
            def __await__(self):
                yield 7

        with pytest.raises(VmmError, match="cannot await 7"):
            await Odd()
        return True

    assert run(machine(), scenario)


def test_running_inside_a_scenario_is_refused():
    async def scenario(m):
        with pytest.raises(VmmError, match="await a trigger instead"):
            m.run()
        return True

    assert run(machine(), scenario)


def test_a_line_has_one_scenario_at_a_time():
    async def holder(m):
        m.irq(5).raise_()
        await Elapsed(insns=50)
        m.irq(5).lower()

    async def intruder(m):
        with pytest.raises(VmmError, match=r"IRQ 5 is held high by scenario .*holder"):
            m.irq(5).lower()
        await Elapsed(insns=60)
        m.irq(5).raise_()
        return True

    m = machine(flags=0)
    m.start(holder)
    assert run(m, intruder)


def test_who_still_waits_when_the_run_ends_is_known():
    async def scenario(m):
        await First(Delivered(0x99), Console("never"))

    m = machine()
    m.start(scenario)
    m.run(insns=10)
    (story,) = m.waiting
    assert "waits for Delivered(number=153" in story
    assert "Console(text='never')" in story


def test_more_triggers_than_the_core_has_are_refused():
    with pytest.raises(VmmError, match="more than 256"):
        machine().run(until=First(*(Reach(n) for n in range(300))))


def test_a_scenario_ends_the_run_at_the_boundary_where_it_stands():
    async def scenario(m):
        await Elapsed(insns=10)
        m.end("exit", 7)

    m = machine()
    m.start(scenario)
    stop = m.run(insns=100)
    assert (stop.reason, stop.exit_status, m.instructions) == ("exit", 7, 10)
    assert (m.run(insns=5).reason, m.instructions) == ("count", 15)


def test_of_a_limit_and_a_trigger_at_one_boundary_the_limit_ends_the_run():
    m = machine()
    m.limit(insns=10)
    assert m.run(until=Elapsed(insns=10)).reason == "limit"


def test_an_event_is_awaited_by_its_number():
    m = machine()
    stands = m.position.hashed
    m.irq(5).raise_()
    stop = m.run(until=EventNumber(stands + 4), insns=100)
    last = m.trace.last(8)
    assert stop.reason == "event"
    assert m.position.hashed >= stands + 4
    assert "delivered" in [event.kind for event in last]
    with pytest.raises(VmmError, match=rf"event {stands + 1} has happened already"):
        m.run(until=EventNumber(stands + 1))
