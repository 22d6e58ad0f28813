"""The marker `diagnose`: a test that passes fails where something is certain to have gone wrong with interrupts.

The guest's handler returns without an end of interrupt, and of the 8259A nothing of the same or a lower priority gets
past what is in service (8259A data sheet, "fully nested mode"): the second request, of IRQ 6, waits for ever.
"""

from __future__ import annotations

from .conftest import Suite

FORGETS = """
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    PIC_UNMASK 6
    RAISE   5
    sti
    nop
    nop
    RAISE   6
    POWER_OFF
handler:
    LOWER   5
    iret
"""
RETURNS = FORGETS.splitlines().index("    iret") + 1
ENDS = FORGETS.replace("    LOWER   5\n", "    LOWER   5\n    PIC_EOI 5\n").replace("    RAISE   6\n", "")
MARKED = """
    @pytest.mark.guest("guest.S", board="pc,pit=off")
    @pytest.mark.diagnose({})
    def test_it(guest):
        assert guest.run().reason == "poweroff"
"""


def test_a_certain_verdict_fails_a_test_that_passes_and_the_report_has_its_evidence(suite: Suite):
    result = suite(MARKED.format(""), guest=FORGETS)
    result.assert_outcomes(failed=1)
    place = f"guest.S:{RETURNS}"
    result.stdout.fnmatch_lines(
        [
            f"missing_eoi: no end of interrupt on the path that returns at * {place}: IRQ 5 *",
            "*- guest.S: diagnoses -*",
            "missing_eoi, certain: *",
            f"  insn *, * {place}: the handler returns",
        ]
    )


def test_what_is_not_looked_for_fails_nothing(suite: Suite):
    suite(MARKED.format('"lost_edge", "shared_line"'), guest=FORGETS).assert_outcomes(passed=1)


def test_nor_does_a_guest_that_ends_its_interrupts(suite: Suite):
    suite(MARKED.format('"all"'), guest=ENDS).assert_outcomes(passed=1)


def test_it_looks_at_every_machine_of_a_test(suite: Suite):
    suite("""
        @pytest.mark.diagnose("missing_eoi")
        def test_two(machine):
            machine("x86/first_isr").run()
            machine("guest.S", board="pc,pit=off").run()
    """, guest=FORGETS).assert_outcomes(failed=1)  # fmt: skip


def test_a_marker_that_says_it_wrongly_is_told_in_a_line(suite: Suite, output):
    result = suite("""
        @pytest.mark.diagnose("missing_eio")
        def test_name(machine):
            pass

        @pytest.mark.diagnose("missing_eoi", budget=5)
        def test_argument(machine):
            pass

        @pytest.mark.diagnose
        def test_nothing_to_look_at():
            pass

        @pytest.mark.diagnose
        @pytest.mark.guest("guest.S")
        @pytest.mark.explore(inject="irq:5", between=("begin", "end"))
        def test_an_exploration(exploration):
            pass
    """)
    result.assert_outcomes(errors=4)
    for told in (
        "unknown diagnosis 'missing_eio'; did you mean 'missing_eoi'?",
        'marker diagnose: it takes names, with budgets where they take one: "masked_hang=50us"',
        "marker diagnose: the test takes no fixture that gives a machine",
        'marker diagnose: of an exploration say explore(…, diagnose="all")',
    ):
        assert told in output(result)


def test_an_exploration_looks_at_each_of_its_runs(suite: Suite):
    forgets = FORGETS.replace("    RAISE   5\n", "begin:\n").replace("    nop\n    nop\n", "    nop\nend:\n")
    result = suite("""
        @pytest.mark.guest("guest.S", board="pc,pit=off")
        @pytest.mark.explore(inject="irq:5", between=("begin", "end"), diagnose="missing_eoi")
        def test_it(exploration):
            assert exploration
    """, guest=forgets)  # fmt: skip
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*missing_eoi: no end of interrupt on the path that returns at *guest.S:{RETURNS}*"])
