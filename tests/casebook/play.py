"""A case's run, as tests of its figures look at it."""

from __future__ import annotations

from collections.abc import Callable

from vmm.casebook.case import Asked, asked
from vmm.cli.scripted import load
from vmm.diagnoses.diagnosis import Looked
from vmm.machine.machine import Machine, boot


def case(name: str, variant: str) -> Asked:
    found = asked(f"cases/{name}", variant)
    assert found
    return found


def played(of: Asked, *words: str, before: Callable[[Machine], None] | None = None) -> tuple[Machine, Looked]:
    """The machine at the run's end, and what diagnoses say; `words` in place of the case's own; `before` the run."""
    machine = boot(of.image, console=None)
    if before:
        before(machine)
    with machine.diagnose(*(words or of.case.looked_for)) as diagnoses:
        if of.case.scenario:
            load(of.case.scenario).start(machine)
        machine.run()
        machine.close()
        return machine, diagnoses.looked()
