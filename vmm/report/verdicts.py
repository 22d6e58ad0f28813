"""What diagnoses found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TextIO

from vmm.diagnoses.diagnosis import Verdict

SHOWN = 4
"""Pieces of evidence of one verdict; `plain` has all."""


def show(
    verdicts: Sequence[Verdict], figures: Mapping[str, Sequence[str]], not_applied: Mapping[str, str], file: TextIO
) -> None:
    """Print them, the certain ones first, then what was measured."""
    for verdict in sorted(verdicts, key=lambda each: not each.certain):
        print(f"{verdict.diagnosis}, {verdict.confidence}: {verdict}", file=file)
        for each in verdict.evidence[:SHOWN]:
            print(f"  {each}", file=file)
        if len(verdict.evidence) > SHOWN:
            print(f"  … and {len(verdict.evidence) - SHOWN} more", file=file)
    if not verdicts:
        print("diagnoses: nothing found", file=file)
    for name, lines in figures.items():
        print(f"{name} measured:", *lines, sep="\n  ", file=file)
    for name, why in not_applied.items():
        print(f"{name}: not looked for: {why}", file=file)


def plain(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """As JSON has them."""
    return [asdict(verdict) for verdict in verdicts]
