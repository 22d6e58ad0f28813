"""What is found: one thing that is the matter with a machine's interrupts."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """One thing that is the matter with interrupts where a machine stands; `str` of it is the sentence."""

    kind: str
    """"in service", "waiting", "line high", "lost edge" or "asleep"."""
    text: str
    """A sentence with its instruction counts and places."""
    fault: bool
    """It is wrong however the run ended; else it explains an end that nobody wanted: "idle", "limit", "shutdown"."""
    since: int | None = None
    """Of "in service": the instruction count at which it was acknowledged, as far as that is known."""

    def __str__(self) -> str:
        return self.text


class Findings(list[Finding]):
    """A list of them, which a notebook shows as a table."""

    def _repr_html_(self) -> str:
        from vmm.findings.notebook import findings

        return findings(self)
