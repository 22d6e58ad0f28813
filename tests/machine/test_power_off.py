"""A machine that was switched off stays off: a run does nothing, and says so."""

from __future__ import annotations

import pytest

import vmm
from vmm import Elapsed
from vmm.catalog import resolve

OFF = "the guest switched the machine off"
GUESTS = ["x86/hello", "arm64/hello", "arm/hello"]
WAYS: dict[str, dict[str, object]] = {
    "plain": {},
    "to a place": {"until": "_start"},
    "to a trigger": {"until": Elapsed(insns=1)},
    "to a condition": {"until": lambda m: True},
    "some instructions": {"insns": 5},
}


def state(m: vmm.Machine) -> tuple[object, ...]:
    return m.position, m.trace.hash, m.cpu.pc, m.cpu.count


@pytest.mark.parametrize("guest", GUESTS)
@pytest.mark.parametrize("way", WAYS)
def test_a_run_of_a_machine_that_is_off_does_nothing_and_says_so(guest, way):
    m = vmm.boot(guest, console=None)
    first = m.run()
    assert (first.reason, first.was_off, repr(first)) == ("poweroff", False, f"<Stop poweroff: {OFF}>")
    before = state(m)
    again = m.run(**WAYS[way])
    assert again == m.stop == first
    assert state(m) == before
    assert (again.was_off, str(again)) == (True, f"poweroff: {OFF}; it was off already, so this run did nothing")
    assert repr(m).endswith("it was off already, so this run did nothing>")


def test_a_script_may_switch_it_off_too():
    m = vmm.boot("x86/hello", console=None)
    m.end("poweroff")
    assert not m.run().was_off
    assert m.run().was_off
    assert m.instructions == 0


def test_a_snapshot_from_before_is_on_and_one_from_afterwards_is_off():
    m = vmm.boot("x86/hello", console=None)
    on = m.snapshot()
    whole = m.run(), m.trace.hash
    off = m.snapshot()
    m.restore(on)
    assert (m.run(), m.trace.hash) == whole
    assert not m.stop.was_off
    m.restore(on)
    m.run(insns=10)
    m.restore(off)
    assert m.run().was_off


def test_another_image_switches_it_on():
    m = vmm.boot("x86/first_isr", console=None)
    m.run()
    m.load(resolve("x86/hello"))
    assert (m.run().reason, m.stop.was_off) == ("poweroff", False)


def test_a_recording_with_runs_behind_the_end_replays(tmp_path):
    m = vmm.boot("x86/first_isr", console=None)
    with m.recording(tmp_path / "a.vmmrec"):
        m.run()
        m.irq(5).raise_()
        m.run()
    replay = vmm.replay(tmp_path / "a.vmmrec", console=None)
    replay.run()
    assert (replay.verified, replay.machine.position) == (True, m.position)


@pytest.mark.parametrize("reason", ["exit", "reset"])
def test_after_other_ends_it_goes_on(reason):
    m = vmm.boot("x86/hello", console=None)
    m.end(reason)
    m.run()
    assert m.run().reason == "poweroff"
    assert not m.stop.was_off


# ---- who only lets time pass has waited for nothing ----


async def only_time(m):
    await Elapsed(s=1)


async def a_while_after(m):
    await vmm.Boundary("_start", insns=10**9)


async def both(m):
    await vmm.Combine(Elapsed(s=1), Elapsed(insns=10**9))


async def another(m):
    await m.start(only_time)


async def with_a_limit(m):
    await vmm.with_timeout(vmm.Delivered(0x99), s=1)


async def for_something(m):
    await vmm.Combine(Elapsed(s=1), vmm.Delivered(0x99))


async def somewhere_first(m):
    await vmm.Then(vmm.Reach(1), Elapsed(s=1))


@pytest.mark.parametrize("scenario", [only_time, a_while_after, both, another])
@pytest.mark.parametrize("end", ["poweroff", "exit", "reset"])
def test_who_only_lets_time_pass_is_not_told_of_once_the_guest_has_ended_the_run(scenario, end):
    m = vmm.boot("x86/hello", console=None)
    m.start(scenario)
    m.run(insns=2)
    assert any("Elapsed" in story for story in m.waiting)
    m.end(end)
    m.run()
    assert m.waiting == []


@pytest.mark.parametrize("scenario", [with_a_limit, for_something, somewhere_first])
def test_who_waits_for_something_is(scenario):
    m = vmm.boot("x86/hello", console=None)
    m.start(scenario)
    assert m.run().reason == "poweroff"
    assert [story.partition(" waits")[0] for story in m.waiting] == [scenario.__name__]


def test_at_a_limit_time_that_has_not_passed_is_told():
    m = vmm.boot("x86/hello", console=None)
    m.start(only_time)
    m.limit(insns=10)
    assert m.run().reason == "limit"
    assert m.waiting == ["only_time waits for Elapsed(s=1)"]


def test_a_machine_that_went_back_says_why_it_stood_there():
    machine = vmm.boot("x86/first_isr", console=None)
    begun = machine.snapshot()
    reached = machine.run(until="handler")
    there = machine.snapshot()
    assert machine.run().reason == "poweroff"
    machine.restore(there)
    assert machine.stop == reached
    machine.restore(begun)
    assert machine.stop.reason == "not run"
