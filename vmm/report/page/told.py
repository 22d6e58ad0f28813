"""What is told of a run, put among its events: a place of a verdict, a step of a story, what came from outside."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from vmm.core.event import Event

VERDICT, STORY, OUTSIDE = "verdict", "story", "from outside"
"""Kinds, beside those of events."""


class Told(NamedTuple):
    """Before instruction `insns` of the run."""

    insns: int
    kind: str
    text: str
    where: str = ""
    """A place as `Machine.where` has it; empty: that of the event that comes next."""
    vcpu: int = 0
    began: bool = False
    """It is what that instruction does: behind what comes before it."""


class Woven(NamedTuple):
    """Events and what is told, by when they were."""

    events: list[Event]
    told: dict[int, Told]
    """By the index."""
    at: list[int]
    """Of each that was told, its index."""


def woven(events: Sequence[Event], told: Sequence[Told], insn_ns: int) -> Woven:
    """What is told stands among the events of its instruction; there is one at least."""
    counts = [event.insns for event in events]
    order = sorted(range(len(told)), key=lambda n: (told[n].insns, told[n].began))
    found = Woven([], {}, [0] * len(told))
    done = 0
    for n in order:
        place = (bisect_right if told[n].began else bisect_left)(counts, told[n].insns)
        found.events.extend(events[done:place])
        done = place
        found.at[n] = len(found.events)
        found.told[found.at[n]] = told[n]
        found.events.append(_event(told[n], events, place, insn_ns))
    found.events.extend(events[done:])
    return found


def _event(told: Told, events: Sequence[Event], place: int, insn_ns: int) -> Event:
    """Its time is that of the event before it and of the instructions since: a sleep ends with an event."""
    before, near = events[max(place - 1, 0)], events[min(place, len(events) - 1)]
    insns = max(told.insns, events[0].insns)
    ns = before.ns + max(insns - before.insns, 0) * insn_ns
    if place < len(events):
        ns = min(ns, near.ns)
    return near._replace(kind=told.kind, vcpu=told.vcpu, insns=insns, ns=ns, source="", error=None)
