"""What diagnoses found, as a notebook shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vmm.diagnoses.diagnosis import SHOWN, certain_first
from vmm.shown.elements import Html, badge, facts, name, paragraph, picture, table, text

if TYPE_CHECKING:
    from vmm.diagnoses.diagnosed import Diagnoses
    from vmm.diagnoses.diagnosis import Verdict

EVIDENCE = ("insn", "vCPU", "what", "at")


def diagnoses(of: Diagnoses) -> str:
    """Verdicts, what was measured, and what could not be looked for."""
    looked, left = of.looked(), of.not_applied()
    parts = [*_each(looked.verdicts), *(part for each in looked.figures.items() for part in _measured(*each))]
    if looked.note:
        parts.append(paragraph(looked.note))
    if left:
        parts += [name("not looked for"), facts(left.items())]
    return picture(_title(looked.verdicts), *parts)


def verdicts(of: Sequence[Verdict]) -> str:
    """The certain ones first."""
    return picture(_title(of), *_each(of))


def _title(of: Sequence[Verdict]) -> str:
    return f"{len(of)} verdict{'s' if len(of) != 1 else ''}" if of else "nothing found"


def _each(of: Sequence[Verdict]) -> Iterator[Html]:
    for verdict in certain_first(of):
        kind = "bad" if verdict.certain else "doubt"
        yield paragraph(badge(f"{verdict.diagnosis}, {verdict.confidence}", kind), verdict)
        first = verdict.evidence[:SHOWN]
        yield table(EVIDENCE, [(each.insns, each.vcpu, each.words, each.where) for each in first])
        if len(verdict.evidence) > SHOWN:
            yield name(f"and {len(verdict.evidence) - SHOWN} more")


def _measured(diagnosis: str, lines: Sequence[str]) -> Iterator[Html]:
    yield name(f"{diagnosis} measured")
    yield text("\n".join(lines))
