"""What an exploration comes to, as a notebook shows it: nothing of it depends on the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vmm.shown.elements import Html, badge, code, name, paragraph, picture, table, text

if TYPE_CHECKING:
    from vmm.placements.report import Failure, Report

KINDS = {0: "good", 1: "bad"}
"""Of badges, by exit status."""
MOST = 24
"""Rows of failures."""
FAILURE = ("cause", "interrupt", "where", "boundaries", "times")


def report(of: Report) -> str:
    """Verdict, what was tried, where it fails, and the story of the least that does."""
    parts = [paragraph(badge(of.verdict, KINDS.get(of.exit_status, "doubt")), of.words())]
    parts += [paragraph(line) for line in (*of.tried(), of.made(), *of.remarks())]
    if of.failures:
        parts += [name("what fails"), *_table(of.failures)]
    if of.suspicious:
        parts += [name("suspicious, though nothing fails"), *_table(of.suspicious)]
    if of.story:
        parts += [name("the least that fails"), text("\n".join(of.story))]
    if of.recording:
        parts.append(paragraph(code(f"vmm replay {of.recording}")))
    return picture(f"every placement in {of.image}" if of.sample is None else f"placements in {of.image}", *parts)


def _table(of: Sequence[Failure]) -> list[Html]:
    rows = [(each.cause, each.first.source, each.places(), each.boundaries, each.times) for each in of[:MOST]]
    more = len(of) - MOST
    return [table(FAILURE, rows), *([name(f"and {more} more")] if more > 0 else [])]
