"""What diagnoses found, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TextIO

from vmm.diagnoses.diagnosis import SHOWN, Looked, certain_first


def show(looked: Looked, not_applied: Mapping[str, str], file: TextIO) -> None:
    """Print the verdicts, the certain ones first, then what was measured."""
    verdicts, figures, note = looked.verdicts, looked.figures, looked.note
    for verdict in certain_first(verdicts):
        print(f"{verdict.diagnosis}, {verdict.confidence}: {verdict}", file=file)
        for each in verdict.evidence[:SHOWN]:
            print(f"  {each}", file=file)
        if len(verdict.evidence) > SHOWN:
            print(f"  … and {len(verdict.evidence) - SHOWN} more", file=file)
    if not verdicts:
        print("diagnoses: nothing found", file=file)
    if note:
        print(f"diagnoses: {note}", file=file)
    for name, lines in figures.items():
        print(f"{name} measured:", *lines, sep="\n  ", file=file)
    for name, why in not_applied.items():
        print(f"{name}: not looked for: {why}", file=file)


def plain(looked: Looked) -> dict[str, Any]:
    """As JSON has it: verdicts, figures, and a note that is mostly empty."""
    return asdict(looked)
