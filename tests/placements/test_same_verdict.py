"""What an exploration says does not depend on whether runs share what follows: each boundary and source alone, and all
that begins with it. Sharing that is wrong anywhere shows here.
"""

from __future__ import annotations

import pytest

import vmm
from placements.exploring import ARCHITECTURES, asked_for, assembled, built, explored
from placements.programs import checks, frame_of, outcome, program, source
from placements.windows import window
from vmm.catalog import guests

EVERY = sorted(guest.name for guest in guests() if not guest.name.endswith("/hello"))
"""But those that let no interrupt in, and are over before a window is."""
SOME = ("x86/pit_ticks", "x86/sti_shadow", "x86/task_gate", "arm64/daif_unmask", "arm/it_block_irq")
PREDICATES = {
    "lost_update": ["n == 2"], "torn_read": ["u64 copy <= 0x100000000"], "stack_overflow": ["guard == 0x600DC0DE"],
    "reentrant_handler": ["sum <= 3"], "lost_edge": ["shared == 2"],
}  # fmt: skip


STACK = 48
"""Bytes: fewer than the handlers of most random programs need."""


def agree(image, **asked):
    """With sharing and without; the report with it."""
    shared, rows = explored(image, **asked)
    whole, expected = explored(image, reduction=False, **asked)
    assert rows == expected
    assert (shared.placements, shared.failing) == (whole.placements, whole.failing)
    assert (shared.longest, shared.deepest) == (whole.longest, whole.deepest)
    return shared


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", PREDICATES)
@pytest.mark.parametrize("fixed", [False, True], ids=["planted", "fixed"])
def test_guests_with_a_planted_bug_and_two_interrupts(architecture, name, fixed):
    assert agree(
        built(architecture, name, fixed), **asked_for(architecture, name, PREDICATES[name], depth=2)
    ).placements


@pytest.mark.parametrize("architecture", ["x86", "arm64"])
@pytest.mark.parametrize("name", PREDICATES)
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_windows_that_end_by_a_count_and_two_interrupts(architecture, name, more):
    """In the midst of the guest's code, and of the handlers."""
    image, asked = built(architecture, name), asked_for(architecture, name, PREDICATES[name], depth=2)
    end = count_at(image, asked["board"], "end") + more
    assert agree(image, **{**asked, "between": ("begin", f"insn:{end}"), "until": None}).placements


def count_at(image, board, where):
    machine = vmm.boot(image, board=board, console=None)
    machine.run(until=where)
    return machine.instructions


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_random_programs_in_windows_that_end_by_a_count(architecture):
    by_count(architecture, seeds=range(2), parts=2, depth=2)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_many_random_programs_in_windows_that_end_by_a_count(architecture):
    by_count(architecture, seeds=range(300, 304), parts=5, depth=2)


def by_count(architecture, seeds, parts, depth):
    """After each of as many parts of the undisturbed window."""
    programs = [program(seed) for seed in seeds]
    image = assembled(architecture, source(architecture, programs))
    for number, each in enumerate(programs):
        undisturbed, _ = outcome(each, None, 0, architecture == "x86")
        asked = {**frame_of(architecture, number), "check": checks(undisturbed), "depth": depth, "stack": STACK}
        begin, end = (count_at(image, asked["board"], where) for where in asked["between"])
        for part in range(1, parts + 1):
            between = (f"insn:{begin}", f"insn:{begin + (end - begin) * part // parts}")
            assert agree(image, **{**asked, "between": between}).placements


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("seeds", "depth"), [(range(3), 2)])
def test_random_programs_with_random_handlers(architecture, seeds, depth):
    randomly(architecture, seeds, depth)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("seeds", "depth"), [(range(100, 112), 1), (range(200, 202), 2)])
def test_many_random_programs(architecture, seeds, depth):
    randomly(architecture, seeds, depth)


def randomly(architecture, seeds, depth):
    programs = [program(seed) for seed in seeds]
    image = assembled(architecture, source(architecture, programs))
    for number, each in enumerate(programs):
        undisturbed, _ = outcome(each, None, 0, architecture == "x86")
        assert agree(
            image, **frame_of(architecture, number), check=checks(undisturbed), depth=depth, stack=STACK
        ).placements


@pytest.mark.parametrize("name", SOME)
def test_a_window_of_some_bundled_guests(name):
    bundled(name, boundaries=12, depth=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_a_window_of_every_bundled_guest(name):
    bundled(name, boundaries=10, depth=1)


@pytest.mark.parametrize("name", SOME)
def test_a_window_of_some_bundled_guests_that_ends_by_a_count(name):
    """A trigger tells which; some take interrupts of their own meanwhile."""
    found = window(name, 12, beyond=200)
    assert agree(
        name, between=(found.between[0], vmm.Elapsed(insns=4)), hit=found.hit, until=found.until, inject=found.inject,
        depth=2,
    ).placements  # fmt: skip


def bundled(name, boundaries, depth):
    found = window(name, boundaries, beyond=200)
    assert agree(
        name, between=found.between, hit=found.hit, until=found.until, inject=found.inject, depth=depth
    ).placements


def test_a_far_return_of_real_mode():
    """Unicorn's has written EIP when it loads CS, and whoever is told of that load sees EIP put back."""
    image = assembled(
        "x86",
        """
#include "x86/guest.h"
    GUEST_REAL16
    IVT_GATE 0x24, handler
    PIC_UNMASK 4
    sti
    nop
begin:
    movw    $3, %cx
1:  lcall   $0, $far
    loop    1b
end:
    nop
over:
    POWER_OFF
far:
    incw    n
    lret
handler:
    incw    n
    PIC_EOI 4
    iret
    VAR     n
""",
    )
    report = agree(
        image, inject="irq:4", between=("begin", "end"), until="over", board="pc,pit=off", check="u16 n == 4"
    )
    assert report.verdict == "proven"
    assert report.boundaries == 1 + 3 * 4 + 1


SOFTWARE = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 2, handler
    IDT_GATE 0x24, handler
    IDT_GATE 0x41, own
    PIC_UNMASK 4
begin:
    nop
    int     $0x41
    nop
    int     $0x41
end:
    sti
    nop
    nop
over:
    POWER_OFF
own:
    incl    n
    iret
handler:
    shll    n
    PIC_EOI 4
    iret
    VAR     n
"""
"""Interrupts are masked; what is delivered in the window, but for NMI, INT n delivers."""


@pytest.mark.parametrize("insns", range(1, 9))
def test_a_count_may_be_that_of_an_instruction_that_delivers(insns):
    image = assembled("x86", SOFTWARE)
    begin = count_at(image, "pc,pit=off", "begin")
    asked = {"inject": ["irq:4", "nmi"], "board": "pc,pit=off", "until": "over", "check": ["n == 2"], "depth": 2}
    assert agree(image, **asked, between=("begin", f"insn:{begin + insns}")).failing


SWITCHED = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 2, handler
    movl    $0x80, %edx
    movl    $0x2000, %eax
begin:
    nop
end:
    outw    %ax, %dx
    nop
over:
    POWER_OFF
handler:
    movl    $0x604, %edx
    iret
"""
"""The handler makes the write to an unused port one that switches the machine off."""


@pytest.mark.parametrize("by", ["a place", "a count"])
def test_what_ends_a_run_at_once_behind_the_window_ends_it_behind_the_window(by):
    image = assembled("x86", SWITCHED)
    begin = count_at(image, "pc,pit=off", "begin")
    end = "end" if by == "a place" else f"insn:{begin + 1}"
    report = agree(image, inject="nmi", board="pc,pit=off", between=("begin", end), until="over")
    assert [each.cause.partition(":")[0] for each in report.failures][-1] == "it does not come to over"
