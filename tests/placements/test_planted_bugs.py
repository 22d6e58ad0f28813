"""Small guests with a bug planted: it is found at the boundaries that the source says, and with the bug mended there is
a proof. Which boundaries those are is worked out here from the source; a boundary is named by the instruction that is
about to begin there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

import vmm
from placements.exploring import ARCHITECTURES, asked_for, built, explored


class Alone(NamedTuple):
    """A guest that one interrupt breaks, exactly from `first` to `last`, both included."""

    name: str
    first: str
    last: str
    cause: str
    check: tuple[str, ...] = ()


ALONE = [
    # The load has been, the store has not: the handler's one is overwritten.
    Alone("lost_update", "add", "store", "n == 2 does not hold", ("n == 2",)),
    # Between the halves the clock goes from 0_FFFFFFFF to 1_00000000, and the copy would be 1_FFFFFFFF.
    Alone(
        "torn_read", "upper", "upper", "u64 copy <= 0x100000000 does not hold",
        ("u64 copy >= 0xFFFFFFFF", "u64 copy <= 0x100000000"),
    ),
    # From behind the store that takes the lock to before the one that gives it back.
    Alone("lock_deadlock", "held", "unlock", "it does not come to end within N instructions", ("shared == 2",)),
    # What was looked at was 0, and nobody looks again before the sleep.
    Alone("lost_wakeup", "decide", "sleep", "idle"),
    # From behind the store that masks to before the one that unmasks, or discards what is pending.
    Alone("lost_edge", "work", "done", "shared == 2 does not hold", ("shared == 2",)),
]  # fmt: skip


class Nested(NamedTuple):
    """A guest that takes two: the second while the first one's handler is from `first` to `last`, both included."""

    name: str
    check: str
    first: dict[str, str]
    boundaries: dict[str, int]
    """From `first` to `last`, counted in the source."""


# The first may come anywhere in the window, which has three boundaries. The second has to be taken between the
# handler's unmask and its `last` instruction, which masks again; it may be asked for earlier, and waits. On x86 the
# 8259A has had its acknowledge when the handler begins, and an edge counts from there; a GIC's comes with
# the read of GICC_IAR, to which the line is high and cannot be raised once more.
NESTED = [
    Nested(
        "reentrant_handler", "sum <= 3", {"x86": "handler", "arm64": "taken", "arm": "taken"},
        {"x86": 11, "arm64": 8, "arm": 8},
    ),
    Nested(
        "stack_overflow", "guard == 0x600DC0DE", {"x86": "handler", "arm64": "taken", "arm": "taken"},
        {"x86": 7, "arm64": 4, "arm": 4},
    ),
]  # fmt: skip
WINDOW = 3

each_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)
each_alone = pytest.mark.parametrize("planted", ALONE, ids=lambda planted: planted.name)
each_nested = pytest.mark.parametrize("planted", NESTED, ids=lambda planted: planted.name)
with_and_without = pytest.mark.parametrize("reduction", [True, False], ids=["reduced", "whole"])


@each_architecture
@each_alone
@with_and_without
def test_one_interrupt_breaks_a_guest_exactly_where_its_source_says(architecture, planted, reduction):
    image = built(architecture, planted.name)
    asked = asked_for(architecture, planted.name, planted.check, reduction=reduction)
    report, rows = explored(image, **asked)
    address = vmm.boot(image, console=None, board=asked["board"]).address
    first, last = address(planted.first), address(planted.last)
    addresses = [row.address for row in rows]
    begin = addresses.index(first)
    fail = addresses.index(last, begin) + 1 - begin
    causes = [re.sub(r"within \d+ instructions.*", "within N instructions", row.cause) for row in rows]
    assert causes == [""] * begin + [planted.cause] * fail + [""] * (len(rows) - begin - fail)
    assert (report.verdict, report.exit_status, report.failing) == ("counterexample", 1, fail)
    assert [(each.placement.at.address, each.source) for each in report.least] == [(first, asked["inject"])]


@each_architecture
@each_alone
@with_and_without
def test_mended_it_is_proven(architecture, planted, reduction):
    image = built(architecture, planted.name, fixed=True)
    report, rows = explored(image, **asked_for(architecture, planted.name, planted.check, reduction=reduction))
    assert (report.verdict, report.exit_status, report.failing, report.least) == ("proven", 0, 0, [])
    assert report.placements == len(rows) == report.boundaries
    assert any(row.delivered for row in rows)


@each_architecture
@each_nested
@with_and_without
def test_one_within_another_breaks_a_guest_exactly_where_its_source_says(architecture, planted, reduction):
    image = built(architecture, planted.name)
    asked = asked_for(architecture, planted.name, planted.check, reduction=reduction, depth=2)
    report, rows = explored(image, **asked)
    address = vmm.boot(image, console=None, board=asked["board"]).address
    assert [row.cause for row in rows] == [""] * WINDOW
    assert [row.failing for row in rows] == [planted.boundaries[architecture]] * WINDOW
    assert report.failing == WINDOW * planted.boundaries[architecture]
    assert report.cause == f"{planted.check} does not hold"
    assert [each.placement.at.address for each in report.least] == [
        address("begin"), address(planted.first[architecture])
    ]  # fmt: skip


@each_architecture
@each_nested
@with_and_without
def test_mended_it_is_proven_for_two(architecture, planted, reduction):
    image = built(architecture, planted.name, fixed=True)
    report, _ = explored(image, **asked_for(architecture, planted.name, planted.check, reduction=reduction, depth=2))
    assert (report.verdict, report.failing, report.least) == ("proven", 0, [])
