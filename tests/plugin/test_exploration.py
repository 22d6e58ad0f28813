"""The marker `explore` and the fixture `exploration`: every placement tried, a failure that tells the least, one run.

The guest adds 1 to `shared` in three instructions, its handler adds 1 in one. MOV EAX, moffs32 is five bytes and INC
EAX one (SDM 2A), so the update begins at begin, begin+5 and begin+6, and ends at end: an interrupt at begin+5 or
begin+6 comes between the read and the write, and its own 1 is lost; at begin and at end it is not.
"""

from __future__ import annotations

import sys
from textwrap import dedent

import pytest

import vmm
from vmm.errors import VmmError
from vmm.testing.placement import placements

from .conftest import Suite

UPDATE = """
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    PRINT   "ready\\n"
    sti
    nop
begin:
    movl    shared, %eax
    incl    %eax
    movl    %eax, shared
end:
    nop
over:
    PRINT   "over\\n"
    POWER_OFF
handler:
    incl    shared
    PIC_EOI 5
    iret
    VAR     shared
"""
MASKED = UPDATE.replace("begin:", "begin: cli").replace("end:", "sti\nnop\nend:")
"""The update with interrupts masked: six instructions and end."""
LOOP = f"""
{UPDATE.partition("begin:")[0]}
    movl    $5, %ecx
begin:
    incl    shared
end:
    decl    %ecx
    jnz     begin
{UPDATE.partition("end:")[2]}
"""
READ = UPDATE.splitlines().index("    incl    %eax") + 1
"""The line before which shared was read."""
MARKED = """
marked = pytest.mark.guest("guest.S", board="pc,pit=off", seed=5)
update = pytest.mark.explore(inject="irq:5", between=("begin", "end"), until="over", check="shared == 2")

def events(m, kind):
    return [each for each in m.trace.last(64) if each.kind == kind]

"""
PROVEN = (
    MARKED
    + """
@marked
@update
def test_it(exploration):
    assert exploration
"""
)


def test_a_guest_that_loses_nothing_passes(suite: Suite):
    suite(MARKED + dedent("""
        @marked
        @update
        def test_it(exploration):
            assert exploration
            report = exploration.report
            assert (report.verdict, report.boundaries, report.placements, report.failing) == ("proven", 7, 7, 0)
    """), guest=MASKED).assert_outcomes(passed=1)  # fmt: skip


def test_one_that_does_fails_with_the_least_placement_and_its_story(suite: Suite, pytester):
    result = suite(PROVEN, "--vmm-record-dir", "kept", guest=UPDATE)
    result.assert_outcomes(failed=1)
    place = f"0x* begin+0x5 guest.S:{READ}"
    result.stdout.fnmatch_lines(
        [
            ">*assert exploration",
            f"E*assert <counterexample: irq:5 at {place}: shared == 2 does not hold>",
            "*- guest.S: exploration -*",
            f"counterexample: irq:5 at {place}: shared == 2 does not hold",
            "4 boundaries from begin to end, irq:5, at most 1 in one run: 4 placements, 2 of them fail",
            f"irq:5 at each of 2 boundaries from {place} to * begin+0x6 guest.S:{READ + 1}: shared == 2 does not hold",
            f"  irq:5 at {place}",
            "*vector 0x25 delivered (IRQ 5)",
            "*- guest.S: why it stopped -*",
            "breakpoint: reached 0x* over guest.S:*",
            "*, board pc,pit=off, seed 5, trace *",
            f"insn *: vector 0x25 delivered (IRQ 5) at {place}: inc eax",
            "*- guest.S: console -*",
            "ready",
            "*- guest.S: recording -*",
            "vmm replay kept/*.vmmrec",
        ]
    )
    assert "over" not in result.outlines  # what later runs print has gone with them


def test_its_recording_is_that_run_from_the_start(suite: Suite, pytester):
    suite(PROVEN, "--vmm-record-dir", "kept", guest=UPDATE)
    (kept,) = (pytester.path / "kept").iterdir()
    again = vmm.replay(kept)
    again.run()
    assert again.verified
    m = again.machine
    (tick,) = [each for each in m.trace.last(64) if each.kind == "delivered"]
    assert (tick.number, tick.pc, m.u32("shared")) == (0x25, m.address("begin") + 5, 1)
    assert m.u32(m.cpu["esp"] - 12) == m.address("begin") + 5  # EIP of the frame, under CS and EFLAGS
    assert (m.pic.master.isr, m.pic.master.irr) == (0, 0)


def test_a_test_may_want_the_surprise_and_then_nothing_is_shown(suite: Suite):
    result = suite(MARKED + dedent("""
        @marked
        @update
        def test_it(exploration):
            assert exploration.report.exit_status == 1
            assert [each.placement.at.insns for each in exploration.report.least] == [1]
    """), "-rA", guest=UPDATE)  # fmt: skip
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*why it stopped*")


def test_what_was_not_all_tried_is_not_proven(suite: Suite):
    result = suite("""
        @pytest.mark.guest("guest.S", board="pc,pit=off")
        @pytest.mark.explore(inject="irq:5", between=("begin", "end"), runs=1)
        def test_it(exploration):
            assert exploration
    """, guest=MASKED.replace("nop\nend:", ".rept 100\nnop\n.endr\nend:"))  # fmt: skip
    result.stdout.fnmatch_lines(["E*assert <budget spent: *>"])


def test_the_machines_are_what_the_markers_and_the_command_line_say(suite: Suite):
    suite("""
        prepared, checked = [], set()

        def check(m):
            checked.add((m.config.seed, m.config.board, m.config.memory))
            return True

        @pytest.mark.board("pc,pit=off")
        @pytest.mark.guest("guest.S", memory=8 << 20, prepare=prepared.append)
        @pytest.mark.explore(inject=["irq:5", "nmi"], between=("begin", "begin+0x1"), until="over", check=check)
        def test_it(exploration):
            assert [each.partition(":")[0] for each in exploration.report.sources] == ["irq", "nmi"]
            assert checked == {(9, "pc,pit=off", 8 << 20)}
            assert prepared
    """, "--vmm-seed", "9", guest=MASKED).assert_outcomes(passed=1)  # fmt: skip


@pytest.mark.parametrize(
    ("markers", "said"),
    [
        ("explore(inject='irq:5', between=('begin', 'end'))", 'no guest: mark the test with @pytest.mark.guest*'),
        ("guest('guest.S')", "nothing to explore: mark the test with @pytest.mark.explore(*"),
        ("guest('guest.S') @explore('irq:5', between=('begin', 'end'))", "marker explore: it takes between=, inject=*"),
        ("guest('guest.S') @explore(inject='irq:5')", "marker explore: it takes between=, inject=*"),
        ("guest('guest.S') @explore(inject='irq:5', between='begin')", "*between='begin': it is two locations"),
        ("guest('guest.S') @explore(inject='irq:5', between=(1, 2), dept=2)", "*marker explore 'dept'*'depth'*"),
        ("guest('guest.S') @explore(inject='irq:5', between=(1, 2), record='x')", "*marker explore 'record'*"),
        ("guest('guest.S') @explore(inject='iqr:5', between=(1, 2))", "*'iqr'; did you mean 'irq'?"),
    ],
)  # fmt: skip
def test_a_marker_that_says_it_wrongly_is_one_line(markers, said, suite: Suite):
    lines = "\n".join(f"@pytest.mark.{each.strip()}" for each in markers.split("@"))
    result = suite(f"{lines}\ndef test_it(exploration):\n    assert exploration\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])
    result.stdout.no_fnmatch_line("*markers.py*")


def test_a_window_that_is_never_entered_is_one_line(suite: Suite):
    result = suite("""
        @pytest.mark.guest("guest.S", board="pc,pit=off")
        @pytest.mark.explore(inject="irq:5", between=("handler", "end"))
        def test_it(exploration):
            assert exploration
    """)
    result.stdout.fnmatch_lines(["E*VmmError: the guest never comes to handler: poweroff*"])
    result.stdout.no_fnmatch_line("*exploration.py*")


def test_a_test_that_does_not_take_the_fixture_tries_nothing_and_fails(suite: Suite):
    result = suite(MARKED + dedent("""
        import unittest

        @marked
        @update
        def test_it():
            pass

        class Methods(unittest.TestCase):
            @marked
            @update
            def test_it(self):
                pass
    """))  # fmt: skip
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["marker explore: the test does not take the fixture exploration"])


@pytest.mark.slow
def test_it_works_on_xdist(suite: Suite):
    suite(PROVEN, "-n", "1", fresh=True, guest=UPDATE).stdout.fnmatch_lines(["*- guest.S: exploration -*"])


def test_the_machine_goes_when_the_test_is_over(suite: Suite):
    suite(MARKED + dedent("""
        import weakref

        kept = []

        @marked
        @update
        def test_it(exploration):
            kept.append(weakref.ref(exploration))

        def test_that():
            import gc

            gc.collect()
            assert kept[0]() is None
    """), guest=UPDATE).assert_outcomes(passed=2)  # fmt: skip


def test_single_runs_go_back_to_where_the_window_begins(suite: Suite):
    """INC EAX is instruction 1 of the window: the first tick moves it by as many as its handler has."""
    suite(MARKED + dedent("""
        @marked
        @update
        def test_it(exploration):
            lost = [n for n in range(4) if exploration.run([(n, 0, "irq:5")]).u32("shared") != 2]
            assert lost == [1, 2] and exploration.report.failing == len(lost)
            m = exploration.run([])
            begin = m.address("begin")
            assert (m.u32("shared"), m.cpu.pc) == (1, m.address("over"))
            assert exploration.run([(1, 0, "irq:5")]) is m
            (tick,) = events(m, "delivered")
            assert (tick.pc, m.u32("shared"), m.cpu.pc) == (begin + 5, 1, m.address("over"))
            (back,) = events(m, "returned")
            handler = back.insns - tick.insns
            exploration.run([(0, 0, "irq:5"), (handler + 1, 0, "irq:5")])
            assert [each.pc for each in events(m, "delivered")] == [begin, begin + 5]
            assert m.u32("shared") == 2  # 1 of the first tick, and 1 of the update's; the second's is lost
            exploration.run([(0, 0, "nmi"), (0, 1, "irq:5")])  # in the NMI's handler, which is the default one
            assert [each.number for each in events(m, "delivered")][:1] == [2]
    """), guest=UPDATE).assert_outcomes(passed=1)  # fmt: skip


def test_what_would_come_behind_the_window_does_not(suite: Suite):
    """Nor does what would come at a second boundary of one instruction where nothing is delivered to make one."""
    suite(MARKED + dedent("""
        @marked
        @update
        def test_it(exploration):
            m = exploration.run([(3, 0, "irq:5")])
            assert [each.pc for each in events(m, "delivered")] == [m.address("end")]
            for none in [(4, 0, "irq:5")], [(3, 1, "irq:5")], [(0, 1, "irq:5")], [(9999, 0, "irq:5")]:
                exploration.run(none)
                assert (events(m, "delivered"), m.cpu.pc) == ([], m.address("over"))
    """), guest=UPDATE).assert_outcomes(passed=1)  # fmt: skip


def test_a_handler_at_the_windows_last_boundary_is_within_and_what_it_returns_to_is_the_last(suite: Suite):
    """Whether runs end behind the window or with it: there they end before what waits for IRET is taken."""
    suite("""
        @pytest.mark.parametrize("until", ["over", "end"])
        @pytest.mark.guest("guest.S", board="pc,pit=off")
        def test_it(until, request, machine):
            from vmm.testing import Exploration

            asked = {"inject": "irq:5", "between": ("begin", "end"), "until": until}
            exploration = Exploration(machine, "guest.S", {"board": "pc,pit=off"}, asked)

            def events(*placement):
                m = exploration.run([(*each, "irq:5") for each in placement])
                assert m.cpu.pc == m.address(until)
                return [each for each in m.trace.last(64) if each.kind in ("delivered", "returned")]

            assert events() == events((0x100, 0)) == events((3, 1)) == []
            tick, back = events((3, 0))
            behind = 3 + back.insns - tick.insns
            assert tick.pc == exploration.run([]).address("end")
            for none in [], [(0x100, 0)], [(behind, 1)], [(behind + 1, 0)]:
                assert [each.kind for each in events((3, 0), *none)] == ["delivered", "returned"]
            assert [each.kind for each in events((3, 0), (behind, 0))] == ["delivered", "returned"] * 2
            for within in (3, 1), (behind - 1, 0):
                taken = 2 if until == "over" else 1
                assert [each.kind for each in events((3, 0), within)] == ["delivered", "returned"] * taken
    """, guest=UPDATE).assert_outcomes(passed=2)  # fmt: skip


@pytest.mark.parametrize("behind", [None, 2, 3])
def test_single_runs_of_all_pairs_come_to_what_the_exploration_says_of_them(behind, suite: Suite):
    """Each pair whole, in Python, against the core's forks and shared runs: as many, and as many that lose a tick. The
    window ends at a place, or so many instructions behind its begin.
    """
    suite(f"BEHIND = {behind}" + dedent("""
        from dataclasses import replace

        from vmm.placements.sources import source
        from vmm.testing import Exploration

        def test_it(machine):
            happened = []
            plain = source("irq:5")
            m = machine("guest.S", board="pc,pit=off")
            m.run(until="begin")
            end = "end" if BEHIND is None else f"insn:{m.instructions + BEHIND}"
            counting = replace(plain, happen=lambda m: happened.append(plain.happen(m)))
            asked = {"inject": counting, "between": ("begin", end), "until": "over", "check": "shared == 3"}
            asked["depth"] = 2
            exploration = Exploration(machine, "guest.S", {"board": "pc,pit=off"}, asked)
            pairs = lost = 0
            boundaries = 4 if BEHIND is None else BEHIND + 1
            for first in range(boundaries):
                for insns in range(first, 4 + 9):  # the handler has nine instructions, see the test of a single run
                    for more in (0, 1):
                        happened.clear()
                        m = exploration.run([(first, 0, "irq:5"), (insns, more, "irq:5")])
                        pairs += len(happened) == 2
                        lost += len(happened) == 2 and m.u32("shared") != 3
            report = exploration.report
            alone = boundaries  # one tick makes 2 at most
            assert (report.placements, report.failing) == (alone + pairs, alone + lost)
            assert 0 < lost < pairs
            assert len([*exploration.boundaries()]) == report.boundaries == boundaries
    """), guest=UPDATE).assert_outcomes(passed=1)  # fmt: skip


def test_a_window_that_ends_at_a_trigger_is_explored_and_has_no_single_runs(suite: Suite):
    suite("""
        marked = pytest.mark.guest("guest.S", board="pc,pit=off")
        update = pytest.mark.explore(inject="irq:5", between=("begin", vmm.Reach("end")), until="over")

        @marked
        @update
        def test_it(exploration):
            assert exploration and exploration.report.boundaries == 4
            with pytest.raises(vmm.errors.VmmError, match="^between: a machine that goes back ends "):
                exploration.run([])
    """, guest=UPDATE).assert_outcomes(passed=1)  # fmt: skip


def test_a_scenario_cannot_go_back(suite: Suite):
    result = suite("""
        async def patient(m):
            await vmm.Delivered(0x99)

        @pytest.mark.guest("guest.S", board="pc,pit=off", prepare=lambda m: m.start(patient))
        @pytest.mark.explore(inject="irq:5", between=("begin", "end"))
        def test_it(exploration):
            exploration.run([])
    """)
    result.stdout.fnmatch_lines(["E*VmmError: a scenario waits in this machine, which has to go back: patient *"])


BOUNDARIES = """
@pytest.mark.guest("guest.S", board="pc,pit=off")
@pytest.mark.explore(between=("begin", "end"))
def test_it(exploration):
"""


def test_a_test_may_go_through_the_boundaries_itself_and_what_it_does_at_one_is_undone(suite: Suite):
    """They are those that every_boundary has, see test_boundaries.py. STI; CLI admits no tick (rule 2), so each waits
    for the end of the second STI's shadow, which is behind NOP."""
    suite(
        BOUNDARIES
        + """
    names, ticks = [], []
    for boundary in exploration.boundaries():
        m = boundary.machine
        assert m.cpu.pc == boundary.address and m.where(m.cpu.pc) == boundary.where and m.u32("count") == 0
        names.append(boundary.name)
        m.irq(5).pulse()
        ticks.append(m.run(until=vmm.Delivered(0x25)).result.pc - m.address("begin"))
        assert m.run().reason == "poweroff" and m.u32("count") == 1
    assert names == ["begin", "begin+0x1", "begin+0x7", "begin+0x8", "end"]
    assert ticks == [9, 9, 9, 9, 9]
"""
    ).assert_outcomes(passed=1)


def test_one_that_fails_there_shows_the_machine_and_its_run_from_the_start(suite: Suite, pytester):
    result = suite(BOUNDARIES + """
    for boundary in exploration.boundaries():
        boundary.machine.irq(5).pulse()
        boundary.machine.run(until=vmm.Delivered(0x25))
        assert boundary.name != "begin+0x7"
""", "--vmm-record-dir", "kept")  # fmt: skip
    result.stdout.fnmatch_lines(["*- guest.S: why it stopped -*", "delivered: *"])
    (kept,) = (pytester.path / "kept").iterdir()
    again = vmm.replay(kept)
    again.run()
    m = again.machine
    assert again.verified and m.cpu.pc == m.address("handler")
    raised = [each.insns for each in m.trace.last(64) if each.kind == "line"]
    (tick,) = [each for each in m.trace.last(64) if each.kind == "delivered"]
    assert [tick.insns - insns for insns in raised] == [2]  # STI and NOP: begin+7 is where it was raised


def test_the_window_may_begin_at_a_later_visit(suite: Suite):
    """The loop adds 1 to shared five times, so at its third beginning it is 2; a tick there makes 6 in the end."""
    suite("""
        @pytest.mark.guest("guest.S", board="pc,pit=off")
        @pytest.mark.explore(inject="irq:5", between=("begin", "end"), hit=3, until="over", check="shared == 6")
        def test_it(exploration):
            assert [each.machine.u32("shared") for each in exploration.boundaries()] == [2, 3]
            assert exploration.run([(1, 0, "irq:5")]).u32("shared") == 6
            assert exploration and exploration.report.boundaries == 2
    """, guest=LOOP).assert_outcomes(passed=1)  # fmt: skip


def test_a_window_that_does_not_end_is_said(suite: Suite):
    result = suite(
        BOUNDARIES.replace('"end"', '"handler"')
        + """
    for boundary in exploration.boundaries():
        assert boundary.name != "handler"
"""
    )
    result.stdout.fnmatch_lines(["E*VmmError: the guest never comes to handler: poweroff*"])


@pytest.mark.parametrize(("until", "where"), [(', until="nowhere"', "nowhere"), ("", "its end")])
def test_a_run_that_does_not_end_undisturbed_is_said(until, where, suite: Suite):
    endless = UPDATE.replace("over:", "over: jmp over\nnowhere:")
    result = suite(BOUNDARIES.replace('"end")', f'"end"){until}') + """
    assert [each.name for each in exploration.boundaries()] == ["begin", "begin+0x5", "begin+0x6", "end"]
    guest = exploration.boundaries().__next__().machine
    guest.limit(insns=10_000)
    exploration.run([])
""", guest=endless)  # fmt: skip
    result.stdout.fnmatch_lines([f"E*VmmError: the guest never comes to {where} undisturbed: limit*"])


def test_a_run_has_as_many_instructions_as_it_was_given(suite: Suite):
    """MOV, INC, MOV and NOP are four. A tick behind the second leaves two, both its handler's, whose INC makes 1."""
    suite("""
        from vmm.testing import Exploration

        def test_it(machine):
            asked = {"inject": "irq:5", "between": ("begin", "end"), "insns": 4}
            exploration = Exploration(machine, "guest.S", {"board": "pc,pit=off"}, asked)
            m = exploration.run([])
            assert (m.stop.reason, m.cpu.pc) == ("count", m.address("over"))
            exploration.run([(2, 0, "irq:5")])
            assert (m.stop.reason, m.u32("shared")) == ("count", 1)
    """, guest=UPDATE.replace("over:", "over: jmp over")).assert_outcomes(passed=1)  # fmt: skip


def test_a_guest_may_wait_where_nothing_comes(suite: Suite):
    """Undisturbed it never comes to over, and that is no error: what it waits for is what is tried."""
    suite("""
        @pytest.mark.guest("guest.S", board="pc,pit=off")
        @pytest.mark.explore(inject="irq:5", between=("begin", "end"), until="over")
        def test_it(exploration):
            m = exploration.run([])
            assert m.stop.reason == "idle"
            assert exploration.run([(3, 0, "irq:5")]).u32("shared") == 2 and m.stop.reason == "idle"
    """, guest=UPDATE.replace("over:", "hlt\nover:").replace("end:", "end: sti")).assert_outcomes(passed=1)  # fmt: skip


def test_a_report_is_told_though_no_machine_can_be_shown_with_it(suite: Suite):
    """A tick ends this guest with status 3, as nobody expects IRQ 6; undisturbed it waits for that, until its limit."""
    result = suite("""
        @pytest.mark.guest("guest.S", board="pc,pit=off", prepare=lambda m: m.limit(insns=1100))
        @pytest.mark.explore(inject="vector:0x26", between=("begin", "end"))
        def test_it(exploration):
            assert exploration
    """, guest=UPDATE.replace("over:", "over: jmp over"))  # fmt: skip
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*assert <counterexample: vector:* at *>", "*- guest.S: exploration -*"])


def test_what_to_try_has_to_be_said_where_it_is_tried(suite: Suite):
    result = suite(BOUNDARIES + "    assert exploration\n")
    result.stdout.fnmatch_lines(["E*VmmError: marker explore: inject= does not say what to try"])


# ---- what hypothesis chooses ----


def test_the_least_placement_is_the_fewest_and_then_the_earliest():
    from hypothesis import find

    some = placements(50, ["nmi", "irq:4"])
    assert find(some, lambda placement: True) == []
    assert find(some, lambda placement: len(placement) > 1) == [(0, 0, "nmi"), (0, 0, "nmi")]
    assert find(some, lambda placement: any(at.insns >= 7 for at in placement)) == [(7, 0, "nmi")]
    assert find(some, lambda placement: any(at[1:] == (1, "irq:4") for at in placement)) == [(0, 1, "irq:4")]


def test_placements_are_in_order_and_within_their_bounds():
    from hypothesis import given

    @given(placements(9, ["nmi", "irq:4"], most=2))
    def holds(placement):
        assert placement == sorted(placement) and len(placement) <= 2
        assert all(0 <= at.insns <= 9 and at.more in (0, 1) and at.source in ("nmi", "irq:4") for at in placement)

    holds()


@pytest.mark.slow
def test_hypothesis_finds_the_lost_update(suite: Suite):
    """Of one tick the least is at begin+5, as the exploration has it; two in one run reach into what comes behind the
    first's handler."""
    suite(MARKED + dedent("""
        from hypothesis import find

        @marked
        @update
        def test_it(exploration):
            def lost(placement):
                m = exploration.run(placement)
                return m.u32("shared") < 1 + len(events(m, "delivered"))

            assert find(exploration.placements(most=1), lost) == [(1, 0, "irq:5")]
            assert len(find(exploration.placements(most=2), lambda each: len(each) == 2 and lost(each))) == 2
    """), guest=UPDATE).assert_outcomes(passed=1)  # fmt: skip


def test_without_hypothesis_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(VmmError, match="pip install hypothesis"):
        placements(5, ["nmi"])
