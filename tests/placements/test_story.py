"""What is told of the least failing placement: the places, who read and wrote what, and what it means.

Expected are the values that the sources compute by hand, the labels in them, and the lines that these stand in.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from .story_guests import LOST_UPDATES, TORN, X86, explored

__all__ = ["explored"]


def line_with(story, place):
    """The one line of the story on that instruction."""
    (found,) = [line for line in story if place in line and line.lstrip()[0].isdigit()]
    return found


@pytest.mark.parametrize("arch", LOST_UPDATES)
def test_a_lost_update(explored, arch):
    """n is 0. The interrupted code has read that when the handler makes it 1, and makes it 1 itself: 2 is what both of
    them, one after the other, would come to. The least placement is behind the load.
    """
    report, line = explored(LOST_UPDATES[arch])
    assert (report.verdict, report.failing) == ("counterexample", 2)
    story = report.story
    assert "reads n = 0" in line_with(story, line("load"))
    (comes,) = [number for number, told in enumerate(story) if told.strip().startswith(report.least[0].source)]
    assert story[comes].endswith(line("add"))
    assert "delivered" in story[comes + 1]
    assert "writes n = 1 (was 0)" in line_with(story, line("counted"))
    assert "writes n = 1 (was 1)" in line_with(story, line("store"))
    order = [next(n for n, told in enumerate(story) if line(label) in told) for label in ("load", "counted", "store")]
    assert order == sorted(order)
    assert (
        f"  lost update of n (4 bytes): read as 0 at {line('load')}, made 1 by the handler at {line('counted')}, and "
        f"overwritten with 1 at {line('store')} without being read again" in story
    )
    assert story[-1] == f"  exit: {report.cause}"


def test_a_torn_read(explored):
    """Both halves of n count together; the lower is read before the handler, the upper behind it."""
    report, line = explored(TORN)
    assert [each.where.split(" ", 1)[1] for each in report.least] == [line("second")]
    assert "reads n = 0" in line_with(report.story, line("first"))
    assert "reads n+0x4 = 1" in line_with(report.story, line("second"))
    assert (
        f"  torn read of n (8 bytes): one half is read at {line('first')}, the other at {line('second')}, and between "
        f"them the handler changes both, the last at {line('last')}: half of it is old, half new" in report.story
    )


def test_a_store_that_is_wider_than_what_it_changes(explored):
    """The interrupted code sets a bit of the first byte, in four: the handler's count in the third is lost."""
    body = "    nop\nload:\n    movl    n, %eax\n    orl     $1, %eax\nstore:\n    movl    %eax, n\nstored:\n    nop"
    tail = '    andl    $0xff0000, n\n    CHECK_EQ n, $0x10000, "counted"\n    POWER_OFF'
    report, line = explored(X86.format(body=body, tail=tail, handled="counted:\n    incb    n+2"))
    assert (
        f"  lost update of n+0x2 (1 byte): read as 0 at {line('load')}, made 1 by the handler at {line('counted')}, "
        f"and overwritten with 0 at {line('store')} without being read again" in report.story
    )


def test_a_red_zone_that_the_frame_overwrites(explored):
    """A leaf function of System V on x86-64 keeps 7 below RSP, where the interrupt puts RFLAGS: IF (bit 9), bit 1, and
    what XOR left, ZF (bit 6) and PF (bit 2). The frame is aligned to 16 bytes (SDM 3A 6.14.2), which RSP is here: SS is
    8 below it, RSP 16, RFLAGS 24.
    """
    body = "    xorl %eax, %eax\nput:\n    movq    $7, -24(%rsp)\nget:\n    movq    -24(%rsp), %rax\nstored:\n    nop"
    tail = '    movl    %eax, other\n    CHECK_EQ other, $7, "kept"\n    POWER_OFF'
    source = X86.format(body=body, tail=tail, handled="    incl n").replace("PROTECTED32", "LONG64")
    source = source.replace("begin:", "    andq $-16, %rsp\nbegin:").replace("%eax\n    iret", "%rax\n    iretq")
    report, line = explored(source.replace("push    %eax", "push    %rax"))
    assert [each.where.split(" ", 1)[1] for each in report.least] == [line("get")]
    (meaning,) = [told for told in report.story if "not what was written" in told]
    assert (
        f"made 7 at {line('put')} and 0x246 by the handler at the delivery, read as 0x246 at {line('get')}" in meaning
    )


def test_what_a_loop_waits_for_explains_nothing(explored):
    """A deadline is missed: that the flag changes is what the loop is there to see."""
    body = "    movl    $9, %ecx\n1:  cmpl    $0, n\n    jne     over\n    loop    1b\nover:\n    nop"
    source = X86.format(body=body, tail="    POWER_OFF", handled="    incl    n")
    report, _ = explored(source, check="n == 0")
    assert report.cause == "n == 0 does not hold"
    assert not [told for told in report.story if " bytes): " in told]


def test_a_handler_that_never_returns(explored):
    """It waits for a lock that the interrupted code holds."""
    body = "    movl    $1, n\nheld:\n    nop\n    movl    $0, n"
    wait = "wait:\n    cmpl    $0, n\n    jne     wait"
    report, line = explored(X86.format(body=body, tail="    POWER_OFF", handled=wait))
    assert report.cause.startswith("it does not come to end within ")
    assert [each.where.split(" ", 1)[1] for each in report.least] == [line("held")]
    assert "  its handler has not returned when this ends" in report.story


def test_two_interrupts_have_a_line_each(explored):
    """A count of at most 1: the second interrupt is too many, and both may come at the first boundary."""
    source = X86.format(body="    nop", tail="    POWER_OFF", handled="    incl    n")
    report, _ = explored(source, depth=2, check="n <= 1")
    assert len(report.least) == 2
    assert sum("irq:4 at" in told for told in report.story) == 2
    assert sum("vector 0x24 delivered" in told for told in report.story) == 2


def test_a_replay_repeats_it(explored, tmp_path):
    """EXIT 1 of a PC guest is status 3: (1 << 1) | 1."""
    tape = tmp_path / "least.vmmrec"
    report, _ = explored(LOST_UPDATES["x86"], record=tape)
    assert report.recording == str(tape)
    done = subprocess.run([sys.executable, "-m", "vmm", "replay", str(tape)], capture_output=True, text=True)
    assert done.returncode == 3
    assert "FAIL: both are counted (n is 0x00000001, not $2)" in done.stdout
    assert "the guest ended the run with status 3" in done.stderr


def test_a_range_that_fails_again_and_again_is_told_once(explored):
    """Three times round a loop, with a boundary behind the load and one behind the addition; what lies between two
    ranges fails in nothing, so they are not one.
    """
    body = "    movl    $3, %edx\n1:  movl    n, %eax\nloaded:\n    incl    %eax\n    movl    %eax, n\n"
    body += "    decl    %edx\n    jnz     1b"
    tail = '    CHECK_EQ n, $4, "all are counted"\n    POWER_OFF'
    report, line = explored(X86.format(body=body, tail=tail, handled="    incl    n"))
    (failure,) = report.failures
    assert (failure.boundaries, failure.times, report.failing) == (2, 3, 6)
    assert line("loaded") in failure.first.where
    assert f"at each of 2 boundaries from {failure.first.where} to {failure.last.where}, 3 times: " in str(report)


def test_causes_are_told_once_with_all_their_places(explored):
    """What the two halves of a body lose are two ranges of one cause."""
    body = "    movl    n, %eax\n    incl    %eax\n    movl    %eax, n\n    nop\n" * 2
    tail = '    CHECK_EQ n, $3, "all are counted"\n    POWER_OFF'
    report, _ = explored(X86.format(body=body, tail=tail, handled="    incl    n"))
    assert [each.boundaries for each in report.failures] == [2, 2]
    lines = str(report).splitlines()
    start = lines.index("the guest ended the run with status 3:")
    assert [told[:33] for told in lines[start + 1 : start + 3]] == ["  irq:4 at each of 2 boundaries fr"[:33]] * 2
