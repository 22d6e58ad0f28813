"""Signals while a machine runs: their handlers run at an instruction boundary, and what these raise leaves `run` there.

Expected is always the run's own past: a run that signals interrupted, and that went on, is the run nobody disturbed.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from core.visible_state import everything

import vmm
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine
from vmm.machine.runner import SLICE

AT = 0xFED80000
LOOP = bytes.fromhex(
    "ba00030000"  # mov edx, 300h
    "ec 01c3 ee"  # again: in al, dx; add ebx, eax; out dx, al
    "891d0000d8fe 8b350000d8fe"  # mov [fed80000h], ebx; mov esi, [fed80000h]
    "cd80"  # int 80h
    "49 75ec"  # dec ecx; jnz again
)
POWER_OFF = bytes.fromhex("ba04060000 b800200000 66ef")  # mov edx, 604h; mov eax, 2000h; out dx, ax
SPIN = bytes.fromhex("ebfe")


class Interrupted(Exception):
    """What this file's handler raises."""


class Stage:
    """A machine with everything that asks a script's own code, and what that has seen; `busy` says where it is."""

    port_width = 1

    def __init__(self, code: bytes = LOOP + POWER_OFF, rounds: int = 40, **options: Any) -> None:
        self.calls: list[object] = []
        self.busy: Callable[[str], object] = lambda place: None
        self.machine = m = Machine(Config(memory=MIB, console=self._console, **options))
        m.memory.write(0x1000, code)
        m.cpu.enter_protected32(0x1000, {"rsp": 0x8000, "rcx": rounds})
        m.attach(self, ports=(0x300, 1))
        m.attach(self, memory=(AT, 16))
        m.trap(vmm.Int(0x80))(self._trap)
        self._timer = m.clock.timer(self._tick)
        self._timer.at(1000)
        m.start(self._scenario)

    def _call(self, place: str, value: object = None) -> int:
        self.calls.append((place, value, "begins"))
        self.busy(place)
        self.calls.append("ends")
        return len(self.calls) & 0xFF

    def port_read(self, port: int, size: int) -> int:
        return self._call("port read")

    def port_write(self, port: int, size: int, value: int) -> None:
        self._call("port write", value)

    def mmio_read(self, address: int, size: int) -> int:
        return self._call("memory read")

    def mmio_write(self, address: int, size: int, value: int) -> None:
        self._call("memory write", value)

    def _trap(self, trap: Any) -> str:
        self._call("trap", trap.cpu["ebx"])
        return vmm.DONE

    def _tick(self) -> None:
        self._call("timer")
        self._timer.at(self.machine.now_ns + 1500)

    def _console(self, data: bytes) -> None:
        self._call("console", data)

    async def _scenario(self, m: Machine) -> None:
        while True:
            await vmm.Elapsed(insns=50)
            self._call("scenario", m.instructions)

    def seen(self) -> tuple[object, ...]:
        return everything(self.machine), self.calls


PLACES = ("port read", "port write", "memory read", "memory write", "trap", "timer", "scenario")


@contextmanager
def handled(number: int, handler: Callable[[int, Any], Any]) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def interrupt(number: int, frame: object) -> None:
    raise Interrupted


@pytest.fixture
def interrupts() -> Iterator[None]:
    with handled(signal.SIGUSR1, interrupt), handled(signal.SIGINT, signal.default_int_handler):
        yield


def to_the_end(run: Callable[[], Any]) -> tuple[Any, int]:
    """What `run` gives when nothing interrupts it any more, and how often something did."""
    times = 0
    while True:
        try:
            return run(), times
        except (Interrupted, KeyboardInterrupt):
            times += 1


@pytest.mark.usefixtures("interrupts")
@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGINT], ids=["a handler of one's own", "Ctrl-C"])
@pytest.mark.parametrize("place", PLACES)
def test_a_signal_in_a_callback_comes_out_when_that_is_over(place, number):
    plain, disturbed = Stage(), Stage()
    assert plain.machine.run().reason == "poweroff"

    def busy(here: str) -> None:
        if here == place:
            signal.raise_signal(number)

    disturbed.busy = busy
    stop, times = to_the_end(disturbed.machine.run)
    assert stop.reason == "poweroff"
    assert times == plain.calls.count("ends") - sum(call[0] != place for call in plain.calls if call != "ends")
    assert disturbed.seen() == plain.seen()


@pytest.mark.usefixtures("interrupts")
def test_a_signal_in_the_console_an_observer_and_a_predicate():
    """COM1 sends a byte at a time; an observer is shown events within a run, a predicate is asked between two."""
    code = bytes.fromhex("b940000000 66baf803 b041 ee 49 75fa") + POWER_OFF  # 64 times out of COM1

    def run(busy: Callable[[], object]) -> tuple[tuple[object, ...], int]:
        stage = Stage(code)
        stage.busy = lambda place: busy() if place == "console" else None
        stage.machine.trace.observe(lambda event: busy())
        seen: list[int] = []

        def predicate(m: Machine) -> bool:
            seen.append(m.instructions)
            if len(seen) == 100:
                busy()
            return False

        stop, times = to_the_end(lambda: stage.machine.run(until=predicate))
        assert stop.reason == "poweroff"
        return (*stage.seen(), seen), times

    plain, nothing = run(lambda: None)
    disturbed, times = run(lambda: signal.raise_signal(signal.SIGUSR1))
    assert disturbed == plain
    assert (nothing, times >= 3) == (0, True)


def in_the_rain(run: Callable[[], object], seed: int) -> int:
    """Finish `run` under signals half a millisecond apart on average; how many interrupted it."""
    inside, over, times = False, threading.Event(), 0

    def handler(number: int, frame: object) -> None:
        if inside:
            raise Interrupted

    def rain() -> None:
        chance = random.Random(seed)
        while not over.wait(chance.random() * 0.001):
            os.kill(os.getpid(), signal.SIGUSR1)

    cloud = threading.Thread(target=rain)
    with handled(signal.SIGUSR1, handler):
        cloud.start()
        while not over.is_set():
            try:
                inside = True
                run()
                inside = False
                over.set()
            except Interrupted:
                times += 1
                inside = False
        cloud.join()
    return times


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["own", "x86/ipi_bench", "arm64/isr_bench", "arm/isr_bench"])
def test_hundreds_of_signals_at_random_moments_change_nothing(machine):
    def build() -> tuple[Machine, Callable[[], object]]:
        if machine == "own":
            stage = Stage(rounds=5000)
            return stage.machine, stage.seen
        m = vmm.boot(machine)
        m.limit(insns=600_000)
        return m, lambda: everything(m)

    m, seen = build()
    m.run()
    expected = seen()
    times = 0
    while times < 100:
        m, seen = build()
        times += in_the_rain(m.run, seed=times)
        assert seen() == expected


@pytest.mark.usefixtures("interrupts")
def test_a_guest_that_calls_nobody_is_interrupted_within_a_slice():
    m = Machine(Config(memory=MIB, board="pc,pit=off"))
    m.memory.write(0x1000, SPIN)
    m.cpu.enter_protected32(0x1000, {})
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        m.run()
    timer.join()
    assert m.instructions % SLICE  # not where each run looks up


@pytest.mark.usefixtures("interrupts")
def test_a_callback_that_never_ends_is_interrupted_and_its_recording_has_no_hash(tmp_path):
    m = vmm.boot("x86/hypercall")
    with m.recording(tmp_path / "run.vmmrec") as recorder:

        @m.trap(vmm.Int(0x80))
        def endless(trap: object) -> None:
            signal.raise_signal(signal.SIGINT)
            while True:
                pass

        with pytest.raises(KeyboardInterrupt) as raised:
            m.run()
        assert raised.traceback[-1].name == "endless"
        assert recorder.log.tape().end.hash is None


@pytest.mark.usefixtures("interrupts")
def test_an_interrupted_run_is_recorded_to_the_instruction(tmp_path):
    path = tmp_path / "run.vmmrec"
    written = bytearray()

    def console(data: bytes) -> None:
        written.extend(data)
        if len(written) == 3:
            signal.raise_signal(signal.SIGINT)

    m = vmm.boot("x86/pit_ticks", console=console)
    with pytest.raises(KeyboardInterrupt), m.recording(path):
        m.run()
    replay = vmm.replay(path)
    replay.run()
    assert (replay.verified, replay.machine.position, len(written)) == (True, m.position, 3)


def test_a_stop_that_an_exception_hid_is_given_by_the_next_run():
    """The observer is shown the last events when the run has ended."""
    m = vmm.boot("x86/hello")
    m.trace.observe(lambda event: event.kind == "stop" and signal.raise_signal(signal.SIGUSR1))
    with handled(signal.SIGUSR1, interrupt):
        with pytest.raises(Interrupted):
            m.run()
        before = everything(m)
        assert m.run().reason == m.stop.reason == "poweroff"
        assert everything(m) == before


def test_another_thread_is_not_interrupted_and_the_main_one_at_once():
    plain, disturbed = Stage(), Stage()
    plain.machine.run()
    came = threading.Event()
    disturbed.busy = lambda place: place == "trap" and came.wait(60)
    thread = threading.Thread(target=disturbed.machine.run)
    with handled(signal.SIGUSR1, lambda number, frame: came.set()):
        thread.start()
        signal.raise_signal(signal.SIGUSR1)
        thread.join()
    assert disturbed.seen() == plain.seen()


@pytest.mark.usefixtures("interrupts")
def test_a_machine_that_runs_in_the_callback_of_another_is_interrupted():
    outer, inner = Stage(), Stage(SPIN)

    def busy(place: str) -> None:
        if place == "trap":
            signal.raise_signal(signal.SIGUSR1)
            inner.machine.run(until=0x4000)

    outer.busy = busy
    with pytest.raises(Interrupted):
        outer.machine.run()
    assert inner.machine.run(insns=10).reason == "count"


def test_handlers_are_a_scripts_own_during_a_run_and_after_it():
    stage, taken = Stage(), []
    last = []

    def busy(place: str) -> None:
        if place == "trap" and not last:
            last.append(signal.signal(signal.SIGUSR1, lambda number, frame: taken.append("second")))
            signal.raise_signal(signal.SIGUSR1)

    stage.busy = busy
    with handled(signal.SIGUSR1, lambda number, frame: taken.append("first")):
        stage.machine.run()
        signal.raise_signal(signal.SIGUSR1)
        assert taken == ["second", "second"]
        signal.signal(signal.SIGUSR1, last[0])
        signal.raise_signal(signal.SIGUSR1)
        assert taken[2:] == ["first"]


def test_what_a_handler_decides_is_replayed(tmp_path):
    """It runs where a machine stands, so it may do all that a script may."""
    m = vmm.boot("x86/pit_ticks", console=lambda data: signal.raise_signal(signal.SIGUSR1))
    with handled(signal.SIGUSR1, lambda number, frame: m.irq(4).pulse()), m.recording(tmp_path / "run.vmmrec"):
        m.run()
    replay = vmm.replay(tmp_path / "run.vmmrec")
    replay.run()
    assert (replay.verified, replay.machine.trace.hash) == (True, m.trace.hash)
