"""What has happened, as a notebook shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from vmm.core.event import Event
from vmm.shown.elements import Html, facts, name, picture, table
from vmm.trace.words import cells, heading, sentence

if TYPE_CHECKING:
    from vmm.trace import InterruptStats, Trace
    from vmm.trace.query import Latencies, Selection
    from vmm.trace.words import Teller

ENDS = 12
"""Events that are shown of either end of many, and the last ones of a run."""
BARS = 12
"""Of a histogram."""
EVENT = ("insn", "ns", "vCPU", "what", "at")


def trace(of: Trace, machine: Teller) -> str:
    """Interrupts by source, then the last events."""
    last = of.last(ENDS)
    parts = [interrupts(of.interrupts(), machine)]
    if last:
        parts += [name("the last events"), _events(last, machine)]
    kept = ", recording" if of.readers else ""
    errors = f", {of.guest_errors} guest errors" if of.guest_errors else ""
    return picture(f"trace {of.hash}{errors}{kept}", *parts)


def interrupts(rows: Iterable[InterruptStats], machine: Teller) -> Html:
    """A line each."""
    lines = [cells(row, machine.architecture, machine.cpu.exception_name) for row in rows]
    return table(heading(machine.architecture), lines) or Html("<p>no interrupt was delivered</p>")


def selection(of: Selection, machine: Teller) -> str:
    """The first and the last of them."""
    count = len(of)
    title = f"{count} event{'s' if count != 1 else ''}"
    if count <= 2 * ENDS:
        return picture(title, _events(of, machine))
    first, last = (event for event, _ in zip(of, range(ENDS), strict=False)), of.behind(count - ENDS)
    between = name(f"{count - 2 * ENDS} more, then the last {ENDS}")
    return picture(title, _events(first, machine), between, _events(last, machine))


def latencies(of: Latencies) -> str:
    """How many waited how long."""
    title = f"{of.count} latenc{'ies' if of.count != 1 else 'y'}, in instructions"
    if not of.values:
        return picture(title)
    low, high = min(of.values), max(of.values)
    wide = -(-(high - low + 1) // BARS)
    counts = [0] * -(-(high - low + 1) // wide)
    for value in of.values:
        counts[(value - low) // wide] += 1
    rows = [(_range(low + n * wide, wide), count, _bar(count / max(counts))) for n, count in enumerate(counts)]
    of_all = (("min", of.min), ("median", of.median), ("99th percentile", of.p99), ("max", of.max))
    return picture(title, facts(of_all), name("how often"), table(("instructions", "times", ""), rows))


def _events(events: Iterable[Event], machine: Teller) -> Html:
    rows = ((each, sentence(each, machine), machine.where(each.linear)) for each in events)
    return table(EVENT, [(each.insns, each.ns, each.vcpu, what, place) for each, what, place in rows])


def _range(first: int, wide: int) -> str:
    return str(first) if wide == 1 else f"{first} to {first + wide - 1}"


def _bar(part: float) -> Html:
    return Html(f'<span class="bar" style="width:{12 * part:.2f}em"></span>')
