"""Placements drawn at random: which, out of how many, what becomes of them, and what is said of it."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from math import comb

import pytest

import vmm
from placements.exploring import asked_for, assembled, built
from vmm.cli import main
from vmm.errors import VmmError
from vmm.placements.bounds import Bounds
from vmm.placements.diagnosing import NOTHING
from vmm.placements.predicate import terms
from vmm.placements.ranges import Standing
from vmm.placements.sample import Sample
from vmm.placements.sources import source
from vmm.placements.subject import Subject, Window

RARE = ["u64 copy <= 0x100000000"]
"""What `rare_torn_read` must keep; of its window's 305 boundaries one, number 201, does not with a single interrupt."""
BOUNDARIES, UPPER = 305, 201
TWO = """
#include "x86/guest.h"
#include "x86/smp.inc"
    GUEST_PROTECTED32
    IDT_GATE 2, handler
    SMP_START second, 1
    movl    $1, started
begin:
    movl    n, %eax
    incl    %eax
    movl    %eax, n
end:
    WAIT_FOR done, 1
over:
    POWER_OFF
second:
    WAIT_FOR started, 1
    incl    n
    movl    $1, done
1:  cli
    hlt
    jmp     1b
handler:
    iret
    VAR     n
    VAR     started
    VAR     done
"""
LOOP = """
#include "x86/guest.h"
    GUEST_PROTECTED32
    IDT_GATE 2, handler
    IDT_GATE 0x24, handler
    PIC_UNMASK 4
    movl    $2, %ecx
again:
    decl    %ecx
    jnz     again
    sti
    nop
    cli
over:
    POWER_OFF
handler:
    incl    n
    PIC_EOI 4
    iret
    VAR     n
"""
HOW = ("seconds", "workers", "recording")


def drawn(sample, check=(), name="rare_torn_read", **more):
    return vmm.explore(built("x86", name), **asked_for("x86", name, check, sample=sample, **more))


def what(report):
    return {name: value for name, value in report.plain().items() if name not in HOW}


# ---- which ----


def test_a_space_is_counted_as_it_is_gone_through():
    for sources, depth, boundaries, steps in [(1, 1, 5, 5), (2, 2, 3, 7), (3, 3, 2, 4), (1, 3, 4, 4)]:
        sample = Sample(1, 0, sources, depth, boundaries, steps)
        every = product(range(steps * sources), repeat=depth)
        at = {each: [one // sources for one in each] for each in every}
        in_order = {each for each in at if at[each] == sorted(at[each]) and at[each][0] < boundaries}
        assert set(sample.all()) == in_order
        assert sample.space == len(list(sample.all())) == len(in_order)


def test_draws_are_different_ones_of_the_space_by_their_seed():
    sample = Sample(30, 7, 2, 2, 3, 7)
    assert len(set(sample.draws)) == 30
    assert set(sample.draws) <= set(sample.all())
    assert sample.draws == sorted(sample.draws) == Sample(30, 7, 2, 2, 3, 7).draws
    assert sample.draws != replace(sample, seed=8).draws
    assert set(replace(sample, count=sample.space).draws) == set(sample.all())


def test_each_is_as_likely_as_any_other():
    """Of 9 placements, in 1800 samples of one, each comes 200 times, and by chance 13 more or less: four times that."""
    sample = Sample(1, 0, 1, 2, 3, 4)
    times = Counter(replace(sample, seed=seed).draws[0] for seed in range(1800))
    assert set(times) == set(sample.all()) and len(times) == 9
    assert all(abs(each - 200) < 4 * 13.4 for each in times.values())


def test_what_a_sample_misses_is_counted():
    """Of the placements of two in 6 boundaries those with one certain interrupt at a certain boundary are 6."""
    sample = Sample(4, 0, 1, 2, 6, 6)
    every = list(sample.all())
    showing = sum(3 in each for each in every)
    assert (len(every), showing) == (21, 6)
    missing_it = comb(len(every) - showing, 4) / comb(len(every), 4)  # none of the four drawn is one of the six
    assert missing_it < sample.missed(1) < missing_it + 0.05
    assert sample.missed(2) == pytest.approx(1 - 4 / 21)
    assert replace(sample, count=21).missed(2) == 0


# ---- what becomes of them ----


@pytest.mark.parametrize(
    ("architecture", "name", "check"),
    [
        ("x86", "lost_update", ["n == 2"]), ("x86", "lost_wakeup", []), ("x86", "lost_edge", ["shared == 2"]),
        ("arm64", "lost_update", ["n == 2"]),
    ],
)  # fmt: skip
def test_all_draws_that_there_are_come_to_what_the_exploration_finds(architecture, name, check):
    drawn_and_explored(built(architecture, name), asked_for(architecture, name, check))


def test_all_draws_of_several_vcpus_come_to_what_the_exploration_finds():
    """Turns among them, which are not given back at once, and interrupts of who has the turn."""
    asked = {"inject": ["turn:1", "nmi"], "smp": 2, "board": "pc", "between": ("begin", "end"), "until": "over"}
    drawn_and_explored(assembled("x86", TWO), {**asked, "check": ["n == 2"]})


def test_all_draws_at_a_window_that_ends_where_it_begins_come_to_what_the_exploration_finds():
    asked = {"inject": ["irq:4", "nmi"], "board": "pc,pit=off", "between": ("again", "again"), "until": "over"}
    drawn_and_explored(assembled("x86", LOOP), {**asked, "check": ["n == 1"]})


@pytest.mark.parametrize("architecture", ["x86", "arm64"])
@pytest.mark.parametrize("insns", [2, 3, 5])
def test_all_draws_of_a_window_that_ends_by_a_count_come_to_what_the_exploration_finds(architecture, insns):
    """It ends in handlers, too."""
    image, asked = built(architecture, "lost_update"), asked_for(architecture, "lost_update", ["n == 2"])
    machine = vmm.boot(image, board=asked["board"], console=None)
    machine.run(until="begin")
    asked["between"] = (f"insn:{machine.instructions}", f"insn:{machine.instructions + insns}")
    drawn_and_explored(image, asked)


def drawn_and_explored(image, asked):
    """Each placement of one or two that fails is one that was drawn, and no other."""
    report = vmm.explore(image, **asked, depth=2, reduction=False)
    begin, end = asked["between"]
    subject = Subject(
        image, {name: asked[name] for name in ("board", "smp") if name in asked}, Window(begin, end, "over")
    )
    machine = subject.boot()
    subject.enter(machine)
    wanted = [term for each in asked["check"] for term in terms(each)]
    sources = [source(each) for each in ([asked["inject"]] if isinstance(asked["inject"], str) else asked["inject"])]
    bounds = Bounds(depth=2, reduction=False)
    with Standing(machine, subject.window, sources, wanted, [], bounds, 300_000, NOTHING) as standing:
        boundaries = standing.extent(None)
        steps = 2 + max(boundaries, *map(standing.extent, range(len(sources))))
        rows = [
            standing.failing(sample.placed(each))
            for sample in (Sample(1, 0, len(sources), depth, boundaries, steps) for depth in (1, 2))
            for each in sample.all()
        ]
    failing = {row.least for row in rows if row}
    assert len(failing) == report.failing > 0
    least = min(failing, key=lambda least: (len(least), [each.at[:2] for each in least]))
    assert [each.placement.at for each in report.least] == [each.at for each in least]


@pytest.mark.parametrize("seed", range(4))
def test_a_sample_finds_what_it_has_drawn(seed):
    report = drawn(120, RARE, seed=seed)
    has_it = (UPPER,) in Sample(120, seed, 1, 1, BOUNDARIES, BOUNDARIES).draws
    assert (report.verdict, report.failing) == (("counterexample", 1) if has_it else ("sampled", 0))
    assert (report.placements, report.runs, report.boundaries) == (120, 120, 120)
    assert (bool(report), report.exit_status) == (False, 1 if has_it else 124)


def test_what_fails_is_made_smaller():
    """Two interrupts before the clock is read are one too many, too; the least placement of the whole space has one."""
    report = drawn(40, RARE, depth=2, seed=1)
    assert report.failing > 10
    assert [(each.source, each.placement.at.insns) for each in report.least] == [("irq:4", UPPER)]


def test_what_is_too_much_to_try_is_made_smaller_one_by_one(monkeypatch):
    monkeypatch.setattr("vmm.placements.shrink.MOST", 0)
    report = drawn(40, RARE, depth=2, seed=1)
    first, second = (each.placement.at for each in report.least)
    assert first.insns == 0
    assert (second.insns, second.more) == (0, 1)  # one more in the first one's handler carries once more


def test_where_there_are_no_more_all_are_tried_and_it_is_proven():
    asked = asked_for("x86", "lost_update", ["n == 2"])
    report = vmm.explore(built("x86", "lost_update", fixed=True), **asked, sample=1000)
    assert (report.verdict, report.sample) == ("proven", None)
    whole = drawn(BOUNDARIES, RARE)
    assert (whole.sample, whole.placements, whole.failing) == (None, BOUNDARIES, 1)


# ---- by many, in parts ----


def test_as_many_workers_as_you_like_find_the_same(tmp_path):
    with ThreadPoolExecutor(2) as threads:
        many = drawn(60, RARE, depth=2, executor=threads, jobs=2)
    one = drawn(60, RARE, depth=2)
    assert what(many) == what(one)


def test_processes_find_the_same():
    assert what(drawn(60, RARE, jobs=2)) == what(drawn(60, RARE))


def test_a_campaign_goes_on_where_it_was(tmp_path):
    part = drawn(60, RARE, campaign=tmp_path / "campaign", runs=20)
    assert (part.verdict, part.runs, part.placements) == ("budget spent", 20, 20)
    whole = drawn(60, RARE, campaign=tmp_path / "campaign")
    assert what(whole) == what(drawn(60, RARE))
    with pytest.raises(VmmError, match="it is another exploration's: its sample is 60, not 61;"):
        drawn(61, RARE, campaign=tmp_path / "campaign")


# ---- what is said of it ----


def test_the_report_says_what_was_drawn_and_what_that_may_miss(capsys):
    image = str(built("x86", "rare_torn_read"))
    asked = ["--inject", "irq:4", "--board", "pc,pit=off", "--until", "over", "--sample", "100", "--json", "-"]
    assert main(["explore", image, *asked, "--check", "u64 copy <= 0x200000000"]) == 124
    out, said = capsys.readouterr()
    assert "sampled: nothing failed in what was drawn, 32.8 % of it all\n" in said
    assert "irq:4, 1 in one run: 100 of 305 placements, drawn with seed 0, none of them fails\n" in said
    assert "with one interrupt, at one boundary alone, is missed with a probability of 67.2 % or less\n" in said
    document = json.loads(out)
    assert document["verdict"] == "sampled"
    missed = document["sample"].pop("missed")
    assert missed == [pytest.approx(1 - 100 / 305)]
    assert document["sample"] == {"draws": 100, "of": 305, "seed": 0, "boundaries": 305, "steps": 305}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"sample": 0}, "^sample 0: it is of 1 to 1000000 placements$"),
        ({"sample": 1_000_001}, "^sample 1000001: it is of 1 to "),
        ({"sample": 3, "inject": "read:work=1"}, "^sample: it is of interrupts and turns: what read:… finds is "),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(asked, said):
    with pytest.raises(VmmError, match=said):
        vmm.explore(built("x86", "rare_torn_read"), **asked_for("x86", "rare_torn_read") | asked)
