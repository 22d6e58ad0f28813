"""What a failed test's report shows of each of its machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

from vmm.errors import VmmError
from vmm.machine.machine import Machine
from vmm.report import crash, verdicts
from vmm.testing.exploration import Exploration
from vmm.testing.machines import Tested

AHEAD = 6
"""Instructions from the program counter on."""
Section = tuple[str, str]


def sections(tested: Tested, *, trace: bool, recording: Callable[[], Path]) -> list[Section]:
    """Titles and texts; `trace`: with every event that was recorded. `recording` gives the file for the recording."""
    machine = tested.machine
    every = _trace(machine) if trace else ()
    parts = (_stop(machine), _diagnoses(tested), _state(machine), _console(tested), every)
    shown = [(f"{tested.name}: {title}", text) for part in parts for title, text in part]
    return [*shown, *_recording(tested, recording)]


def explored(exploration: Exploration) -> list[Section]:
    """The same of an exploration, if it was made."""
    return [(f"{exploration.image}: exploration", exploration.story)] if exploration.story else []


def _stop(machine: Machine) -> Iterator[Section]:
    stop = machine.stop
    why = f"{stop.reason}: {stop.detail}" if machine.instructions else "it has not run"
    totals = f"{machine.instructions} instructions, {machine.now_ns} ns virtual"
    config = machine.config
    yield "why it stopped", f"{why}\n{totals}, board {config.board}, seed {config.seed}, trace {machine.trace.hash}"
    if findings := machine.findings():
        yield "interrupts", "\n".join(map(str, findings))


def _diagnoses(tested: Tested) -> Iterator[Section]:
    if tested.diagnoses:
        said = StringIO()
        verdicts.show(tested.diagnoses.looked(), tested.diagnoses.not_applied(), said)
        yield "diagnoses", said.getvalue().rstrip()


def _state(machine: Machine) -> Iterator[Section]:
    for title, lines in crash.sections(machine, AHEAD):
        yield title, "\n".join(lines)
    if machine.waiting:
        yield "scenarios that never went on", "\n".join(machine.waiting)


def _console(tested: Tested) -> Iterator[Section]:
    if tested.console:
        yield "console", tested.console.decode(errors="replace")


def _trace(machine: Machine) -> Iterator[Section]:
    several = len(machine.cpus) > 1
    lines = (
        f"{f'vCPU {event.vcpu}, ' * several}insn {event.insns}: {machine.trace.describe(event)}"
        for event in machine.trace.of()
    )
    yield "every event", "\n".join(lines)


def _recording(tested: Tested, where: Callable[[], Path]) -> Iterator[Section]:
    try:
        path = where()
        tested.recorder.save(path)
    except (VmmError, OSError) as error:
        yield f"{tested.name}: no recording", str(error)
    else:
        yield f"{tested.name}: recording", f"vmm replay {path}"
