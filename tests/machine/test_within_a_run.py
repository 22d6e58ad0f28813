"""A machine is in one thread's hands, and there in one run at a time: what else would enter it is refused in words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import vmm
from vmm.catalog import resolve
from vmm.core.native import lib
from vmm.errors import VmmError
from vmm.machine.machine import Machine

GUEST = "arm64/timer_ticks"
STOP = ("poweroff", 4264)
"""Where the guest ends, whatever was refused on the way: its own instructions, counted in an undisturbed run."""


def deaf(data: bytes) -> None:
    """Nobody listens."""


def by_a_trap(m: Machine, ask: Callable[[], None]) -> None:
    m.trap(vmm.SysReg("cntv_ctl_el0"))(lambda trap: ask())


def by_a_timer(m: Machine, ask: Callable[[], None]) -> None:
    m.clock.timer(ask).at(5000)


def by_an_observer(m: Machine, ask: Callable[[], None]) -> None:
    m.trace.observe(lambda event: ask())


def by_a_scenario(m: Machine, ask: Callable[[], None]) -> None:
    async def scenario(m: Machine) -> None:
        await vmm.Elapsed(insns=100)
        ask()

    m.start(scenario)


WAYS = [by_a_trap, by_a_timer, by_an_observer, by_a_scenario]


@pytest.fixture
def asked() -> Callable[..., tuple[Machine, list[str]]]:
    """A machine that will be asked `what` by a way, and what it says."""

    def prepare(way: Callable[..., None] | None, what: Callable[[Machine], Any]) -> tuple[Machine, list[str]]:
        said: list[str] = []

        def ask() -> None:
            try:
                what(m)
                said.append("done")
            except VmmError as error:
                said.append(str(error))

        m = vmm.boot(GUEST, console=deaf if way else lambda data: ask())
        if way:
            way(m, ask)
        return m, said

    return prepare


@pytest.mark.parametrize("way", [*WAYS, None], ids=lambda way: way.__name__ if way else "by_the_console")
def test_a_run_within_a_run_is_refused_and_the_outer_one_goes_on(way, asked):
    m, said = asked(way, lambda m: m.run(insns=5))
    stop = m.run()
    assert (stop.reason, m.instructions) == STOP
    assert said
    assert all(line.startswith("run() inside ") for line in said)


def test_a_device_cannot_run_its_machine():
    """x86: in al, dx of port 300h, then HLT with interrupts off."""
    said = []

    class Nested:
        port_width = 1

        def port_read(self, port, size):
            with pytest.raises(VmmError, match=r"run\(\) inside a run") as caught:
                m.run(insns=1)
            said.append(str(caught.value))
            return 7

        def port_write(self, port, size, value): ...

    m = Machine()
    m.memory.write(0x7C00, bytes.fromhex("ba0003 ec fa f4"))
    m.cpu.enter_real(0, 0x7C00, {})
    m.attach(Nested(), ports=(0x300, 1))
    assert (m.run().reason, m.cpu["eax"] & 0xFF, len(said)) == ("idle", 7, 1)


def test_an_observer_that_is_told_between_runs_cannot_run_the_machine():
    m, said = vmm.boot(GUEST, console=deaf), []
    before = m.snapshot()

    def observe(event):
        with pytest.raises(VmmError, match=r"run\(\) inside a run"):
            m.run(insns=5)
        said.append(m.instructions)

    m.run(insns=2000)
    m.trace.observe(observe)
    m.irq(4).pulse()
    m.trace.drain()
    assert set(said) == {2000}
    m.irq(4).pulse()
    m.restore(before)
    assert m.instructions == 0


def test_a_predicate_cannot_run_the_machine_that_it_is_asked_about():
    m = vmm.boot(GUEST, console=deaf)
    with pytest.raises(VmmError, match=r"run\(\) inside a run"):
        m.run(until=lambda m: bool(m.run(insns=1)))
    assert m.run().reason == "poweroff"


@pytest.mark.parametrize("way", [by_a_trap, by_a_timer, None], ids=["by_a_trap", "by_a_timer", "by_the_console"])
@pytest.mark.parametrize(
    ("what", "refusal"),
    [
        (lambda m: m.snapshot(), "a snapshot can be taken only while the machine does not run"),
        (lambda m: m.close(), "close() inside a run"),
        (lambda m: m.load(m.source.image), "timer_ticks.elf') inside a run: let it end first"),
    ],
    ids=["snapshot", "close", "load"],
)
def test_what_needs_a_machine_that_stands_is_refused_within_an_instruction(way, what, refusal, asked):
    m, said = asked(way, what)
    assert (m.run().reason, m.instructions) == STOP
    assert said
    assert all(refusal in line for line in said)


@pytest.mark.parametrize("way", [by_a_trap, by_a_timer, None], ids=["by_a_trap", "by_a_timer", "by_the_console"])
def test_no_snapshot_is_restored_within_an_instruction(way, asked):
    before = []
    m, said = asked(way, lambda m: m.restore(before[0]))
    before.append(m.snapshot())
    assert (m.run().reason, m.instructions) == STOP
    assert set(said) == {"a snapshot can be restored only while the machine does not run"}


def test_firmware_hands_over_between_runs_alone():
    m = vmm.boot("x86/pit_ticks", console=deaf)
    said = []

    @m.trap(vmm.Port(0x3F8))
    def hand_over(trap):
        with pytest.raises(VmmError, match="firmware hands over between runs"):
            m.cpu.hand_over()
        said.append(trap)

    assert m.run().reason == "poweroff"
    assert said


def test_the_core_itself_begins_no_run_within_a_run(asked):
    m, said = asked(by_a_timer, lambda m: lib.vmm_run(m._native, 5))
    assert (m.run().reason, m.instructions) == STOP
    assert said == ["the machine runs already: a run cannot begin within a run"]


# ---- threads ----

ENDLESS = bytes.fromhex("40 ebfd")  # inc ax; jmp back


ELSEWHERE = "the machine runs in another thread"


def spinning() -> Machine:
    m = Machine()
    m.memory.write(0x7C00, ENDLESS)
    m.cpu.enter_real(0, 0x7C00, {})
    return m


FOREIGN: dict[str, Callable[[Machine], Any]] = {
    "run": lambda m: m.run(insns=1),
    "step": lambda m: m.run(until=vmm.NextBoundary()),
    "line": lambda m: m.irq(4).pulse(),
    "register": lambda m: m.cpu["eax"],
    "write of a register": lambda m: m.cpu.__setitem__("ebx", 1),
    "memory": lambda m: m.memory.write(0x500, b"x"),
    "linear memory": lambda m: m.read(0x7C00, 1),
    "snapshot": lambda m: m.snapshot(),
    "log": lambda m: m.trace.record(),
    "observer": lambda m: m.trace.observe(print),
    "drain": lambda m: m.trace.drain(),
    "close": lambda m: m.close(),
    "load": lambda m: m.load(resolve("x86/hello")),
    "restore": lambda m: m.restore(m.snapshot()),
    "stimulus": lambda m: m.stimulate(m.irq(5), vmm.Periodic(5)),
    "end": lambda m: m.end(),
    "timer": lambda m: m.clock.timer(lambda: None),
    "trap": lambda m: m.trap(vmm.Int(3))(lambda trap: None),
    "device": lambda m: m.board.devices["keyboard"].key(1),
    "controller": lambda m: m.lapic[0].ppr,
    "scenario": lambda m: m.start(_looks),
}


async def _looks(m: Machine) -> None:
    await vmm.Elapsed(insns=1)


@pytest.mark.parametrize("kind", FOREIGN)
def test_another_threads_hands_are_kept_off_a_running_machine(kind):
    """The guest is in the middle of an endless loop until its own thread's scenario lets it go."""
    m, there, said = spinning(), threading.Event(), []
    done = threading.Event()

    async def waits(m: Machine) -> None:
        await vmm.Elapsed(insns=10)
        there.set()
        while not done.is_set():
            await vmm.Elapsed(insns=20_000)
        m.end()

    def other() -> None:
        there.wait(60)
        for _ in range(20):
            try:
                FOREIGN[kind](m)
                said.append("done")
            except Exception as error:
                said.append(f"{type(error).__name__}: {error}")
        done.set()

    m.start(waits)
    thread = threading.Thread(target=other)
    thread.start()
    assert m.run().reason == "user"
    thread.join()
    assert len(said) == 20
    assert [line for line in said if not (line.startswith("VmmError: ") and ELSEWHERE in line)] == []
    m.irq(4).pulse()
    assert m.run(insns=7).reason == "count"


def test_a_machine_goes_from_one_thread_to_the_next_and_several_run_side_by_side():
    ended = []

    def lives() -> None:
        m = vmm.boot(GUEST, console=deaf)
        for _ in range(3):
            step = threading.Thread(target=m.run, kwargs={"insns": 500})
            step.start()
            step.join()
        ended.append((m.run().reason, m.instructions, m.trace.hash))

    threads = [threading.Thread(target=lives) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 4
    assert {end[:2] for end in ended} == {STOP}
    assert len({end[2] for end in ended}) == 1


def test_how_far_a_machine_has_come_is_everybodys_to_see():
    m, seen = spinning(), []

    async def shows(m: Machine) -> None:
        await vmm.Elapsed(insns=1000)
        watcher = threading.Thread(target=lambda: seen.append(m.instructions))
        watcher.start()
        watcher.join()

    m.start(shows)
    m.run(insns=2000)
    assert seen == [1000]
