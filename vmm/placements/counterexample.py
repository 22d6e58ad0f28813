"""The least failing placement once more, in a machine of its own: its story, and a recording of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from vmm.machine.explorer import Placement
from vmm.machine.machine import Machine
from vmm.placements.sources import Source
from vmm.scenario.triggers import NextBoundary, Reach

if TYPE_CHECKING:
    from vmm.placements.exploration import Subject


def tell(
    subject: Subject, sources: Sequence[Source], placements: Sequence[Placement], cause: str,
    record: Path | str | None, patience: int,
) -> tuple[list[str], str | None]:  # fmt: skip
    """The story, a line each, and the recording's name, which is `record`."""
    machine = subject.boot()
    story: list[str] = []
    with machine.recording(record) if record else nullcontext():
        subject.enter(machine)
        first = machine.instructions
        for number, placement in enumerate(placements):
            go_to(machine, first, placement, placements[number - 1] if number else None)
            story.append(f"  {sources[placement.choice].name} at {machine.where(machine.cpu.pc)}")
            sources[placement.choice].happen(machine)
        left = first + patience - machine.instructions
        until = subject.window.until
        stop = machine.run(insns=left) if until is None else machine.run(until=Reach(until), insns=left)
        story += [f"  {line}" for line in events_since(machine, first)]
        story.append(f"  {stop}")
        story.append(f"  {cause}")
    return story, str(record) if record else None


def go_to(machine: Machine, first: int, placement: Placement, before: Placement | None) -> None:
    """To a boundary of the window, whose first is at `first`."""
    ahead = first + placement.at.insns - machine.instructions
    more = placement.at.more
    if ahead:
        machine.run(insns=ahead)
    elif before is not None and before.at.insns == placement.at.insns:
        more -= before.at.more
    for _ in range(more):
        machine.run(until=NextBoundary())


def events_since(machine: Machine, insns: int) -> list[str]:
    """Deliveries and returns from then on, as far as they are kept."""
    return [
        machine.trace.describe(event) for event in machine.trace.last(64)
        if event.kind in ("delivered", "returned") and event.insns >= insns
    ]  # fmt: skip
