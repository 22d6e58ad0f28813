"""Guests made of random bytes: each is a function of the seed and its number, and so is everything it does.

Even numbers are pure noise; odd ones are noise rich in what an interrupt laboratory must survive.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TextIO

import fuzz_arm
import fuzz_x86

from vmm.errors import VmmError
from vmm.machine.machine import Machine
from vmm.report import crash

INSTRUCTIONS, VIRTUAL_NS = 20_000, 200_000_000
"""Bounds of one run."""

KINDS = (*fuzz_x86.KINDS, *fuzz_arm.KINDS)


@dataclass(frozen=True)
class Outcome:
    """How a case ended: the stop's reason, or "refused" where the loader would not have it; a hash of its trace and of
    the vCPUs' registers."""

    number: int
    kind: str
    reason: str
    hash: str
    instructions: int = 0
    """That it was compared over."""


def fingerprint(machine: Machine) -> str:
    """16 hexadecimal digits: what was delivered, how far the guest came, and what it read on the way."""
    registers = [[(name, cpu[name]) for name in cpu] for cpu in machine.cpus]
    text = f"{machine.trace.hash} {machine.instructions} {machine.now_ns} {registers}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run(seed: int, number: int, report: TextIO | None = None) -> Outcome:
    """Build and run case `number`, and write how it ended into `report`; any exception is a finding."""
    kind = KINDS[number // 2 % len(KINDS)]
    chance = kind.noise(f"{seed}/{number}")
    machine = Machine(kind.configure(chance))
    try:
        kind.prepare(machine, chance, number % 2 == 1)
    except VmmError as error:
        if kind.prepare is not fuzz_x86.image_with_noise or "\n" in str(error):
            raise
        return Outcome(number, kind.name, "refused", fingerprint(machine))
    machine.limit(insns=INSTRUCTIONS, virtual_ns=VIRTUAL_NS)
    for _ in range(chance.randrange(4)):
        if machine.run(insns=chance.choice((1, 10, 100))).reason != "count":
            break
        kind.stimulate(machine, chance)
    else:
        machine.run()
    stop = machine.stop
    crash.show(machine, report or io.StringIO())
    return Outcome(number, kind.name, stop.reason, fingerprint(machine))
