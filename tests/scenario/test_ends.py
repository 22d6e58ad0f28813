"""How scenarios end: of themselves, by an error, or given up; whose error it is, and what they leave behind."""

from __future__ import annotations

import pytest

import vmm
from vmm import Combine, Delivered, Elapsed, EventNumber, First, Reach, Then
from vmm.errors import VmmError
from vmm.scenario.tasks import NoScenario

from .irq5_guest import machine

LONG = 10**9


def slots(m) -> int:
    return m._native.triggers.count


# ---- given up ----


def waiting(name, seen, last=None):
    async def scenario(m):
        try:
            await Elapsed(insns=LONG)
        finally:
            seen.append(name)
            if last:
                await last() if name.startswith("awaits") else last()

    scenario.__qualname__ = name
    return scenario


def fails():
    raise ValueError("of a clean-up")


def test_a_finally_that_fails_stops_no_other():
    m, seen = machine(), []
    for name, last in (("a", fails), ("b", None), ("c", fails), ("d", None)):
        m.start(waiting(name, seen, last))
    m.run(insns=10)
    with pytest.raises(ValueError, match="of a clean-up") as caught:
        m.close()
    assert seen == ["a", "b", "c", "d"]
    error, chain = caught.value, []
    while error:
        chain.append(type(error))
        error = error.__context__
    assert chain.count(ValueError) == 2  # the other one's, too
    assert (m.waiting, slots(m)) == ([], 0)
    assert m.run(insns=10).reason == "count"
    m.close()


def test_a_finally_that_awaits_is_told_so_where_it_does_and_stops_no_other():
    m, seen = machine(), []
    m.start(waiting("awaits", seen, lambda: Elapsed(insns=1)))
    m.start(waiting("b", seen))
    m.run(insns=10)
    with pytest.raises(VmmError, match="scenario awaits is given up: it can await nothing more") as caught:
        m.close()
    assert any(frame.name == "scenario" for frame in caught.traceback)
    assert seen == ["awaits", "b"]
    assert (m.waiting, slots(m)) == ([], 0)


def test_every_finally_around_the_one_that_awaits_runs_too():
    m, seen = machine(), []

    async def scenario(m):
        try:
            try:
                await Elapsed(insns=LONG)
            finally:
                seen.append("inner")
                await Elapsed(insns=1)
        finally:
            seen.append("outer")

    m.start(scenario)
    with pytest.raises(VmmError, match="is given up"):
        m.close()
    assert seen == ["inner", "outer"]


def test_a_scenario_that_will_not_end_is_left():
    m, tries, over = machine(), [], []

    async def stubborn(m):
        while not over:
            try:
                await Elapsed(insns=LONG)
            except BaseException:
                tries.append(1)

    m.start(stubborn)
    with pytest.raises(VmmError, match="stubborn is given up, and does not end"):
        m.close()
    assert 10 < len(tries) < 1000
    assert m.waiting == []
    over.append(True)


def test_nothing_is_started_run_or_closed_while_scenarios_are_given_up():
    m, said = machine(), []

    async def scenario(m):
        try:
            await Elapsed(insns=LONG)
        finally:
            for wrong in (lambda: m.start(scenario), lambda: m.run(insns=1), m.close):
                with pytest.raises(VmmError) as caught:
                    wrong()
                said.append(str(caught.value))

    m.start(scenario)
    m.close()
    assert [line.partition(" scenario")[0] for line in said[1:]] == ["run() inside", "close() inside"]
    assert "cannot be started" in said[0]
    assert m.waiting == []


def test_a_scenario_cannot_give_itself_up():
    async def scenario(m):
        await Elapsed(insns=3)
        with pytest.raises(VmmError, match=r"close\(\) inside scenario .*: it cannot give itself up"):
            m.close()
        return m.instructions

    m = machine()
    task = m.start(scenario)
    m.run(insns=10)
    assert task.result == 3


# ---- failed ----


def test_who_awaits_a_scenario_that_fails_gets_its_error_and_the_run_goes_on():
    async def child(m):
        await Elapsed(insns=50)
        raise KeyError("child")

    async def parent(m):
        task = m.start(child)
        with pytest.raises(KeyError, match="child"):
            await task
        return m.instructions

    m = machine()
    tasks = [m.start(parent), m.start(parent)]
    assert m.run(insns=100).reason == "count"
    assert [task.result for task in tasks] == [50, 50]


def test_all_who_await_one_get_its_error_and_who_comes_later_too():
    async def child(m):
        await Elapsed(insns=5)
        raise KeyError("child")

    m, got = machine(), []
    task = m.start(child)

    async def waits(m):
        await Elapsed(insns=2)
        try:
            await task
        except KeyError as error:
            got.append((error, m.instructions))

    async def late(m):
        await Elapsed(insns=9)
        with pytest.raises(KeyError):
            await task
        got.append("late")

    for scenario in (waits, waits, late):
        m.start(scenario)
    m.run(insns=20)
    assert [insns for _, insns in got[:2]] == [5, 5]
    assert got[0][0] is got[1][0] is task.error
    assert got[2] == "late"
    assert task.finished


def test_an_error_that_nobody_awaits_comes_out_of_the_run():
    async def child(m):
        await Elapsed(insns=5)
        raise KeyError("child")

    m = machine()
    m.start(child)
    with pytest.raises(KeyError, match="child"):
        m.run(insns=10)
    assert m.instructions == 5


def test_an_exit_is_nobodys_to_catch_by_awaiting():
    async def child(m):
        await Elapsed(insns=5)
        raise SystemExit(7)

    async def parent(m):
        await m.start(child)

    m = machine()
    m.start(parent)
    with pytest.raises(SystemExit):
        m.run(insns=10)


def test_a_scenario_that_awaits_itself_is_told():
    tasks = []

    async def scenario(m):
        await Elapsed(insns=1)
        with pytest.raises(VmmError, match="awaits its own end"):
            await tasks[0]
        return True

    m = machine()
    tasks.append(m.start(scenario))
    m.run(insns=3)
    assert tasks[0].result is True


# ---- what is awaited wrongly ----


class Broken(vmm.Elapsed):
    """A trigger of a script's own."""

    def prime(self, context):
        raise ZeroDivisionError("mine")


WRONG = {
    "the second of First": (lambda: First(Delivered(99), Reach("nowhere")), VmmError),
    "the third of Combine": (lambda: Combine(Delivered(99), Elapsed(insns=9), Reach("nowhere")), VmmError),
    "one within another": (lambda: First(Delivered(99), Combine(Delivered(98), Reach("nowhere"))), VmmError),
    "the first of Then": (lambda: Then(Reach("nowhere"), Delivered(99)), VmmError),
    "the second of Then": (lambda: Then(Elapsed(insns=1), Reach("nowhere")), VmmError),
    "the second of Then in First": (lambda: First(Delivered(99), Then(Elapsed(insns=1), Reach("nowhere"))), VmmError),
    "a vCPU there is not": (lambda: First(Delivered(99), Delivered(cpu=7)), VmmError),
    "an event that is over": (lambda: First(Delivered(99), EventNumber(0)), VmmError),
    "no number": (lambda: First(Delivered(99), Delivered("x")), TypeError),
    "no whole number": (lambda: First(Delivered(99), Elapsed(insns=1.5)), TypeError),
    "an address that is none": (lambda: First(Delivered(99), Reach(1 << 70)), VmmError),
    "no address": (lambda: First(Delivered(99), Reach(-1)), VmmError),
    "one of a script's own": (lambda: First(Delivered(99), Broken(insns=1)), ZeroDivisionError),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_awaited_is_an_error_where_it_is_and_leaves_no_slot(kind):
    trigger, error = WRONG[kind]
    caught = []

    async def scenario(m):
        for _ in range(300):  # there are 256 slots
            with pytest.raises(error) as raised:
                await trigger()
            caught.append(str(raised.value))
            await Elapsed(insns=1)

    m = machine()
    m.start(scenario)
    m.run(insns=2000)
    assert (len(caught), len(set(caught))) == (300, 1)
    assert (m.waiting, slots(m)) == ([], 0)


@pytest.mark.parametrize("kind", WRONG)
def test_nor_does_it_for_a_run(kind):
    trigger, error = WRONG[kind]
    m = machine()
    for _ in range(300):
        with pytest.raises(error):
            m.run(until=trigger(), insns=5)
    assert slots(m) == 0


def test_what_lies_beyond_all_time_never_comes():
    m = machine()
    assert m.run(until=Elapsed(insns=1 << 70), insns=50).reason == "count"
    assert slots(m) == 0


# ---- what is none ----


async def takes_nothing():
    await Elapsed(insns=1)


async def takes_two(m, n):
    await Elapsed(insns=1)


def plain(m):
    return None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (takes_nothing, r"test_ends\.py:\d+: takes_nothing is called with the machine, and nothing else: too many"),
        (takes_two, r"test_ends\.py:\d+: takes_two is called with the machine, and nothing else: missing .*'n'"),
        (plain, "plain is not an async function"),
    ],
)
def test_what_is_no_scenario_is_said_with_its_line(wrong, said):
    with pytest.raises(NoScenario, match=said):
        machine().start(wrong)
