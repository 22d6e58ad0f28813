"""An edge that was lost, and none has come since: under a mask, behind one that was pending, or too short."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vmm.core.event import Event
from vmm.findings.finding import Finding
from vmm.findings.standing import Controller, End, Standing


def find(at: Standing, controllers: Sequence[Controller]) -> Iterator[Finding]:
    for line in range(at.irqs):
        ends = [end for controller in controllers for end in controller.edges(at, line)]
        wanted = [end for end in ends if end.enabled or at.was_taken({end.vector})]
        if len(wanted) == 1:  # of two, which one the guest means is not known
            yield from _at(at, line, wanted[0])


def _at(at: Standing, line: int, end: End) -> Iterator[Finding]:
    rose = at.past.last(lambda event: _changed(event, line, 1))
    if rose is not None:
        if at.past.events[rose].insns:  # else it was firmware's
            yield from _of(at, line, rose, end)
        return
    since = at.native.lines[line].raised
    if since and not end.requested and not at.was_taken({end.vector}):
        text = f"the last edge of {at.lines[line]}, at insn {since}, was lost: none of it was ever delivered"
        yield Finding("lost edge", f"{text}; what became of it was not kept", False)


def _changed(event: Event, line: int, level: int) -> bool:
    return (event.kind, event.number, event.value) == ("line", line, level)


def _of(at: Standing, line: int, rose: int, end: End) -> Iterator[Finding]:
    past, events = at.past, at.past.events
    place = f"at insn {events[rose].insns} at {at.where(events[rose].linear)}"
    edge = f"the last edge of {at.lines[line]}, {place}, was lost"
    earlier = past.last(lambda event: end.pending(event) or end.acknowledged(event), rose)
    was_pending = earlier is not None and end.pending(events[earlier]) and _stayed(at, line, earlier, rose, end)
    if was_pending and earlier is not None:
        since = events[earlier].insns
        text = f"{edge}: the one of insn {since} was still pending, and they are one request"
        yield Finding("lost edge", text, False)
    elif not _latched(at, rose, end):
        yield Finding("lost edge", f"{edge}: {end.masked}", False)
    elif past.first(end.acknowledged, rose) is None and not end.keeps:
        fell = past.first(lambda event: _changed(event, line, 0), rose)
        if fell is not None:
            mask = end.mask_then(fell)
            masked = f", while it was masked at {mask}" if mask else ", before it was acknowledged"
            text = f"{edge}: the line fell at insn {events[fell].insns}{masked}"
            yield Finding("lost edge", text, False)


def _latched(at: Standing, rose: int, end: End) -> bool:
    """What a controller does at an edge comes right behind it."""
    events = at.past.events
    for event in events[rose + 1 :]:
        if event.kind != "pending" or event.insns != events[rose].insns:
            return False
        if end.pending(event):
            return True
    return False


def _stayed(at: Standing, line: int, pending: int, rose: int, end: End) -> bool:
    """A request that was latched was still there at the next edge."""
    fell = at.past.first(lambda event: _changed(event, line, 0), pending)
    return end.keeps or fell is None or fell > rose
