"""Exploring shares runs and changes no answer: every placement in a random guest, with runs shared, each run whole,
in small pieces, and by a plain loop over snapshots.

Each case of `fuzz_cases` goes to a boundary; from there something is injected at each of some that follow. What a
run comes to is a hash of its end: registers, time, and those bytes of RAM that the case looks at.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import Any, NamedTuple, TextIO

import fuzz_x86
from fuzz_cases import KINDS, Outcome, fingerprint
from fuzz_looking import compare
from fuzz_noise import Found, Noise

from vmm import NextBoundary
from vmm.core.native import ffi, lib
from vmm.core.stops import Stop
from vmm.machine.explorer import Tried
from vmm.machine.machine import Machine, explorer_of
from vmm.placements.found import Worst
from vmm.placements.ranges import worst
from vmm.placements.sources import Source, source

BOUNDARIES, FEW, PATIENCE, LONGEST = 60, 12, 400, 40
"""Of a window, and of one with pairs; instructions of a run; boundaries of a handler."""
SOURCES = {
    "x86": (
        "nmi", "irq:0", "irq:1", "irq:4", "irq:4,edge", "irq:10,high", "vector:0x21", "vector:0x80", "byte:0x41",
        "key:a", "vector:0xd",
    ),
    "arm": ("spi:5", "spi:1", "spi:5,edge", "spi:9,high", "ppi:27", "sgi:3", "ppi:30", "byte:0x41"),
}  # fmt: skip
TOO_DEEP = 1 << 31
"""The outcome of a run whose stack grows too far; a hash is less."""
STACKS = (0, 24, 64, 1 << 20)
"""Bytes that it may grow; 0: nobody looks."""
LOOKS = ("registers", "words", "all")
"""What a case sees of a run's end."""


class Row(NamedTuple):
    """One placement, and what begins with it."""

    at: tuple[int, ...]
    outcome: int
    delivered: bool
    placements: int
    failing: int
    least: tuple[Any, ...]
    least_outcome: int


class Case:
    """A guest, where its window begins and ends, and what may happen there."""

    def __init__(self, seed: int, number: int) -> None:
        self.kind = KINDS[number // 2 % len(KINDS)]
        self._number, self._name = number, f"{seed}/{number}"
        chance = Noise(f"exploring {self._name}")
        self.depth = chance.choice((1, 1, 2))
        self._ahead = chance.randrange(150)
        self.boundaries = chance.randrange(2, FEW if self.depth > 1 else BOUNDARIES)
        self._look, self._words = chance.choice(LOOKS), [chance.randrange(1 << 32) for _ in range(40)]
        self.stack = chance.choice(STACKS)
        self._names = [chance.randrange(1 << 16) for _ in range(chance.choice((1, 1, 2)))]

    def machine(self) -> Machine:
        """Where the window begins."""
        chance = self.kind.noise(self._name)
        machine = Machine(self.kind.configure(chance))
        self.kind.prepare(machine, chance, self._number % 2 == 1)
        machine.run(insns=self._ahead)
        return machine

    def sources(self, machine: Machine) -> list[Source]:
        names = SOURCES["x86" if machine.architecture == "x86" else "arm"]
        return [source(names[number % len(names)]) for number in dict.fromkeys(self._names)]

    def hash(self, machine: Machine, reason: str) -> int:
        """Of a run's end; 0, which is good, one time in four."""
        memory = machine.memory
        words = b""
        if self._look == "all":
            words = memory.read(memory.base, fuzz_x86.NOISE)
        elif self._look == "words":
            spots = [
                *(spot % (fuzz_x86.NOISE // 8) * 8 for spot in self._words[:20]),
                *(0x6000 + spot % 0x1000 for spot in self._words[20:]),
            ]
            words = b"".join(memory.read(memory.base + spot, 8) for spot in spots)
        registers = [[(name, cpu[name]) for name in cpu] for cpu in machine.cpus]
        text = f"{reason} {machine.instructions} {machine.now_ns} {registers}"
        number = int.from_bytes(hashlib.sha256(text.encode() + words).digest()[:4], "little") & 0x7FFFFFFF
        return number if number % 4 else 0


class Asked:
    """What the explorer asks of a case."""

    def __init__(self, case: Case, machine: Machine, sources: Sequence[Source]) -> None:
        self._case, self._machine, self._sources = case, machine, sources

    def judge(self, ending: Any, stop: Stop) -> int:
        return TOO_DEEP if ending.deep else self._case.hash(self._machine, stop.reason)

    def act(self, choice: int) -> None:
        self._sources[choice].happen(self._machine)


def explored(case: Case, end: int, *, reduce: bool, piece: int = 1000) -> tuple[list[Row], list[Worst | None]]:
    """Every row, and the most that one takes; the machine behind it must be as it was before."""
    machine = case.machine()
    sources = case.sources(machine)
    plan = ffi.new("vmm_plan *")
    for number, each in enumerate(sources):
        row, choice = each.row(machine), plan.choice[number]
        choice.kind, choice.number, choice.vector = row.kind, row.number, row.vector
    plan.choices, plan.depth, plan.patience, plan.longest = len(sources), case.depth, PATIENCE, LONGEST
    plan.reduce, plan.ask_each, plan.stack = reduce, True, case.stack
    plan.end.kind, plan.end.at, plan.end.vcpu = lib.VMM_TRIGGER_REACH, end, lib.VMM_ANY
    before = fingerprint(machine)
    rows = [
        _row(tried)
        for chunk in explorer_of(machine, plan, Asked(case, machine, sources)).run(lambda: piece)
        for tried in chunk
    ]
    if fingerprint(machine) != before:
        raise Found("the machine is another one behind its exploration")
    return rows, list(map(worst, plan.worst))


def _row(tried: Tried) -> Row:
    least = tuple((*each.at, each.choice) for each in tried.least)
    at = (*tried.first.at, tried.first.choice)
    return Row(at, tried.outcome, tried.delivered, tried.placements, tried.failing, least, tried.least_outcome)


def looped(case: Case, boundaries: int) -> list[tuple[int, int]]:
    """Where each placement of one interrupt is, and what it comes to, by snapshots."""
    machine = case.machine()
    sources, origin, outcomes = case.sources(machine), machine.instructions, list[tuple[int, int]]()
    for _ in range(boundaries):
        here, insns = machine.snapshot(), machine.instructions - origin
        for each in sources:
            each.happen(machine)
            stop = machine.run(insns=PATIENCE - (machine.instructions - origin))
            outcomes.append((insns, case.hash(machine, stop.reason)))
            machine.restore(here)
        machine.run(until=NextBoundary())
    return outcomes


def end_of(case: Case) -> int:
    """Where its window ends: some boundaries on, or where the guest does."""
    machine = case.machine()
    for _ in range(case.boundaries):
        if machine.run(until=NextBoundary(), insns=PATIENCE).reason != "breakpoint":
            break
    return machine.cpus[machine.stop.vcpu].pc


def run(seed: int, number: int, report: TextIO | None = None) -> Outcome:
    """Explore case `number` in all ways; Found where two differ."""
    case = Case(seed, number)
    if case.kind.prepare is fuzz_x86.image_with_noise:
        return Outcome(number, case.kind.name, "left out", "")
    end = end_of(case)
    rows, most = explored(case, end, reduce=True)
    print(*rows, most, sep="\n", file=report or io.StringIO(), flush=True)
    whole, expected = explored(case, end, reduce=False)
    compare({"rows": whole, "most": expected}, {"rows": rows, "most": most}, "with runs shared")
    if case.depth == 1:
        pieces, most = explored(case, end, reduce=True, piece=7)
        compare({"rows": whole, "most": expected}, {"rows": pieces, "most": most}, "in pieces")
    if case.depth == 1 and not 0 < case.stack < max(STACKS):
        ends = [(row.at[0], row.outcome) for row in whole]
        plain = looped(case, len(whole) // len(case.sources(case.machine())))
        compare({"ends": plain}, {"ends": ends}, "beside a loop over snapshots")
    words = hashlib.sha256(repr(rows).encode()).hexdigest()[:16]
    return Outcome(number, case.kind.name, f"depth {case.depth}", words)
