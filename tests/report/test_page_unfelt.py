"""A page of every bundled guest: making it changes nothing of the run, and its lanes are in order."""

from __future__ import annotations

import pytest

import vmm
from report.pages import data_in
from vmm.catalog import guests

GUESTS = [guest.name for guest in guests()]
INSNS = 150_000

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pictures")]


@pytest.mark.parametrize("image", GUESTS)
def test_a_watched_run_is_the_run_that_it_would_have_been(image):
    plain, watched = (vmm.boot(image, console=None) for _ in range(2))
    plain.run(insns=INSNS)
    with vmm.RunPage(watched) as page:
        watched.run(insns=INSNS)
        run = data_in(page.html())
    assert watched.trace.hash == plain.trace.hash
    rows = [row for lane in run["lanes"] if lane["shape"] == "spans" for row in lane["rows"]]
    assert all(overlap == [] for overlap in map(overlaps, rows))
    deliveries = run["kinds"].index("delivered") if "delivered" in run["kinds"] else None
    assert len(run["interrupts"]["at"]) == run["events"]["kind"].count(deliveries)


def overlaps(row: dict) -> list[int]:
    """Spans that begin before the one before them has ended."""
    found, begin, end, last = [], 0, 0, 0
    for after, until in zip(row["at"], row["until"], strict=True):
        begin, end = begin + after, end + until
        if begin < last or end < begin:
            found.append(begin)
        last = end
    return found
