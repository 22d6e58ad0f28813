"""How diagnoses tell of times and of what was waited for."""

from __future__ import annotations

from vmm.diagnoses.diagnosis import Diagnosis, Evidence
from vmm.diagnoses.responses import MASKED, Span


def blame(rule: Diagnosis, span: Span) -> Evidence:
    """Where what was waited for begins."""
    event = span.since
    if span.state == MASKED:
        return rule.evidence(event, f"masks interrupts, for {span.insns} instructions")
    if event.kind == "delivered":
        return rule.at(event, event.code, f"another handler is entered, which runs for {span.insns} instructions")
    return rule.evidence(event, f"from here on another handler runs for {span.insns} instructions")


def in_us(ns: float) -> str:
    """As times of responses are told."""
    return f"{ns / 1000:.2f} us"
