"""Findings as a notebook shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vmm.shown.elements import Html, badge, picture, table

if TYPE_CHECKING:
    from vmm.findings.finding import Finding


def findings(of: Sequence[Finding]) -> str:
    """A line each."""
    return picture(f"{len(of)} finding{'s' if len(of) != 1 else ''}", sentences(of))


def sentences(of: Sequence[Finding]) -> Html:
    """What is wrong in any case stands out."""
    rows = ((badge(each.kind, "bad" if each.fault else "doubt"), each) for each in of)
    return table(("kind", "what"), rows)
