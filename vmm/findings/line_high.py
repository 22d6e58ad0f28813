"""A line at a level-triggered pin that stays high though it is served again and again: nothing quiets its device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vmm.findings.finding import Finding
from vmm.findings.past import Fits
from vmm.findings.standing import Controller, Standing

AGAIN = 2
"""The first interrupt of a line that has just risen is as it should be."""


def find(at: Standing, controllers: Sequence[Controller]) -> Iterator[Finding]:
    for line in filter(at.high, range(at.irqs)):
        for controller in controllers:
            for taken in controller.taken(at, line):
                yield from _of(at, line, taken)


def _of(at: Standing, line: int, taken: Fits) -> Iterator[Finding]:
    since = at.native.lines[line].raised
    times = sum(taken(event) and event.insns >= since for event in at.past.events)
    if times >= AGAIN:
        least = "at least " if at.past.beginning and at.past.events[0].insns > since else ""
        text = (
            f"{at.lines[line]} is high since insn {since}, and level-triggered: it was taken {least}{times} times since"
        )
        yield Finding("line high", f"{text} then, and nothing lowers it", False)
