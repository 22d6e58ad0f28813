"""All findings of a machine; here a kind is added, and a controller that is asked."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from vmm.core.stops import ENDED_BY_GUEST
from vmm.findings.finding import Finding, Findings
from vmm.findings.standing import Standing

FAULTS, OTHERS = ("in_service",), ("waiting", "line_high", "lost_edges", "asleep")
"""The kinds, a module each with `find`, in the order they are told; the first may be wrong however a run ended."""
CONTROLLERS = {"pic": ("pic", "apic"), "gic": ("gic",)}
"""Modules that are each a `Controller`, by a device that boards have where they have them."""
MEANT = (*ENDED_BY_GUEST, "user", "count", "breakpoint", "delivered", "event", "elapsed", "predicate")
"""The reasons of an end that somebody wanted: what only explains another is not told."""


def found(at: Standing, *, faults: bool) -> Findings:
    """All of them, or only the faults."""
    if not faults:
        return Findings(_found(at, (*FAULTS, *OTHERS)))
    return Findings(finding for finding in _found(at, FAULTS) if finding.fault)


def _found(at: Standing, kinds: tuple[str, ...]) -> Iterator[Finding]:
    names = [name for device, several in CONTROLLERS.items() if device in at.devices for name in several]
    controllers = [_module(name) for name in names]
    for kind in kinds:
        yield from _module(kind).find(at, controllers)


def _module(name: str) -> Any:
    """Imported where it is asked: most runs end well, and have nothing in service."""
    return import_module(f"vmm.findings.{name}")
