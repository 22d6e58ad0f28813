"""What random injection misses, with as many runs as the exploration made: the bug has one boundary of 305, and each
run of a random campaign tries one that it draws. A campaign of n draws misses it with probability
(1 - 1/n)^n, about 37%.
"""

from __future__ import annotations

import random

import vmm
from placements.exploring import asked_for, built, explored
from vmm.scenario.triggers import Reach

BOUNDARIES = 305
"""Of the source, from begin to end: 200, the two halves, 100, two stores, and `end` itself."""
TORN = 1 << 32
UPPER = 201
"""Of them the one between the halves."""
SEEDS = range(2)


def campaign(seed, runs):
    """How many of so many random injections find the bug."""
    chance = random.Random(seed)
    machine = vmm.boot(built("x86", "rare_torn_read"), console=None, board="pc,pit=off")
    machine.run(until=Reach("begin"))
    start, found = machine.snapshot(), 0
    for _ in range(runs):
        machine.restore(start)
        if ahead := chance.randrange(BOUNDARIES):
            machine.run(insns=ahead)
        machine.irq(4).until_served()
        assert machine.run(until=Reach("over")).reason == "breakpoint"
        found += machine.u64("copy") > TORN
    return found


def test_exploration_finds_what_random_campaigns_of_as_many_runs_miss():
    report, rows = explored(
        built("x86", "rare_torn_read"),
        **asked_for("x86", "rare_torn_read", [f"u64 copy <= {TORN}"], reduction=False),
    )
    assert (report.verdict, report.runs, len(rows), report.failing) == ("counterexample", BOUNDARIES, BOUNDARIES, 1)
    assert rows.index(next(row for row in rows if row.cause)) == UPPER
    drawn = [random.Random(seed) for seed in SEEDS]
    expected = [[chance.randrange(BOUNDARIES) for _ in range(BOUNDARIES)].count(UPPER) for chance in drawn]
    assert [campaign(seed, BOUNDARIES) for seed in SEEDS] == expected
    assert 0 in expected


def test_it_finds_no_more_where_runs_share_what_follows():
    report, _ = explored(built("x86", "rare_torn_read"), **asked_for("x86", "rare_torn_read", [f"u64 copy <= {TORN}"]))
    assert report.failing == 1
