"""Who goes back may forget what came from outside behind there; in a recording nobody may."""

import pytest

from vmm import Elapsed, VmmError
from vmm.debug.console import Once
from vmm.debug.course import Live, Replayed
from vmm.debug.past import Past
from vmm.debug.target import Target
from vmm.machine.machine import boot
from vmm.replayer.player import Replay

BEFORE, RAISED, LATER = 700, 800, 900


def on(target, insns):
    while left := insns - target.machine.instructions:
        target.leg(Elapsed(insns=left), lambda: False)


@pytest.fixture
def live():
    """A run in which line 5 was raised from outside, and that has gone back to before that."""
    console = Once(lambda data: None)
    machine = boot("x86/pit_ticks", console=console)
    with machine.recording() as recorder:
        course = Live(machine, recorder)
        target = Target(course, Past(course, console))
        on(target, BEFORE)
        target.past.name("before")
        on(target, RAISED)
        target.change(machine.irq(5).raise_)
        on(target, LATER)
        target.past.keep()
        target.past.restore("before")
        yield target, recorder


def test_what_is_not_forgotten_comes_again(live):
    target, _ = live
    on(target, LATER)
    assert target.machine.irq(5).high


def test_what_is_forgotten_does_not_come_and_is_not_recorded(live, tmp_path):
    target, recorder = live
    target.forget()
    assert all(at.insns <= BEFORE for at in target.past.moments), "nobody goes on from a future that does not come"
    on(target, LATER)
    assert not target.machine.irq(5).high
    recorder.save(tmp_path / "run.vmmrec")
    assert not Replay(tmp_path / "run.vmmrec", None, None).tape.entries


def test_where_nothing_is_behind_moments_there_stay(live):
    target, _ = live
    on(target, LATER)
    moments = target.past.moments
    assert not target.course.forget()
    target.forget()
    assert target.past.moments == moments


def test_nothing_of_a_recording_is_forgotten(live, tmp_path):
    target, recorder = live
    on(target, LATER)
    recorder.save(tmp_path / "run.vmmrec")
    console = Once(lambda data: None)
    replay = Replay(tmp_path / "run.vmmrec", None, console)
    course = Replayed(replay)
    again = Target(course, Past(course, console))
    on(again, BEFORE)
    with pytest.raises(VmmError, match="a recorded run is looked at, not changed"):
        again.forget()
    on(again, LATER)
    assert again.machine.irq(5).high
    assert course.forward([], 1).stop
    assert replay.verified
