"""A stretch of a run in single steps: what each executed, read and wrote, and under how many handlers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from vmm.core.stops import Stop
from vmm.disassembly import Disassembler
from vmm.machine.accesses import Access, Accesses
from vmm.machine.machine import Machine
from vmm.scenario.triggers import NextBoundary

if TYPE_CHECKING:
    from vmm.arch.cpus import Cpu

PUSHED_AT_MOST = 64
"""Bytes by one instruction, of those by which the stack is found in physical memory."""


@dataclass(frozen=True)
class Step:
    """From one boundary to the next: an instruction, or a delivery, which is none."""

    insns: int
    """Begun before it, in the whole run."""
    vcpu: int
    pc: int
    """Linear."""
    code: str
    """Disassembled."""
    depth: int
    """Handlers under way before it, on that vCPU."""
    stack: int
    """Its pointer before it."""
    delivery: bool
    accesses: tuple[Access, ...]
    event: str | None = None
    """A delivery or return, in words."""
    executed: bool = True
    """An instruction began; else time or a turn alone went on."""
    grown: int = 0
    """Bytes by which the stack has grown behind it, where that is bounded."""
    early: tuple[tuple[Access, str], ...] = ()
    """Reads of what a device had still to write then, by DMA, and whose transfer that is."""


class Observed:
    """A machine that goes on step by step."""

    def __init__(self, machine: Machine, accesses: Accesses, bound: int | None = None) -> None:
        self._bound = bound
        if bound is not None:
            accesses.stack(bound)
        self.machine, self.steps = machine, list[Step]()
        self._accesses, self._next = accesses, NextBoundary()
        self._owing = [device for device in machine.board.devices.values() if hasattr(device, "owed")]
        self._disassembler = Disassembler(machine.architecture)
        self._code: dict[tuple[int, int], str] = {}
        names = list(machine.cpu)
        self._pointer = "rsp" if "rsp" in names else "sp"

    def step(self) -> Stop:
        """One more of `steps`; reason "breakpoint" where the run goes on, as where a vCPU falls asleep."""
        machine = self.machine
        cpu = self.current
        counts = [each.count for each in machine.cpus]
        insns, pc, code, stack = machine.instructions, cpu.pc, self._decoded(cpu, cpu.pc), cpu[self._pointer]
        depth = self._accesses.depth(cpu.index)
        owed = [each for device in self._owing for each in device.owed]
        self._accesses.clear()
        stop = machine.run(until=self._next, insns=1)
        if stop.reason == "count":
            stop = replace(stop, reason="breakpoint")
        accesses = self._accesses.take()
        if len(counts) > 1:  # it may have been another's turn
            for each, count in zip(machine.cpus, counts, strict=True):
                if each.count != count and each is not cpu:
                    cpu, pc, depth = each, each.recent()[-1], self._accesses.depth(each.index)
                    code, stack = self._decoded(each, pc), each[self._pointer]
        now = self._accesses.depth(cpu.index)
        delivery = now > depth and machine.instructions == insns
        event = self._event(now > depth) if now != depth else None
        grown = 0 if self._bound is None else self._accesses.stack(self._bound)
        executed = delivery or machine.instructions != insns
        early = tuple(
            (access, whose)
            for access in accesses
            for whose, first, size in owed
            if not access.writes and access.physical < first + size and access.end > first
        )
        step = Step(insns, cpu.index, pc, code, depth, stack, delivery, accesses, event, executed, grown, early)
        self.steps.append(step)
        return stop

    @property
    def current(self) -> Cpu:
        """The vCPU whose turn it is."""
        return self.machine.cpus[self.machine.position.vcpu]

    def _event(self, deeper: bool) -> str | None:
        kind = "delivered" if deeper else "returned"
        last = [event for event in self.machine.trace.last(8) if event.kind == kind]
        return self.machine.trace.describe(last[-1]) if last else None

    def _decoded(self, cpu: Cpu, pc: int) -> str:
        key = cpu.bits, pc
        if key not in self._code:
            self._code[key] = self._disassembler.at(cpu, pc).text
        return self._code[key]

    def name(self, physical: int) -> str:
        """Of a byte of RAM: the symbol there, where the image has one; as its code is mapped, else by its number."""
        machine, cpu = self.machine, self.current
        here = self._accesses.physical(cpu, cpu.pc)
        for linear in (physical, physical + cpu.pc - here if here is not None else physical):
            if machine.loaded and linear >= 0 and self._accesses.physical(cpu, linear) == physical:
                symbol, _ = machine.loaded.place(linear)
                if symbol:
                    return symbol
        return f"{physical:#x}"


def seen_by(vcpu: int, steps: Sequence[Step]) -> list[Step]:
    """As if what other vCPUs do were done by handlers that interrupt this one."""
    seen, depth = list[Step](), 0
    for step in steps:
        if step.vcpu == vcpu:
            depth = step.depth
            seen.append(step)
        else:
            seen.append(replace(step, vcpu=vcpu, depth=depth + 1, delivery=False))
    return seen


def stack_offset(steps: Sequence[Step]) -> int:
    """What physical addresses of the stack are above its pointer: of the first push there is."""
    for step, following in pairwise(steps):
        pushed = step.stack - following.stack
        if step.vcpu != following.vcpu or not 0 < pushed <= PUSHED_AT_MOST:
            continue
        for access in step.accesses:
            if access.writes and access.size == pushed:
                return access.physical - following.stack
    return 0
