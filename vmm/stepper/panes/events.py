"""What has happened so far, and what is known to come; the last one so far is lit."""

from __future__ import annotations

from rich.text import Text

from vmm.stepper.panes.pane import DIM, HERE, LIT, PLAIN, View, line, window

TITLE = "events"
KINDS = frozenset({"delivered", "returned"})
"""That one looks for."""


def draw(view: View) -> list[Text]:
    """An event a line, with the instructions begun before it."""
    walk = view.walk
    so_far, later = walk.events()
    events, lit = [*so_far, *later], len(so_far) - 1
    if not events:
        return [line(("nothing has happened yet", DIM))]
    digits = len(str(events[-1].insns))
    several = len(walk.machine.cpus) > 1
    rows = []
    for n in window(len(events), lit, view.height):
        event = events[n]
        cpu = f"CPU {event.vcpu} " if several else ""
        text = walk.machine.trace.describe(event)
        told, _, place = text.partition(" at 0x")
        place = f"0x{place}".partition(" ")[2]
        style = HERE if n == lit else DIM if n > lit else LIT if event.kind in KINDS else PLAIN
        rows.append(line((f"{event.insns:>{digits}} ", DIM), (f"{cpu}{told}", style), (f" {place}", DIM)))
    return rows
