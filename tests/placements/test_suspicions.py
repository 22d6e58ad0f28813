"""Without a check, accesses that an interrupt comes between are told, and fail nothing; what programs mean is not."""

from __future__ import annotations

import pytest

from vmm.errors import VmmError

from .story_guests import LOAD, LOST_UPDATES, TORN, X86, explored

__all__ = ["explored"]


@pytest.mark.parametrize("arch", LOST_UPDATES)
def test_a_lost_update_is_suspicious_though_the_run_comes_to_its_end(explored, arch):
    """From behind the load up to the store."""
    report, line = explored(LOST_UPDATES[arch], until="end")
    assert (report.verdict, report.exit_status) == ("proven", 0)
    assert f"atomicity: {report.atomicity}" in str(report).splitlines()
    (found,) = report.suspicious
    assert [found.boundaries, found.first.where.split(" ", 1)[1], found.last.where.split(" ", 1)[1]] == [
        2, line("add"), line("store"),
    ]  # fmt: skip
    assert found.cause.startswith(f"lost update of n (4 bytes): read as 0 at {line('load')}")
    assert f"suspicious, though nothing fails: {found}" in str(report)
    assert report.plain()["suspicious"][0]["cause"] == found.cause


def test_a_torn_read_is_suspicious(explored):
    report, line = explored(TORN, until="end")
    (found,) = report.suspicious
    assert found.cause.startswith(f"torn read of n (8 bytes): one half is read at {line('first')}")


def test_a_store_far_behind_its_load(explored):
    """Three instructions, 300 times, lie between; what the handler counts is lost from the load to the store: at
    1 + 900 + 2 boundaries, from the one behind the load to the one before the store.
    """
    body = "    nop\nload:\n    movl    n, %eax\nbehind:\n    movl    $300, %ecx\n1:  push    %ecx\n    pop     %ecx\n"
    body += "    loop    1b\n    incl    %eax\nstore:\n    movl    %eax, n"
    report, line = explored(X86.format(body=body, tail="    POWER_OFF", handled="    incl    n"))
    (found,) = report.suspicious
    assert [found.boundaries, found.first.where.split(" ", 1)[1], found.last.where.split(" ", 1)[1]] == [
        903, line("behind"), line("store"),
    ]  # fmt: skip


def test_asked_for_it_fails(explored):
    report, line = explored(LOST_UPDATES["x86"], until="end", check="atomic")
    assert (report.verdict, report.exit_status, report.failing) == ("counterexample", 1, 2)
    assert [each.where.split(" ", 1)[1] for each in report.least] == [line("add")]
    assert report.cause == report.failures[0].cause
    assert report.story.count(f"  {report.cause}") == 1
    assert report.story[-1].startswith("  it comes to ")


MEANT = {
    "an instruction that counts at once": "    incl    n\n    incl    n\n    incl    n",
    "a loop that waits": "    movl    $50, %ecx\n1:  cmpl    $0, n\n    loop    1b",
    "looks one after the other": "    movl    n, %eax\n    movl    n, %edx\n    cmpl    %eax, %edx",
    "a stack that is popped and pushed": "    push    %ebx\n    pop     %ebx\n    push    %edx\n    pop     %edx",
    "interrupts held off": "    cli\n" + LOAD.partition("load:\n")[2].partition("add:\n")[0] + "    incl %eax\n"
    "    movl    %eax, n\n    sti\n    nop",
    "another variable": LOAD.replace("n,", "other,").replace(", n", ", other"),
}  # fmt: skip


@pytest.mark.parametrize("body", MEANT.values(), ids=MEANT)
def test_what_programs_mean_is_not_suspicious(explored, body):
    """Neither told, nor failing where it is asked for."""
    source = X86.format(body=body, tail="    POWER_OFF", handled="    incl    n")
    report, _ = explored(source)
    assert (report.verdict, report.suspicious) == ("proven", [])
    assert explored(source, check="atomic")[0].verdict == "proven"


def test_of_several_vcpus_it_is_not_asked(explored):
    with pytest.raises(VmmError, match="machines of one vCPU"):
        explored(LOST_UPDATES["x86"], check="atomic", smp=2)
    report, _ = explored(LOST_UPDATES["x86"], until="end", smp=2)
    assert (report.verdict, report.suspicious, report.atomicity) == ("proven", [], "")


def test_a_check_given_is_all_that_is_checked(explored):
    report, _ = explored(LOST_UPDATES["x86"], until="end", check="n >= 1")
    assert (report.verdict, report.suspicious) == ("proven", [])


def test_two_values_side_by_side_are_no_halves_of_one(explored):
    """Each has a symbol, and the handler writes both."""
    body = "    movl    n, %eax\n    nop\n    movl    other, %edx"
    data = "    .data\n    .balign 8\n    .globl n, other\nn: .long 0\nother: .long 0\n"
    guest = X86.format(body=body, tail="    POWER_OFF", handled="    incl    n\n    incl    other")
    report, _ = explored(guest.replace("    VAR     n, 16\n    VAR     other", data))
    assert report.suspicious == []
