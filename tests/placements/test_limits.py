"""Deadlines and bounds of the stack: which placements break them, and which run is the worst, worked out here from the
source. An interrupt within one privilege level pushes three doublewords (SDM 3A 6.12.1); an instruction takes 10 ns.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

import vmm
from placements.exploring import ARCHITECTURES, asked_for, assembled, built, explored
from vmm.cli import main
from vmm.errors import VmmError
from vmm.placements.conduct import Sizes

# From begin to over there are 6 instructions. The handler has 4, and 10 more where ECX is 3: at `slow` and behind it.
# The stack grows by 8 bytes up to `deep`, and there is what the interrupt and its handler push: 12 and 4.
GUEST = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x40, handler
    xorl    %ecx, %ecx
    sti
    nop
begin:
    pushl   %eax
    movl    $3, %ecx
slow:
    pushl   %ebx
deep:
    movl    $1, %ecx
behind:
    addl    $8, %esp
end:
    nop
over:
    POWER_OFF
handler:
    cmpl    $3, %ecx
    jne     1f
    .rept   10
    nop
    .endr
1:  pushl   %ecx
{more}
    popl    %ecx
    iret
"""
ELSEWHERE = """
    movl    %esp, saved
    movl    $elsewhere, %esp
    pushl   %eax
    pushl   %eax
    movl    saved, %esp
"""
"""5 instructions, and on another stack two pages below the first one."""
OPTIONS = {"board": "pc,pit=off", "memory": 1 << 21}
UNDISTURBED, HANDLER, SLOW = 6, 5, 10
WAYS = [{"reduction": True}, {"reduction": False}]

with_and_without = pytest.mark.parametrize("way", WAYS, ids=["shared", "whole"])


def guest(more="", behind=""):
    return assembled("x86", GUEST.format(more=more) + behind)


@pytest.fixture(scope="module")
def image():
    return guest()


def tried(image, **more):
    return vmm.explore(image, inject="vector:0x40", between=("begin", "end"), until="over", **OPTIONS, **more)


def labels(happenings):
    return [each.where.split()[1] for each in happenings]


@with_and_without
@pytest.mark.parametrize(("deadline", "failing", "unit"), [(20, 2, 1), ("0.21us", 0, 10)])
def test_a_run_that_ends_too_late(image, deadline, failing, unit, way):
    """21 instructions from the window's begin, of which the handler at `slow` or behind it has 15."""
    report = tried(image, deadline=deadline, **way)
    assert (report.placements, report.failing) == (6, failing)
    assert (report.longest.value, labels(report.longest.least)) == ((UNDISTURBED + HANDLER + SLOW) * unit, ["slow"])
    if failing:
        (failure,) = report.failures
        assert (labels([failure.first, failure.last]), labels(report.least)) == (["slow", "deep"], ["slow"])
        assert failure.cause == f"it takes longer than {deadline}{'insns' * (deadline == 20)}"


@with_and_without
def test_two_that_end_too_late(image, way):
    """Both in the slow part; the second behind the first, or before it begins in its handler, where IF is clear."""
    report = tried(image, deadline=UNDISTURBED + 2 * (HANDLER + SLOW) - 1, depth=2, **way)
    assert report.longest.value == UNDISTURBED + 2 * (HANDLER + SLOW)
    assert labels(report.least)[0] == "slow"
    assert report.cause == "it takes longer than 35insns"


@with_and_without
@pytest.mark.parametrize(("stack", "failing"), [(23, 2), (24, 0), (19, 4)])
def test_a_stack_that_grows_too_far(image, stack, failing, way):
    """By 16 bytes at begin and at the two boundaries behind `behind`, 20 behind one push, 24 behind two."""
    report = tried(image, stack=stack, **way)
    assert (report.placements, report.failing) == (6, failing)
    assert (report.deepest.value, labels(report.deepest.least)) == (24, ["deep"])
    if failing:
        assert report.cause == f"its stack grows by more than {stack} bytes"
        assert any(line.endswith(f" push ecx: {stack + 1} bytes") for line in report.story)


@with_and_without
def test_another_stack_is_not_this_one(way):
    image = guest(ELSEWHERE, "    VAR saved\n    .bss\n    .balign 4096\nelsewhere: .skip 4096\n")
    report = tried(image, stack=24, **way)
    assert (report.verdict, report.deepest.value) == ("proven", 24)


SMALL = {"x86": 60, "arm64": 96, "arm": 48}
"""Bytes of `stack_overflow`'s."""


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@with_and_without
def test_a_guard_below_the_stack_says_the_same(architecture, way):
    """What is pushed behind the guest's small stack overwrites that word."""
    image = built(architecture, "stack_overflow")
    asked = asked_for(architecture, "stack_overflow", depth=2, **way)
    (guarded, expected), (bounded, rows) = (
        explored(image, **{**asked, **each})
        for each in ({"check": "guard == 0x600DC0DE"}, {"stack": SMALL[architecture], "check": "guard >= 0"})
    )
    assert [(row.failing, row.least) for row in rows] == [(row.failing, row.least) for row in expected]
    assert guarded.failing and bounded.deepest.value > SMALL[architecture]


LIMITS = {"deadline": 20, "stack": 23, "depth": 2}


def extremes(report):
    return report.verdict, report.failing, report.longest, report.deepest, report.least, report.cause


def test_in_parts_it_comes_to_the_same(image, monkeypatch):
    whole = extremes(tried(image, **LIMITS))
    monkeypatch.setattr(Sizes, "size", lambda self: 1)
    assert extremes(tried(image, **LIMITS)) == whole
    with ThreadPoolExecutor(2) as threads:
        assert extremes(tried(image, executor=threads, jobs=2, **LIMITS)) == whole


def test_a_campaign_goes_on(image, tmp_path):
    whole, campaign = extremes(tried(image, **LIMITS)), tmp_path / "file"
    assert tried(image, campaign=campaign, runs=20, **LIMITS).verdict != "proven"
    assert extremes(tried(image, campaign=campaign, **LIMITS)) == whole
    for name, other in (("deadline", 21), ("stack", 24)):
        with pytest.raises(VmmError, match=f"its {name} is "):
            tried(image, campaign=campaign, **{**LIMITS, name: other})


def test_on_the_command_line(image, capsys):
    asked = ["explore", str(image), "--inject", "vector:0x40", "--until", "over", "--board", "pc,pit=off"]
    assert main([*asked, "--deadline", "21insns", "--stack", "24"]) == 0
    said = capsys.readouterr().out
    assert "\nlongest run: 21 instructions (deadline 21insns), with vector:0x40 at " in said
    assert "\ndeepest stack: 24 bytes (of 24), with vector:0x40 at " in said
    assert main([*asked, "--deadline", "0.2us", "--json", "-"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["deadline"], said["longest"]["value"], said["deepest"]) == ("0.2us", 210, None)


@pytest.mark.parametrize("wrong", ["80", "80xs", "insns", "0insns", "1.5insns"])
def test_what_is_no_deadline(image, wrong):
    with pytest.raises(VmmError, match=f"^deadline '{wrong}': .* 80us or 5000insns$"):
        tried(image, deadline=wrong)
