"""What a failing test shows of its machines."""

from __future__ import annotations

import pytest

import vmm
from vmm.catalog import resolve

from .conftest import GUEST, Suite

INCREMENT = GUEST.splitlines().index("    incl    count") + 1
"""The line of guest.S where the handler begins."""

FAILING = """
    @pytest.mark.guest("guest.S", board="pc,pit=off", seed=5)
    def test_it(guest):
        async def patient(m):
            await vmm.Delivered(0x99)

        guest.start(patient)
        guest.run(until="begin")
        guest.irq(5).pulse()
        guest.run(until="handler")
        assert guest.u32("count") == 1
"""


def test_a_failure_shows_the_guest_as_it_stands(suite: Suite):
    result = suite(FAILING)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            '>*assert guest.u32("count") == 1',
            "*- guest.S: why it stopped -*",
            f"breakpoint: reached 0x* handler guest.S:{INCREMENT}",
            "* instructions, * ns virtual, board pc,pit=off, seed 5, trace *",
            "*- guest.S: registers -*",
            "*IF 0  CPL 0  shadow none  NMI open",
            "*- guest.S: the last instructions (32-bit) -*",
            "sti * guest.S:*",
            "*- guest.S: the next instructions -*",
            f"inc dword ptr [[]*] * handler guest.S:{INCREMENT}",
            "*- guest.S: the last events -*",
            "insn *: vector 0x25 delivered (IRQ 5) at 0x* end guest.S:*",
            "*- guest.S: scenarios that never went on -*",
            "*patient waits for Delivered(number=153*",
            "*- guest.S: console -*",
            "ready",
        ]
    )


def test_every_event_is_shown_on_demand(suite: Suite, output):
    first = "insn *: interrupts unmasked at 0x*"  # what the CPU masks is kept in recordings alone
    suite(FAILING, "--vmm-trace").stdout.fnmatch_lines(["*- guest.S: every event -*", first])


def test_without_demand_they_are_not(suite: Suite, output):
    assert "every event" not in output(suite(FAILING))


def test_a_passing_test_shows_nothing(suite: Suite, output):
    result = suite("""
        @pytest.mark.guest("guest.S")
        def test_it(guest):
            guest.run()
    """, "-rA")  # fmt: skip
    result.assert_outcomes(passed=1)
    assert "why it stopped" not in output(result)


@pytest.mark.slow
def test_several_machines_are_told_apart(suite: Suite):
    suite("""
        def test_it(machine):
            for name in ("guest.S", "guest.S", "arm64/first_isr"):
                machine(name)
            assert not "ready"
    """).stdout.fnmatch_lines(
        [
            "*- guest.S: why it stopped -*", "it has not run",
            "*- guest.S (2): why it stopped -*",
            "*- arm64/first_isr: why it stopped -*",
        ]
    )  # fmt: skip


def test_an_error_in_a_scenario_is_shown_at_its_line_and_without_what_lies_between(suite: Suite, output):
    result = suite("""
        @pytest.mark.guest("guest.S")
        def test_it(guest):
            async def scenario(m):
                await m.reach("begin")
                assert m.u32("shared") == 5

            guest.start(scenario)
            guest.run()
    """)
    result.stdout.fnmatch_lines([">*guest.run()", ">*assert m.u32(*shared*) == 5", "E*assert 0 == 5"])
    assert "machine.py" not in output(result) and "tasks.py" not in output(result)


@pytest.mark.slow
def test_with_full_trace_what_lies_between_is_there(suite: Suite):
    suite("""
        @pytest.mark.guest("guest.S")
        def test_it(guest):
            guest.u32("nowhere")
    """, "--full-trace").stdout.fnmatch_lines(["*guest_memory.py:*"])  # fmt: skip


def test_a_crash_says_why(suite: Suite):
    line = resolve("x86/triple_fault").with_suffix(".S").read_text().splitlines().index("    ud2") + 1
    suite("""
        def test_it(machine):
            m = machine("x86/triple_fault")
            assert m.run().reason == "poweroff"
    """).stdout.fnmatch_lines([f"shutdown: triple fault at 0x* triple_fault.S:{line}: #UD *"])


@pytest.mark.slow
def test_a_failing_case_on_xdist_shows_it_too(suite: Suite):
    result = suite(FAILING, "-n", "1", fresh=True)
    result.stdout.fnmatch_lines(["*- guest.S: why it stopped -*", "*- guest.S: console -*", "ready"])


def test_a_failing_fixture_shows_its_machine(suite: Suite):
    suite("""
        @pytest.fixture
        def ready(machine):
            m = machine("guest.S")
            assert m.run(until="end").reason == "delivered"

        def test_it(ready):
            pass
    """).stdout.fnmatch_lines(["*ERROR at setup of test_it*", "*- guest.S: why it stopped -*"])


NO_ROOM = """
    import pytest
    from vmm.errors import VmmError
    from vmm.inputs.recorder import Recorder

    @pytest.fixture(autouse=True)
    def no_room(monkeypatch):
        def save(self, path):
            raise VmmError("no room for it")

        monkeypatch.setattr(Recorder, "save", save)
"""


@pytest.mark.slow
def test_the_recording_is_kept_and_the_command_that_replays_it_is_shown(suite: Suite, pytester):
    result = suite(FAILING, "--vmm-record-dir", "kept/here")
    (kept,) = (pytester.path / "kept/here").iterdir()
    again = vmm.replay(kept)
    again.run()
    assert again.verified
    assert again.machine.config.seed == 5
    result.stdout.fnmatch_lines(["*- guest.S: recording -*", f"vmm replay kept/here/{kept.name}"])


@pytest.mark.slow
def test_without_a_place_for_them_recordings_go_where_pytest_keeps_files(suite: Suite):
    suite(FAILING).stdout.fnmatch_lines(["vmm replay /*/vmm0/below-test_it.py-test_it-????????-1.vmmrec"])


def test_a_recording_that_cannot_be_kept_spoils_no_report(suite: Suite):
    result = suite(FAILING, conftest=NO_ROOM)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- guest.S: no recording -*", "no room for it"])


ODD = """
    @pytest.mark.parametrize("n", [1, 2, 3, 4], ids=["a b", "a/b", "a_b", "a\\u00e4b"])
    def test_it(machine, n):
        machine("x86/hello").run(insns=n)
        assert False
"""


def test_recordings_of_tests_whose_ids_differ_in_odd_characters_alone_are_all_kept(suite: Suite, pytester):
    suite(ODD, "--vmm-record-dir", "kept").assert_outcomes(failed=4)
    kept = sorted((pytester.path / "kept").iterdir())
    assert sorted(vmm.replay(path).tape.end.at.insns for path in kept) == [1, 2, 3, 4]
    assert all(path.name.startswith("below-test_it.py-test_it-a") for path in kept)


@pytest.mark.parametrize("name", ["x" * 240, "x" * 4000, "\\u00e4" * 240])
def test_a_test_with_a_very_long_id_is_a_test(name, suite: Suite, pytester):
    result = suite(f"""
        @pytest.mark.parametrize("n", [5], ids=["{name}"])
        def test_it(machine, n):
            machine("x86/hello").run(insns=n)
            assert False

        def test_other():
            pass
    """, "--vmm-record-dir", "kept")  # fmt: skip
    result.assert_outcomes(failed=1, passed=1)
    (kept,) = (pytester.path / "kept").iterdir()
    assert vmm.replay(kept).tape.end.at.insns == 5
    result.stdout.fnmatch_lines([f"vmm replay kept/{kept.name}"])


def test_a_directory_that_cannot_be_made_spoils_no_report(suite: Suite, pytester):
    (pytester.path / "file").write_text("")
    result = suite(FAILING, "--vmm-record-dir", "file/below")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- guest.S: no recording -*"])


def test_what_cannot_be_shown_of_a_machine_spoils_no_report(suite: Suite):
    result = suite(FAILING, conftest="""
        import pytest
        from vmm.report import crash

        @pytest.fixture(autouse=True)
        def broken(monkeypatch):
            monkeypatch.setattr(crash, "sections", lambda *arguments: 1 / 0)
    """)  # fmt: skip
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- guest.S: cannot be shown -*", "ZeroDivisionError: division by zero"])
