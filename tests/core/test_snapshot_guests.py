"""Every bundled guest: a run with detours from a hundred of its boundaries is the run without.

A short guest takes one from each of its boundaries.
"""

from __future__ import annotations

import random
import zlib

import pytest

from core.visible_state import everything
from vmm.catalog import guests
from vmm.machine.machine import Machine, boot

EVERY = sorted(guests(), key=lambda guest: guest.name)
LIMIT, DETOURS, LONGEST = 3_000_000, 100, 2000
SHORT = 1000


def started(name: str) -> Machine:
    machine = boot(name)
    machine.limit(insns=LIMIT)
    return machine


@pytest.mark.slow
@pytest.mark.parametrize("guest", EVERY, ids=lambda guest: guest.name)
def test_a_run_with_detours_is_the_run_without(guest):
    straight = started(guest.name)
    straight.run()
    dice = random.Random(zlib.crc32(guest.name.encode()))
    length = straight.instructions
    boundaries = range(length) if length <= SHORT else sorted(dice.sample(range(length), DETOURS))

    machine = started(guest.name)
    detours = 0
    for boundary in boundaries:
        machine.run(insns=boundary - machine.instructions)
        if machine.instructions != boundary:
            break
        here, time = machine.trace.hash, machine.now_ns
        snapshot = machine.snapshot()
        machine.run(insns=dice.randint(1, LONGEST))
        machine.restore(snapshot)
        assert (machine.instructions, machine.trace.hash, machine.now_ns) == (boundary, here, time)
        detours += 1
    assert detours == len(boundaries)
    machine.run()
    assert everything(machine) == everything(straight)
