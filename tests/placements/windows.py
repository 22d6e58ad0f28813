"""Windows of bundled guests: from the first boundary at which interrupts are let in."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import vmm
from vmm.scenario.triggers import NextBoundary

IF = 1 << 9
"""Of EFLAGS (SDM 1 3.4.3)."""
I = 1 << 7  # noqa: E741
"""Of DAIF and of CPSR (DDI0487 C5.2.2, DDI0406 B1.3.3)."""
FAR = 50_000
"""Boundaries within which a guest lets interrupts in, if it ever does."""


class Window(NamedTuple):
    """Of a guest: what `explore` is told."""

    between: tuple[int, int]
    hit: int
    until: int
    """Some boundaries behind the window."""
    inject: list[str]


def lets_in(machine):
    """The first vCPU takes maskable interrupts."""
    if machine.architecture == "x86":
        return bool(machine.cpu["eflags"] & IF)
    return not machine.cpu.pstate & I


def sources(machine):
    """Lines that no controller masks; on x86 NMI as well."""
    if machine.architecture == "x86":
        imr = machine.pic.master.imr | machine.pic.slave.imr << 8
        return [*[f"irq:{n}" for n in range(16) if n != 2 and not imr >> n & 1][:2], "nmi"]
    spis = sorted(machine.gic.dist.enabled)
    ppis = sorted(intid for intid in machine.gic.cpu[0].enabled if intid >= 16)
    return [f"spi:{intid - 32}" for intid in spis][:2] or [f"ppi:{intid}" for intid in ppis][:1] or ["spi:5"]


class _Walk:
    """A guest from boundary to boundary."""

    def __init__(self, image, options):
        self.machine = vmm.boot(image, console=None, **options)
        self.visits = Counter()

    def step(self):
        """To the next; False: there is none."""
        stop = self.machine.run(until=NextBoundary())
        self.visits[self.machine.cpu.pc] += 1
        return stop.reason == "breakpoint"

    def steps(self, count):
        """As many, if there are."""
        return sum(self.step() for _ in range(count)) == count


def window(image, boundaries, beyond, **options):
    """From the first boundary at which `lets_in` is true; from the middle of the run where it never is."""
    walk = _Walk(image, options)
    while walk.step() and not lets_in(walk.machine) and walk.visits.total() < FAR:
        pass
    if not lets_in(walk.machine):
        middle = walk.visits.total() // 2
        walk = _Walk(image, options)
        walk.steps(middle)
    begin, inject = walk.machine.cpu.pc, sources(walk.machine)
    hit = walk.visits[begin]
    walk.steps(boundaries)
    end = walk.machine.cpu.pc
    walk.steps(beyond)
    return Window((begin, end), hit, walk.machine.cpu.pc, inject)
