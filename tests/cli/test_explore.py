"""`vmm explore`: verdicts and exit statuses, the report in words and as JSON, budgets, and a line for what is wrong.

Which boundaries fail is worked out by hand: an addition by load, increment and store loses what the handler adds at the
two between load and store.
"""

import json
import os
import pty
import re
import select
import signal
from pathlib import Path

import pytest

import vmm as api
from cli.terminals import resize
from vmm.cli.explore import _window
from vmm.placements import checks
from vmm.toolchain import assemble

SOURCE = """\
#include "x86/guest.h"

    GUEST_PROTECTED32
    IDT_GATE 0x25, handler
    PIC_UNMASK 5
    sti
    nop
begin:
    movl    n, %eax
    incl    %eax
    movl    %eax, n
    nop
end:
    nop
    cli
masked:
    nop
    nop
still:
    sti
    nop
loop:
    movl    $500, %ecx
1:  loop    1b
over:
    nop
    POWER_OFF
never:
    nop

handler:
    incl    n
    incl    count
    PIC_EOI 5
    iret
    VAR     n
    VAR     count
"""
BOUNDARIES = 5  # before each of the four instructions, and at the end
LOOP = 502  # MOV and 500 times LOOP, and the end
CHECKS = """\
asked = []

def twice(m):
    return m.u32("n") == 2

def says(m):
    assert m.u32("n") == 2, f"n is {m.u32('n')}"

def boom(m):
    return 1 / 0

def forgets(m):
    m.u32("n") == 2

def hangs(m):
    while m.u32("n") < 9:
        pass

def flips(m):
    asked.append(m)
    return len(asked) % 2

async def waits(m):
    return True
"""
PC = ("--board", "pc,pit=off", "--memory", "4M")
ONE = ("--inject", "irq:5", *PC)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explored")
    (folder / "guest.S").write_text(SOURCE)
    (folder / "inv.py").write_text(CHECKS)
    assemble(folder / "guest.S", arch="x86", out=folder / "guest.elf")
    return folder


@pytest.fixture
def explore(vmm, built, tmp_path):
    """In a directory with copies of the guest and the checks."""
    for name in ("guest.elf", "inv.py"):
        (tmp_path / name).write_bytes((built / name).read_bytes())
    return lambda *arguments: vmm("explore", "guest.elf", *arguments)


def first(text: str) -> str:
    return text.partition("\n")[0]


# ---- verdicts ----


@pytest.mark.parametrize("check", ["n == 2", "inv.py:twice", "inv.py:says"])
@pytest.mark.parametrize("more", [(), ("--no-reduction",)], ids=["", "whole"])
def test_a_lost_update_is_a_counterexample_whatever_looks(explore, check, more):
    done = explore(*ONE, "--check", check, "--json", "report.json", *more)
    assert (done.status, done.err) == (1, "")
    report = json.loads(Path("report.json").read_text())
    assert (report["verdict"], report["boundaries"], report["failing"]) == ("counterexample", BOUNDARIES, 2)
    assert [each["insns"] for each in report["least"]] == [1]
    assert [(each["first"]["insns"], each["last"]["insns"]) for each in report["failures"]] == [(1, 2)]
    assert first(done.out).startswith("counterexample: irq:5 at 0x")
    assert "begin+0x5 guest.S:10" in first(done.out)
    assert first(done.out).endswith("inv.py:says: n is 1"[7:] if "says" in check else "does not hold")


def test_the_recording_of_the_least_is_the_run_with_the_interrupt_there(explore, vmm):
    assert explore(*ONE, "--check", "n == 2", "--record", "lost.vmmrec").out.endswith("vmm replay lost.vmmrec\n")
    place = api.boot("guest.elf", board="pc,pit=off").address("begin+0x5")
    done = vmm("replay", "lost.vmmrec", "-d", "int", "--quiet")
    assert done.status == 0
    assert f"v=25 e=0000 i=0 cpl=0 IP=0008:{place:016x}" in done.err


def test_behind_the_store_nothing_is_lost_which_is_proven(explore):
    done = explore(*ONE, "--between", "end..masked", "--check", "n == 2")
    assert (done.status, done.err) == (0, "")
    assert first(done.out) == "proven: no placement within these bounds fails"
    assert (
        "3 boundaries from end to masked, irq:5, at most 1 in one run: 3 placements, none of them fails\n" in done.out
    )


def test_where_nothing_fails_it_is_said_that_nothing_is_recorded(explore):
    done = explore(*ONE, "--between", "end..masked", "--check", "n == 2", "--record", "none.vmmrec")
    assert (done.status, Path("none.vmmrec").exists()) == (0, False)
    assert done.out.endswith("--record none.vmmrec: not written, for no run fails\n")


def test_a_proof_at_depth_two_counts_both(explore):
    assert explore(*ONE, "--between", "end..masked", "--check", "n >= 2 and n <= 3", "--depth", "2").status == 0
    assert explore(*ONE, "--between", "end..masked", "--check", "n == 2", "--depth", "2").status == 1


def test_what_is_masked_throughout_is_no_proof(explore):
    done = explore("--inject", "irq:6", *PC, "--json", "report.json")
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith("vmm: nothing delivered: nothing of irq:6 could be, in the window or behind it: masked")
    assert json.loads(Path("report.json").read_text())["masked"] == ["irq:6"]


def test_of_several_sources_the_masked_one_is_named(explore):
    done = explore("--inject", "irq:6", *ONE, "--between", "end..masked")
    assert (done.status, "\nirq:6: masked throughout, and never delivered\n" in done.out) == (0, True)


def test_a_window_within_which_all_is_masked_is_proven_and_told(explore):
    done = explore(*ONE, "--between", "masked..still", "--check", "n == 2")
    assert (done.status, done.err) == (0, "")
    assert "\nirq:5: masked at each of these boundaries, delivered behind the window\n" in done.out


def test_a_deadline_of_fewer_instructions_than_the_way_takes_is_missed_everywhere(explore):
    done = explore(*ONE, "--max-insns", "100", "--until", "over")
    assert (done.status, f"{BOUNDARIES} placements, {BOUNDARIES} of them fail" in done.out) == (1, True)
    assert first(done.out).endswith("it does not come to over within 100 instructions of the window's begin")
    assert "\nevery placement fails; undisturbed, the run ends so: count: stopped at 0x" in done.out


# ---- budgets ----


def test_a_budget_of_runs_is_kept_and_what_it_covers_is_told(explore):
    done = explore(*ONE, "--between", "loop..over", "--runs", "50")
    assert (done.status, done.err) == (124, "")
    assert first(done.out) == f"budget spent: nothing failed in what was tried, about {5000 / LOOP:.3g} % of it all"
    assert "50 runs made" in done.out


def test_a_boundary_at_which_a_budget_ended_is_not_covered(explore):
    """At depth 2 more than three placements begin at each."""
    done = explore(*ONE, "--between", "loop..over", "--depth", "2", "--runs", "3")
    assert first(done.out) == "budget spent: nothing failed in what was tried, about 0 % of it all"
    assert (
        "\n1 boundaries from loop to over, irq:5, at most 2 in one run: 3 placements, none of them fails\n" in done.out
    )


def test_a_budget_of_time_ends_it_as_well(explore):
    done = explore(*ONE, "--between", "loop..over", "--seconds", "1e-6", "--json", "-")
    assert done.status == 124
    report = json.loads(done.out)
    assert (report["verdict"], report["over"]) == ("budget spent", False)
    assert report["boundaries"] < report["expected"] == LOOP
    assert first(done.err).startswith("budget spent: ")


def test_what_failed_before_the_budget_was_spent_is_a_counterexample(explore):
    done = explore(*ONE, "--check", "n == 2", "--runs", "3", "--quiet")
    assert done == (1, "", "")


def test_ctrl_c_keeps_what_was_found_and_a_terminal_sees_how_far_it_is(command, built, tmp_path):
    ours, theirs = pty.openpty()
    window = ("--between", "loop..over", "--depth", "2", "--json", tmp_path / "report.json")
    campaign = tmp_path / "campaign.json"
    run = command("explore", built / "guest.elf", *ONE, *window, "--campaign", campaign, stderr=theirs)
    os.close(theirs)
    seen = b""
    while b" boundaries, " not in seen:
        assert select.select([ours], [], [], 30)[0], "nothing is told"
        seen += os.read(ours, 4096)
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=30)
    os.close(ours)
    assert re.search(
        rb"\r\x1b\[K\d+ %, \d+ of about 502 boundaries, [\d,]+ placements a second, about \d+ s left", seen
    )
    assert (run.returncode, out.startswith(b"budget spent: ")) == (130, True)
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["over"], report["boundaries"] > 0, report["failing"]) == (False, True, 0)
    assert json.loads(campaign.read_text())["found"]["boundaries"] == report["boundaries"]


def test_how_far_it_is_keeps_to_one_line_of_a_narrow_terminal(command, built):
    ours, theirs = pty.openpty()
    resize(theirs, 40)
    run = command("explore", built / "guest.elf", *ONE, "--between", "loop..over", stderr=theirs)
    os.close(theirs)
    assert run.wait(30) == 0
    told = os.read(ours, 1 << 16).decode().split("\r\x1b[K")
    os.close(ours)
    assert len(told) > 2
    assert max(map(len, told)) == 39


# ---- windows ----


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("begin..end", ("begin", "end")),
        ("begin:end", ("begin", "end")),
        ("begin+0x5:0x100402", ("begin+0x5", "0x100402")),
        ("a.c:94..dir/b.c:98", ("a.c:94", "dir/b.c:98")),
        ("a.c:94:b.c:98", ("a.c:94", "b.c:98")),
        ("a.c:94:done", ("a.c:94", "done")),
        ("start:a.c:94", ("start", "a.c:94")),
        ("ns::f..ns::g", ("ns::f", "ns::g")),
    ],
)
def test_a_window_is_two_locations_with_dots_or_a_colon_between(text, pair):
    assert _window(text) == pair


def test_without_one_it_is_from_begin_to_end(explore):
    same = [explore(*ONE, "--check", "n == 2", "--json", "-", *more).out for more in ((), ("--between", "begin..end"))]
    reports = [json.loads(text) for text in same]
    assert reports[0] | {"seconds": 0} == reports[1] | {"seconds": 0}


def test_a_later_visit_begins_the_window_there(explore):
    """The second visit of the loop's own instruction is 499 iterations and the end before the window's end."""
    done = explore(*ONE, "--between", "loop+0x5..over", "--hit", "2", "--json", "-")
    assert json.loads(done.out)["boundaries"] == LOOP - 2


# ---- bad input ----


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((*ONE, "--between", "begni..end"), "unknown symbol 'begni'; did you mean 'begin'?"),
        ((*ONE, "--between", "begin..edn"), "unknown symbol 'edn'; did you mean 'end'?"),
        ((*ONE, "--until", "ovr"), "unknown symbol 'ovr'; did you mean 'over'?"),
        ((*ONE, "--between", "never..end"), "the guest never comes to never: poweroff: "),
        ((*ONE, "--between", "begin..end", "--hit", "2"), "the guest never comes to begin 2 times, but 1: poweroff: "),
        ((*ONE, "--between", "begin..never"), "undisturbed, the guest never comes from begin to never: poweroff: "),
        ((*ONE, "--until", "never"), "undisturbed, the guest never comes from end to never: poweroff: "),
        ((*ONE, "--between", "begin"), "'begin': a window is from one location to another; write A..B: "),
        ((*ONE, "--between", "a.c:1:2"), "'a.c:1:2': more than one of its colons can separate; write A..B: "),
        ((*ONE, "--between", "insn:1..never"), "undisturbed, the guest never comes from insn:1 to never: "),
        ((*ONE, "--between", "insn:1000000..end"), "the guest never comes to insn:1000000: poweroff: "),
        ((*ONE, "--between", "insn:7..end", "--hit", "2"), "hit 2: insn:7 comes once"),
        ((*ONE, "--between", "insn:0..end"), "unknown source file 'insn'"),
        ((*ONE, "--between", "begin..insn:0"), "unknown source file 'insn'"),
        ((*ONE, "--between", "begin..insn:9"), "instructions have begun: insn:9 is not behind it"),
        ((*ONE, "--between", "begin..insn:1000000"), "undisturbed, the guest never comes from begin to insn:1000000: "),
        ((*ONE, "--check", "nn == 1"), "unknown symbol 'nn'; did you mean 'n'?"),
        (
            (*ONE, "--check", "n = 1"),
            '\'n = 1\' is no check: "n == 2", "u16 head <= 8", "$eax != 0", "never panic" and ',
        ),
        ((*ONE, "--check", "eax == 1"), "'eax == 1': no symbol 'eax'; the register is $eax"),
        ((*ONE, "--check", "$eaz == 1"), "unknown x86 register 'eaz'; did you mean 'eax'?"),
        ((*ONE, "--check", "$x0 == 1"), "unknown x86 register 'x0'"),
        ((*ONE, "--check", "u8 $eax == 256"), "256 is no value of u8"),
        ((*ONE, "--check", "never hadler"), "unknown symbol 'hadler'; did you mean 'handler'?"),
        ((*ONE, "--check", "never begin+6"), "undisturbed, the guest comes to begin+6, before end\n"),
        ((*ONE, "--check", "never begin"), "never begin: the window begins there"),
        ((*ONE, "--check", "says PASS"), "'says PASS' is no check: "),
        ((*ONE, "--check", 'says ""'), "'says \"\"' is no check: "),
        ((*ONE, "--check", f'says "{"x" * 65}"'), "it is looked for at most 64 bytes"),
        ((*ONE, *(f'--check=says "{n}"' for n in range(9))), "9 texts to be looked at: there are at most 8"),
        ((*ONE, "--check", " and ".join(["n == 1"] * 33)), "33 checks to be looked at: there are at most 32"),
        (("--inject", "read:$eax=0", *PC), "read:$eax: a value lies in memory or is a device's, not in a register"),
        ((*ONE, "--check", "u24 n == 1"), "u24 is no width: "),
        ((*ONE, "--check", "u8 n == 256"), "256 is no value of u8"),
        ((*ONE, "--depth", "9"), "depth 9: it is 1 to 8"),
        ((*ONE, "--depth", "0"), "argument --depth: '0' is not a number from 1 on"),
        ((*ONE, "--hit", "0"), "argument --hit/--from-hit: '0' is not a number from 1 on"),
        ((*ONE, "--runs", "0"), "argument --runs: '0' is not a number such as 1000"),
        ((*ONE, "--seconds", "nan"), "argument --seconds: 'nan' is not a number of seconds above 0"),
        ((*ONE, "--seconds", "-1"), "argument --seconds: '-1' is not a number of seconds above 0"),
        ((*ONE, "--max-insns", "1e19"), "insns 10000000000000000000: a run has 1 to 9223372036854775807 instructions"),
        (("--inject", "irg:5", *PC), "unknown source of interrupts 'irg'; did you mean 'irq'?"),
        (("--inject", "irq5", *PC), "unknown source of interrupts 'irq5'; did you mean 'irq:5'?"),
        (("--inject", "SPI37", *PC), "unknown source of interrupts 'SPI37'; did you mean 'spi:37'?"),
        (("--inject", "irq:24", *PC), "IRQ 24 is not among 0-23"),
        (("--inject", "irq:5,egde", *PC), "'egde' says nothing of irq: it takes edge or high"),
        (("--inject", "irq:5,cpu=1", *PC), "'cpu=1' says nothing of irq: it takes edge or high"),
        (("--inject", "vector:0x40,edge", *PC), "'edge' says nothing of vector: it takes cpu=N"),
        (("--inject", "nmi:0,cpu=1", *PC), "'cpu=1' says nothing of nmi: it takes nothing more"),
        (("--inject", "vector:256", *PC), "interrupt vector 0x100 is outside 0-0xff"),
        (("--inject", "irq:", *PC), "'' is no number: irq:4, nmi, vector:0x40 and ppi:27 are sources"),
        (("--inject", "spi:5", *PC), "SPIs are "),
        (PC, "what may come? Say --inject SOURCE, at begin its controllers let through irq:5\n"),
        ((*ONE, "--dpeth", "2"), "unknown option '--dpeth'; did you mean '--depth'?"),
        ((*ONE, "--check", "none.py:f"), "--check none.py: No such file or directory"),
        ((*ONE, "--check", "inv.py:twcie"), "unknown function of inv.py 'twcie'; did you mean 'twice'?"),
        ((*ONE, "--check", "inv.py"), "--check inv.py: which function? Say inv.py:NAME; there are twice, says, boom, "),
        (
            (*ONE, "--check", "inv.py:boom"),
            "the check boom raised ZeroDivisionError: division by zero (inv.py:10); with",
        ),
        (
            (*ONE, "--check", "inv.py:forgets"),
            "the check forgets returned None: it is to return whether all is well, or t",
        ),
        ((*ONE, "--check", "inv.py:flips"), "the check flips holds, and asked again, of the same machine, it does not"),
        ((*ONE, "--check", "inv.py:waits"), "the check waits is async: "),
        ((*ONE, "--record", "none/a.vmmrec"), "--record none/a.vmmrec: cannot write: No such file or directory"),
        ((*ONE, "--record", "guest.elf"), "--record guest.elf: cannot write: it is an input, "),
        ((*ONE, "--json", "inv.py", "--check", "inv.py:twice"), "--json inv.py: cannot write: it is an input, "),
        ((*ONE, "--campaign", "guest.elf"), "--campaign guest.elf: cannot write: it is an input, "),
        (
            (*ONE, "--campaign", "inv.py"),
            "campaign inv.py: this is no campaign of this vmm's, or it is damaged; name a",
        ),
        ((*ONE, "--campaign", "a", "--record", "a"), "--campaign a: cannot write: --record a goes there, too"),
        ((*ONE, "--json", "out", "--record", "out"), "--record out: cannot write: --json out goes there, too"),
    ],
    ids=lambda value: " ".join(value[6:] or value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_one_line(explore, options, words):
    done = explore(*options)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert words in done.err
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["guest.elf", "inv.py"]


def test_a_check_that_comes_to_no_end_is_told_with_its_place_and_the_alarm_is_given_back(explore, monkeypatch):
    monkeypatch.setattr(checks, "PATIENCE", 0.05)
    done = explore(*ONE, "--check", "inv.py:hangs")
    assert (done.status, done.out) == (2, "")
    place = r"with irq:5 at 0x[0-9a-f]+ begin guest\.S:9"
    assert re.fullmatch(rf"vmm: the check hangs gave no answer within 0\.05 s \(inv\.py:1[5-9]\); {place}\n", done.err)
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize("check", ["boom", "forgets", "flips"])
def test_a_check_that_gives_no_answer_is_told_with_the_earliest_place(explore, check):
    assert "; with irq:5 at 0x" in explore(*ONE, "--check", f"inv.py:{check}").err
    assert "begin guest.S:9\n" in explore(*ONE, "--check", f"inv.py:{check}").err


@pytest.mark.parametrize(("text", "words"), [("1 +", "own.py:1: "), ("1 / 0", "--check own.py: ZeroDivisionError")])
def test_a_file_of_checks_that_is_none_is_one_line(explore, text, words):
    Path("own.py").write_text(text)
    done = explore(*ONE, "--check", "own.py:f")
    assert (done.status, done.out, done.err.count("\n"), words in done.err) == (2, "", 1, True)


def test_an_image_without_the_usual_symbols_has_its_own_named(vmm):
    done = vmm("explore", "x86/hello", "--inject", "irq:5")
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert "where may they come? Say --between A..B, two locations of x86/hello; its symbols are _start, " in done.err


def test_of_a_source_its_own_labels_are_named_and_not_those_of_what_it_includes(vmm, tmp_path):
    (tmp_path / "own.S").write_text('#include "x86/guest.h"\nGUEST_PROTECTED32\nnop\nwork: nop\nPOWER_OFF\n')
    done = vmm("explore", tmp_path / "own.S", "--inject", "irq:5")
    assert done.status == 2
    named = done.err.partition("its symbols are ")[2].strip().split(", ")
    assert ("work" in named, "print32" in named) == (True, False)


def test_a_gic_lets_through_what_is_enabled(vmm):
    done = vmm("explore", "arm64/first_isr", "--between", "handler..handler")
    assert done.err == "vmm: what may come? Say --inject SOURCE, at handler its controllers let through spi:5\n"


# ---- from Python ----


def test_a_guest_that_waits_for_the_interrupt_needs_no_end_of_its_own(built, monkeypatch):
    """Undisturbed it waits for ever; each run with an interrupt ends."""
    monkeypatch.setattr("vmm.placements.exploration.BEYOND", 10_000)
    waits = SOURCE.replace("loop:\n", "loop:\n0:  cmpl $0, count\n    je 0b\n")
    (built / "waits.S").write_text(waits)
    report = api.explore(
        built / "waits.S", inject="irq:5", between=("end", "masked"), board="pc,pit=off", memory=4 << 20
    )
    assert (report.verdict, report.placements) == ("proven", 3)


def test_the_progress_that_python_sees_only_grows(built):
    seen = []
    report = api.explore(
        built / "guest.elf", inject="irq:5", between=("loop", "over"), board="pc,pit=off", memory=4 << 20,
        progress=lambda so_far: seen.append((so_far.boundaries, so_far.coverage)),
    )  # fmt: skip
    assert seen == sorted(seen)
    assert (len(seen) > 1, seen[-1], report.expected) == (True, (LOOP, 1.0), LOOP)


# ---- diagnoses ----


def test_what_a_diagnosis_is_certain_of_fails(explore):
    done = explore(*ONE, "--diagnose", "handler_time=3insns,frame", "--diagnose", "unanswered_ipi")
    assert done.status == 1
    lines = done.out.splitlines()
    assert "handler_time: the handler of vector 0x25 (IRQ 5) runs " in lines[0]
    assert "where 3 are allowed" in lines[0]
    assert "unanswered_ipi: not looked for: there is one vCPU" in lines
    assert explore(*ONE, "--diagnose", "handler_time=100insns,frame").status == 0


def test_a_diagnosis_there_is_not_is_told_with_the_nearest(explore):
    done = explore(*ONE, "--diagnose", "frme")
    assert (done.status, done.out) == (2, "")
    assert "did you mean 'frame'?" in done.err
