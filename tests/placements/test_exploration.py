"""Every placement within a window: what fails is what the source says must fail, whole or with runs shared, and at any
size of a step.
"""

from __future__ import annotations

import pytest

import vmm
from placements.exploring import asked_for, built
from vmm.errors import VmmError
from vmm.machine.machine import Machine, explorer_of
from vmm.placements import exploration
from vmm.placements.bounds import Bounds
from vmm.placements.conduct import Sizes
from vmm.placements.judge import Judge

LOST_UPDATE = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 0x24, handler
    PIC_UNMASK 4
    sti
    nop
begin:
    movl    $7, %ebx
    addl    $3, %ebx
    movl    n, %eax
loaded:
    incl    %eax
    movl    %eax, n
stored:
    push    %ebx
    pop     %ecx
    cmpl    %ecx, %ebx
end:
    nop
over:
    POWER_OFF
handler:
    push    %eax
    movl    $20, %eax
1:  decl    %eax
    jnz     1b
    incl    n
    PIC_EOI 4
    pop     %eax
    iret
    VAR     n
"""
OPTIONS = {"board": "pc,pit=off", "memory": 1 << 21}


@pytest.fixture
def lost_update(tmp_path):
    path = tmp_path / "lost_update.S"
    path.write_text(LOST_UPDATE)
    return path


def explored(path, **more):
    return vmm.explore(path, inject="irq:4", between=("begin", "end"), until="over", check="n == 2", **OPTIONS, **more)


WAYS = [{"reduction": True}, {"reduction": False}]


@pytest.mark.parametrize("way", WAYS, ids=["shared", "whole"])
def test_an_update_is_lost_between_the_load_and_the_store_and_nowhere_else(lost_update, way):
    """The boundaries behind MOV EAX, n up to the one before MOV n, EAX."""
    report = explored(lost_update, **way)
    assert (report.verdict, report.exit_status, report.boundaries) == ("counterexample", 1, 9)
    assert (report.placements, report.failing, report.delivered) == (9, 2, 9)
    (failure,) = report.failures
    assert failure.cause == "n == 2 does not hold"
    assert (failure.first.where.split()[1], failure.last.where.split()[1]) == ("loaded", "loaded+0x1")
    assert [each.where.split()[1] for each in report.least] == ["loaded"]


@pytest.mark.parametrize("way", WAYS, ids=["shared", "whole"])
def test_two_interrupts_at_any_two_boundaries(lost_update, way):
    """One more is one too many for n == 2, unless one of them is lost."""
    report = explored(lost_update, depth=2, **way)
    plain = report.plain()
    assert len(report.least) == 1
    assert plain["placements"] > 300
    alike = explored(lost_update, depth=2, **WAYS[1 - WAYS.index(way)]).plain()
    assert {name: plain[name] for name in ("placements", "failing", "delivered", "failures", "least")} == {
        name: alike[name] for name in ("placements", "failing", "delivered", "failures", "least")
    }


@pytest.mark.parametrize("way", WAYS, ids=["shared", "whole"])
@pytest.mark.parametrize("depth", [1, 2])
def test_a_run_may_end_where_its_window_does(lost_update, depth, way):
    """One interrupt is delivered before the end is looked at; two are so, too."""
    between = ("loaded", "stored")
    report = vmm.explore(lost_update, inject="irq:4", between=between, until="stored", depth=depth, **way, **OPTIONS)
    assert (report.verdict, report.boundaries, report.failing) == ("proven", 3, 0)


@pytest.mark.parametrize("way", WAYS, ids=["shared", "whole"])
def test_a_window_of_one_visit_to_the_next(tmp_path, way):
    """begin and end are one place in a loop of two instructions, three times round: it begins at the first visit."""
    path = tmp_path / "loop.S"
    path.write_text(
        LOST_UPDATE.replace("    movl    $7, %ebx", "    movl    $7, %ebx\n2:  incl    %ecx\nagain:\n    jmp     2b")
    )
    report = vmm.explore(path, inject="irq:4", between=("again", "again"), until="again", depth=2, **way, **OPTIONS)
    assert (report.verdict, report.boundaries, report.failing) == ("proven", 3, 0)


# What a handler leaves below the stack pointer is read behind the window: EIP in its frame, another at each boundary.
READS_THE_FRAME = {
    "by a load": """
    movl    -12(%esp), %eax
    movl    %eax, seen
""",
    "by REP MOVS, many iterations at once": """
    leal    -64(%esp), %esi
    movl    $copied, %edi
    movl    $64, %ecx
    cld
    rep movsb
    movl    copied + 52, %eax
    movl    %eax, seen
""",
    "after more was written than is kept apart": """
    movl    $0x400000, %edi
    movl    $1100, %ecx
2:  movl    %eax, (%edi)
    addl    $0x1000, %edi
    loop    2b
    movl    -12(%esp), %eax
    movl    %eax, seen
""",
}


@pytest.mark.parametrize("way", WAYS, ids=["shared", "whole"])
@pytest.mark.parametrize("reads", READS_THE_FRAME.values(), ids=READS_THE_FRAME)
def test_where_a_stale_frame_is_read_no_run_is_another(tmp_path, reads, way):
    """Of the window's boundaries the one at `mark` alone leaves its own address there."""
    path = tmp_path / "reads.S"
    window = "    nop\n    nop\nmark:\n    nop\n    nop\n"
    text = LOST_UPDATE.replace(LOST_UPDATE[LOST_UPDATE.index("    movl    $7") : LOST_UPDATE.index("end:")], window)
    text = text.replace("end:\n    nop\n", "end:\n    nop\n" + reads)
    path.write_text(text + "    VAR     seen\n    .bss\n    .balign 4096\ncopied: .skip 4096\n")
    options = {**OPTIONS, "memory": 16 << 20}
    mark = vmm.boot(path, console=None, **options).address("mark")
    report = vmm.explore(
        path, inject="irq:4", between=("begin", "end"), until="over", check=f"seen != {mark}", **way, **options
    )
    assert (report.placements, report.failing) == (5, 1)
    assert [each.where.split()[1] for each in report.least] == ["mark"]


def test_runs_that_come_to_one_state_are_one_from_there_on(lost_update):
    assert explored(lost_update).tails < explored(lost_update, reduction=False).tails == 9


def test_two_interrupts_share_what_follows_the_first_wherever_it_came(tmp_path):
    """A frame is written whatever was there: so the place that the first one's leads to makes no difference, when the
    second one's handler returns. A window twice as long takes twice as many runs, though it has far more placements.
    """
    path = tmp_path / "loop.S"

    def ways(rounds):
        loop = f"    movl    ${rounds}, %ecx\n2:  decl    %ecx\n    jnz     2b\n"
        begin, end = LOST_UPDATE.index("begin:"), LOST_UPDATE.index("end:")
        path.write_text(LOST_UPDATE[:begin] + "begin:\n" + loop + LOST_UPDATE[end:])
        window = {"inject": "irq:4", "between": ("begin", "end"), "until": "over", "check": "n <= 2", "depth": 2}
        return [vmm.explore(path, **window, **OPTIONS, **way) for way in WAYS]

    (short, short_whole), (long, long_whole) = ways(40), ways(80)
    assert (short.placements, long.placements) == (short_whole.placements, long_whole.placements)
    assert long.placements > 2.5 * short.placements
    assert long.runs < 2.2 * short.runs


def test_a_fixed_guest_is_proven(tmp_path):
    path = tmp_path / "fixed.S"
    path.write_text(LOST_UPDATE.replace("movl    n, %eax\nloaded:\n    incl    %eax\n    movl    %eax, n", "incl n"))
    report = explored(path)
    assert (report.verdict, report.exit_status, report.failures) == ("proven", 0, [])
    assert report


@pytest.mark.parametrize("size", [1, 2, 7])
def test_how_many_boundaries_are_tried_at_once_changes_nothing(lost_update, monkeypatch, size):
    whole = explored(lost_update).plain()
    monkeypatch.setattr(Sizes, "size", lambda self: size)
    parts = explored(lost_update).plain()
    assert {**whole, "seconds": 0, "tails": 0} == {**parts, "seconds": 0, "tails": 0}


def test_what_is_masked_throughout_is_told(lost_update):
    lost_update.write_text(LOST_UPDATE.replace("    sti\n", "    cli\n"))
    report = vmm.explore(lost_update, inject="irq:4", between=("begin", "end"), until="over", **OPTIONS)
    assert (report.verdict, report.exit_status, report.delivered) == ("nothing delivered", 2, 0)


def test_a_budget_is_kept(lost_update):
    report = explored(lost_update, runs=1)
    assert (report.over, report.runs, report.boundaries < 9) == (False, 1, True)


def test_a_check_of_ones_own_is_asked_at_each_end_twice(lost_update):
    seen = []

    def check(machine: Machine) -> bool:
        seen.append(machine.u32("n"))
        return machine.u32("n") == 2

    report = vmm.explore(
        lost_update, inject="irq:4", between=("begin", "end"), until="over", check=check, reduction=False, **OPTIONS
    )
    assert sorted(seen) == 2 * 2 * [1] + 2 * 7 * [2]
    assert report.failures[0].cause == "check does not hold"


def test_a_check_that_raises_ends_it(lost_update):
    def check(machine: Machine) -> bool:
        raise KeyError("mine")

    with pytest.raises(
        VmmError, match=r"^the check check raised KeyError: 'mine' .*; with irq:4 at 0x.* begin "
    ) as raised:
        vmm.explore(lost_update, inject="irq:4", between=("begin", "end"), until="over", check=check, **OPTIONS)
    assert isinstance(raised.value.__cause__, KeyError)


def test_depth_goes_as_far_as_it_may_where_no_read_is_asked_for(lost_update):
    window = {"between": ("begin", "end"), "until": "over", "runs": 1}
    assert vmm.explore(lost_update, inject="irq:4", depth=8, **window, **OPTIONS).runs == 1
    with pytest.raises(VmmError, match=r"^reads 1: with depth 8 it is 0 to 0$"):
        vmm.explore(lost_update, inject=["irq:4", "read:n=5"], depth=8, **window, **OPTIONS)
    with pytest.raises(VmmError, match=r"^reads 9: it is 0 to 8$"):
        vmm.explore(lost_update, inject="irq:4", reads=9, **window, **OPTIONS)


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Undecided:
    def __bool__(self) -> bool:
        raise KeyError("mine")


def raises(error: BaseException):
    def check(machine: Machine) -> bool:
        raise error

    return check


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (raises(SystemExit(7)), "raised SystemExit: 7 "),
        (raises(GeneratorExit()), "raised GeneratorExit "),
        (raises(Speechless()), "raised Speechless "),
        (lambda machine: Undecided(), "raised KeyError: 'mine' "),
    ],
)
def test_whatever_a_check_raises_is_no_answer(lost_update, check, told):
    with pytest.raises(VmmError) as raised:
        vmm.explore(lost_update, inject="irq:4", between=("begin", "end"), until="over", check=check, **OPTIONS)
    assert told in str(raised.value) and "; with irq:4 at 0x" in str(raised.value)


def test_a_check_that_yields_would_always_hold_and_is_refused(lost_update):
    def check(machine: Machine):
        yield False

    with pytest.raises(VmmError, match=r"^the check check yields: "):
        vmm.explore(lost_update, inject="irq:4", between=("begin", "end"), until="over", check=check, **OPTIONS)


def test_a_check_cannot_run_the_machine(lost_update):
    with pytest.raises(VmmError, match="run"):
        vmm.explore(
            lost_update, inject="irq:4", between=("begin", "end"), until="over", check=lambda m: m.run(), **OPTIONS
        )


def test_the_machine_stands_at_the_window_again_and_goes_on_as_if_nothing_had_been(lost_update):
    subject = exploration.Subject(lost_update, OPTIONS, exploration.Window("begin", "end", "over"))
    undisturbed = subject.boot()
    stop = undisturbed.run()
    machine = subject.boot()
    subject.enter(machine)
    work = exploration.Exploration(subject, [exploration.source("irq:4")], ["n == 2"], Bounds())
    judge = Judge(machine, Bounds(), [exploration.source("irq:4")], subject.window, [], [], 0, 1_000_000)
    plan = work.plan(machine, 1_000_000)
    explorer = explorer_of(machine, plan, judge)
    assert sum(len(rows) for rows in explorer.run(lambda: 4)) == 9
    assert machine.run() == stop
    assert machine.trace.hash == undisturbed.trace.hash
    assert machine.instructions == undisturbed.instructions


def test_a_window_begins_where_so_many_instructions_have_begun_or_at_a_trigger():
    """One boundary behind the place `begin`."""
    image = built("x86", "lost_update")
    machine = vmm.boot(image, board="pc,pit=off", console=None)
    machine.run(until="begin")
    first = machine.instructions
    asked = {**asked_for("x86", "lost_update", "n == 2")}
    whole, later = (
        vmm.explore(image, **{**asked, "between": (where, "end")}) for where in ("begin", f"insn:{first + 1}")
    )
    assert later.boundaries == whole.boundaries - 1
    assert later.least[0].where == whole.least[0].where
    assert later.least[0].placement.at.insns == whole.least[0].placement.at.insns - 1
    trigger = vmm.Then(vmm.Reach("begin"), vmm.Elapsed(insns=1))
    awaited = vmm.explore(image, **{**asked, "between": (trigger, "end")})
    assert [str(each) for each in awaited.failures] == [str(each) for each in later.failures]
    with pytest.raises(VmmError, match=r"^between: other processes know no Then\("):
        vmm.explore(image, **{**asked, "between": (trigger, "end"), "jobs": 2})
