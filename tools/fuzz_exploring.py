"""Exploring shares runs and changes no answer: every placement in a random guest, with runs shared, each run whole,
in small pieces, in ranges from the last to the first, drawn one by one, and by a plain loop over snapshots.

Each case of `fuzz_cases` goes to a boundary; from there something is injected at each of some that follow, the turn is
given to another vCPU, a timer expires, and what instructions read is found to be something else. What a
run comes to is a hash of its end: registers, time, and those bytes of RAM that the case looks at.
"""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple, TextIO

import fuzz_arm
import fuzz_x86
from fuzz_cases import KINDS, Outcome, fingerprint
from fuzz_looking import compare
from fuzz_noise import Found, Noise

from vmm import NextBoundary
from vmm.core.native import ffi, lib
from vmm.core.stops import Stop
from vmm.errors import VmmError
from vmm.machine.explorer import Explorer, Tried
from vmm.machine.machine import Machine, explorer_of
from vmm.placements.found import Worst
from vmm.placements.ranges import worst
from vmm.placements.sources import Row as Choice
from vmm.placements.sources import Source, of_machine, source

BOUNDARIES, FEW, PATIENCE, LONGEST = 60, 12, 400, 40
"""Of a window, and of one with pairs; instructions of a run; boundaries of a handler."""
SOURCES = {
    "x86": (
        "nmi", "irq:0", "irq:1", "irq:4", "irq:4,edge", "irq:10,high", "vector:0x21", "vector:0x80", "byte:0x41",
        "key:a", "vector:0xd", "timer", "timer-late:3", "timer-late:40",
        "spurious:pic", "spurious:apic", "spurious:irq:1", "spurious:irq:10",
    ),
    "arm": (
        "spi:5", "spi:1", "spi:5,edge", "spi:9,high", "ppi:27", "sgi:3", "ppi:30", "byte:0x41", "timer",
        "timer-late:3", "spurious:gic", "spurious:spi:5",
    ),
}  # fmt: skip
OF_SEVERAL = ("turn:0", "turn:1", "nmi:1", "sgi:3,cpu=1", "ppi:27,cpu=1", "vector:0x21,cpu=1")
"""Where there are two vCPUs, as far as the board has such a thing."""
SPOTS = (
    *range(0x6FC0, 0x7000, 4), *range(fuzz_arm.NOISE - 0x40, fuzz_arm.NOISE, 8),
    *range(fuzz_x86.CODE, fuzz_x86.CODE + 0x80, 0x10),
)  # fmt: skip
"""Where values are found: the tops of stacks, and the first code."""
DEVICES = {
    "x86": (
        "read:port:0x60",
        "read:port:0x64",
        "read:port:0x20",
        "read:port:0x21",
        "read:port:0x3fd",
        "read:0xfee00080",
    ),
    "arm": ("read:0x09000018", "read:0x09000000", "read:0x0800000c", "read:0x0801000c"),
}
"""Registers of theirs that may be read as something else."""
TOO_DEEP = 1 << 31
"""The outcome of a run whose stack grows too far; a hash is less."""
STACKS = (0, 24, 64, 1 << 20)
"""Bytes that it may grow; 0: nobody looks."""
THIRD = 3
BEHIND = 2 * LONGEST + 10
"""Boundaries from one interrupt to the next, where no handler and no rest of a window was longer than `LONGEST`."""
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
        self.finds = chance.choice((0, 0, 1, 2)) if self.depth == 1 else chance.choice((0, 0, 0, 1))
        self.boundaries = chance.randrange(2, FEW if self.depth + self.finds > 1 else BOUNDARIES)
        self._look, self._words = chance.choice(LOOKS), [chance.randrange(1 << 32) for _ in range(40)]
        self.stack = chance.choice(STACKS)
        self._names = [chance.randrange(1 << 16) for _ in range(chance.choice((1, 1, 2)))]
        self._of_several = chance.randrange(1 << 16) if chance.randrange(4) else None
        self._found = [(chance.randrange(64), chance.choice((1, 2, 4, 8)), chance.value()) for _ in range(2)]
        self._of_device = chance.randrange(1 << 16) if chance.randrange(2) else None

    def machine(self) -> Machine:
        """Where the window begins."""
        chance = self.kind.noise(self._name)
        machine = Machine(self.kind.configure(chance))
        self.kind.prepare(machine, chance, self._number % 2 == 1)
        machine.run(insns=self._ahead)
        return machine

    def sources(self, machine: Machine) -> list[Source]:
        names = SOURCES["x86" if machine.architecture == "x86" else "arm"]
        chosen = [source(names[number % len(names)]) for number in dict.fromkeys(self._names)]
        if len(machine.cpus) > 1 and self._of_several is not None:
            several = [each for each in map(source, OF_SEVERAL) if _has(machine, each)]
            chosen.append(several[self._of_several % len(several)])
        found = [_find(machine, *each) for each in self._found[: self.finds]]
        if found and self._of_device is not None:
            devices = DEVICES["x86" if machine.architecture == "x86" else "arm"]
            found[0] = source(f"{devices[self._of_device % len(devices)]}={self._found[0][2] & 0xFF}")
            found[0] = next(iter(of_machine([found[0]], machine)))
        return [*chosen, *found]

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


def _has(machine: Machine, each: Source) -> bool:
    """It has such a source."""
    try:
        each.row(machine)
        if each.name.startswith(("ppi", "sgi", "nmi", "vector")):
            return each.name.startswith(("ppi", "sgi")) == (machine.architecture != "x86")
    except VmmError:
        return False
    return True


def _find(machine: Machine, spot: int, size: int, value: int) -> Source:
    """Its stack or what it reads first is found to be something else."""
    physical = machine.memory.base + SPOTS[spot % len(SPOTS)] // size * size
    value &= (1 << 8 * size) - 1
    return Source(
        f"read:{physical:#x}={value:#x}", lambda machine: Choice(lib.VMM_CHOICE_FIND, 0, 0, size, physical, value),
        lambda machine: machine.memory.write(physical, value.to_bytes(size, "little")), False,
    )  # fmt: skip


class Asked:
    """What the explorer asks of a case."""

    def __init__(self, case: Case, machine: Machine, sources: Sequence[Source]) -> None:
        self._case, self._machine, self._sources = case, machine, sources

    def judge(self, ending: Any, stop: Stop) -> int:
        return TOO_DEEP if ending.deep else self._case.hash(self._machine, stop.reason)

    def act(self, choice: int) -> None:
        self._sources[choice].happen(self._machine)


def explored(
    case: Case, end: int, *, reduce: bool, cuts: Sequence[int] = (), piece: int = 1000
) -> tuple[list[Row], list[Worst | None]]:
    """Every row, by ranges that end where `cuts` say, the last of them first, and the most that one takes; then the
    machine must be as it was.
    """
    machine = case.machine()
    plan, explorer = _explorer(case, machine, end, reduce=reduce)
    before = fingerprint(machine)
    rows: list[Row] = []
    with explorer:
        bounds = [0, *cuts, (1 << 64) - 1]
        for first, to in reversed(list(itertools.pairwise(bounds))):
            rows = [*_range(explorer, plan, first, to, piece), *rows]
    if fingerprint(machine) != before:
        raise Found("the machine is another one behind its exploration")
    return rows, list(map(worst, plan.worst))


def _explorer(case: Case, machine: Machine, end: int, *, reduce: bool) -> tuple[Any, Explorer]:
    """Of that machine, and its plan."""
    sources = case.sources(machine)
    plan = ffi.new("vmm_plan *")
    for number, each in enumerate(sources):
        row, choice = each.row(machine), plan.choice[number]
        choice.kind, choice.number, choice.vector = row.kind, row.number, row.vector
        choice.size, choice.physical, choice.value = row.size, row.physical, row.value
    plan.choices, plan.depth, plan.patience, plan.longest = len(sources), case.depth, PATIENCE, LONGEST
    plan.finds, plan.stack = case.finds, case.stack
    plan.reduce, plan.ask_each = reduce, True
    plan.end.kind, plan.end.at, plan.end.vcpu = lib.VMM_TRIGGER_REACH, end, lib.VMM_ANY
    return plan, explorer_of(machine, plan, Asked(case, machine, sources))


def drawn(case: Case, end: int, rows: Sequence[Row]) -> None:
    """Each placement as one that was drawn, in a run of its own; Found where other ones fail than `rows` say."""
    machine = case.machine()
    plan, explorer = _explorer(case, machine, end, reduce=False)
    before, choices = fingerprint(machine), range(plan.choices)
    with explorer:
        list(_range(explorer, plan, 0, (1 << 64) - 1, 1000))
        if plan.cut:
            return
        for number, row in enumerate(rows):
            if case.depth > 1 and number % THIRD != case.boundaries % THIRD:
                continue  # pairs are many
            first = number // plan.choices, number % plan.choices
            behind = [(first[0] + more, choice) for more in range(BEHIND) for choice in choices]
            draws = [[first], *([first, each] for each in behind if case.depth > 1)]
            fails = {_row(each)[5]: each.least_outcome for each in explorer.drawn(draws) if each.failing}
            fails = {least: outcome for least, outcome in fails.items() if least[0] == row.at}
            found: dict[str, Any] = {"failing": len(fails), "outcome": fails.get((row.at,), 0)}
            wanted: dict[str, Any] = {"failing": row.failing, "outcome": row.outcome}
            if row.failing:
                least = min(fails, key=lambda each: (len(each), [(*one[:2], one[3]) for one in each]), default=())
                found |= {"least": least, "least outcome": fails.get(least)}
                wanted |= {"least": row.least, "least outcome": row.least_outcome}
            compare({str(row.at): wanted}, {str(row.at): found}, "drawn one by one")
    if fingerprint(machine) != before:
        raise Found("the machine is another one behind what was drawn")


def _range(explorer: Explorer, plan: Any, first: int, to: int, piece: int) -> list[Row]:
    plan.to = to
    explorer.seek(first)
    rows: list[Row] = []
    while not plan.over and plan.next < to:
        rows += [_row(tried) for tried in explorer.tried(min(to - plan.next, piece))]
    return rows


def _row(tried: Tried) -> Row:
    least = tuple((*each.at, each.choice) for each in tried.least)
    at = (*tried.first.at, tried.first.choice)
    return Row(at, tried.outcome, tried.delivered, tried.placements, tried.failing, least, tried.least_outcome)


def looped(case: Case, rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Where each placement of one interrupt is, and what it comes to, by snapshots. Whether it can
    happen there it takes from `rows`: of each source at each boundary.
    """
    machine = case.machine()
    sources, origin, outcomes = case.sources(machine), machine.instructions, list[tuple[int, int]]()
    for number in range(len(rows) // len(sources)):
        here, insns = machine.snapshot(), machine.instructions - origin
        for each, row in zip(sources, rows[number * len(sources) :], strict=False):
            outcome = 0
            if row.placements:
                each.happen(machine)
                stop = machine.run(insns=PATIENCE - (machine.instructions - origin))
                outcome = case.hash(machine, stop.reason)
                machine.restore(here)
            outcomes.append((insns, outcome))
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
    if case.machine().stop.reason == "shutdown":  # no window begins there
        return Outcome(number, case.kind.name, "shut down before", "")
    end = end_of(case)
    rows, most = explored(case, end, reduce=True)
    print(*rows, most, sep="\n", file=report or io.StringIO(), flush=True)
    whole, expected = explored(case, end, reduce=False)
    compare({"rows": whole, "most": expected}, {"rows": rows, "most": most}, "with runs shared")
    length = max((row.at[0] for row in whole), default=0)
    cuts = sorted({*range(length // 3, length, max(length // 3, 1))} - {0})
    ranges, _ = explored(case, end, reduce=True, cuts=cuts)
    compare({"rows": whole}, {"rows": ranges}, f"in ranges cut at {cuts}")
    if case.depth + case.finds == 1:
        pieces, most = explored(case, end, reduce=True, piece=7)
        compare({"rows": whole, "most": expected}, {"rows": pieces, "most": most}, "in pieces")
    if not case.finds:
        drawn(case, end, whole)
    if not 0 < case.stack < max(STACKS):
        ends = [(row.at[0], row.outcome) for row in whole]
        compare({"ends": looped(case, whole)}, {"ends": ends}, "beside a loop over snapshots")
    words = hashlib.sha256(repr(rows).encode()).hexdigest()[:16]
    return Outcome(number, case.kind.name, f"depth {case.depth}", words)
