"""Turns of several vCPUs as what is placed: what breaks two of them that add one each, and what does not.

Which preemptions break them is worked out here from the sources (smp_programs.py): an update is lost if the other's
whole addition, or its store, comes between the load and the store of one.
"""

from __future__ import annotations

import functools

import pytest

import vmm
from placements.exploring import assembled, explored
from placements.smp_programs import OPTIONS, source
from vmm.errors import VmmError

both = pytest.mark.parametrize("architecture", ["x86", "arm64"])
ASKED = {"between": ("begin", "end"), "until": "over", "check": "n == 2"}


@functools.cache
def image(architecture, way):
    return assembled(architecture, source(architecture, way))


def agreed(architecture, way, **asked):
    """The report, where sharing changes nothing."""
    asked = {"inject": ["turn:0", "turn:1"], **ASKED, **OPTIONS[architecture], **asked}
    report, rows = explored(image(architecture, way), **asked)
    whole, expected = explored(image(architecture, way), reduction=False, **asked)
    assert rows == expected
    assert (report.placements, report.failing, report.verdict) == (whole.placements, whole.failing, whole.verdict)
    return report


@both
@pytest.mark.parametrize("depth", [1, 2])
def test_a_lost_update_needs_one_preemption(architecture, depth):
    """Behind the load and up to the store."""
    report = agreed(architecture, "alone", depth=depth)
    address = vmm.boot(image(architecture, "alone"), console=None, **OPTIONS[architecture]).address
    assert report.verdict == "counterexample"
    assert [(each.placement.at.address, each.source) for each in report.least] == [(address("add"), "turn:1")]
    (failure,) = report.failures
    ends = [each.placement.at.address for each in (failure.first, failure.last)]
    assert (ends, failure.boundaries) == ([address("add"), address("store")], 2)


@both
def test_an_addition_that_nobody_comes_between_is_proven(architecture):
    assert agreed(architecture, "at_once", depth=2).verdict == "proven"


@both
@pytest.mark.parametrize("way", ["test_and_set", "look_then_want"])
def test_a_lock_that_looks_before_it_takes_needs_two_preemptions(architecture, way):
    """One, behind the look, lets the other do all of its own, one after the other; two interleave them."""
    asked = {"inject": "turn", **ASKED, **OPTIONS[architecture]}
    assert vmm.explore(image(architecture, way), **asked).verdict == "proven"
    report = agreed(architecture, way, depth=2)
    assert (report.verdict, report.cause) == ("counterexample", "n == 2 does not hold")
    assert [each.source for each in report.least] == ["turn:1", "turn:0"]


@both
@pytest.mark.parametrize("way", ["exchange", "peterson"])
def test_a_lock_that_keeps_them_apart_is_proven_for_two(architecture, way):
    report = agreed(architecture, way, depth=2)
    assert (report.verdict, report.failing) == ("proven", 0)


def test_the_story_tells_each_vcpus_part_and_its_recording_repeats_it(tmp_path):
    tape = tmp_path / "least.vmmrec"
    report = vmm.explore(image("x86", "alone"), inject="turn", record=tape, **ASKED, **OPTIONS["x86"])
    told = {part: next(line for line in report.story if part in line) for part in ("reads n = 0", "(was 0)", "(was 1)")}
    assert [line.split()[1:3] for line in told.values()] == [["vCPU", "0"], ["vCPU", "1"], ["vCPU", "0"]]
    assert any("read as 0 at load" in line and "made 1 by vCPU 1 at " in line for line in report.story)
    again = vmm.replay(tape, console=None)
    again.run()
    assert (again.verified, again.machine.u32("n")) == (True, 1)


def test_a_machine_of_one_vcpu_has_no_turns_to_give():
    with pytest.raises(VmmError, match="one vCPU"):
        vmm.explore("x86/pit_ticks", inject="turn", between=("guest", "guest"))
