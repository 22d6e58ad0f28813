"""Where two recorded runs differ first: their registers, their memory, or their events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from vmm.arch.vcpu import Vcpu
from vmm.errors import VmmError
from vmm.machine.machine import Machine
from vmm.replayer.player import Replay, words

CLOSE = 16
"""Instructions behind the first different decision that are looked at one by one; then in doubling steps."""
SLICE = 2_000_000
"""Instructions from one word about how far it is to the next."""
BLOCK = 1 << 16
PLACES = 8
"""Of memory that are told, one a block."""
EVENTS = 64
"""Of the last events, those that are compared in words."""


@dataclass(frozen=True)
class Difference:
    """The first of two runs: after `insns` instructions, the last of them on vCPU `vcpu` at `where`."""

    insns: int
    vcpu: int
    where: str
    details: list[str]
    """What differs, a line each, with the value of either run."""


class Playback:
    """A recording at any of its instructions. It goes back by beginning again."""

    def __init__(self, path: Path, tell: Callable[[int], None] | None) -> None:
        self._path, self._tell = path, tell
        self.replay = self._begin()

    def _begin(self) -> Replay:
        return Replay(self._path, None, None)

    def at(self, insns: int) -> Machine:
        """Its machine when so many instructions have begun, or at its end if that comes before."""
        if insns < self.replay.machine.instructions:
            self.replay = self._begin()
        machine = self.replay.machine
        while self._tell and insns - machine.instructions > SLICE and not self.replay.finished:
            self._tell(machine.instructions)
            self.replay.run(insn=machine.instructions + SLICE)
        self.replay.run(insn=insns)
        return machine


def bisect(first: Path, second: Path, tell: Callable[[int], None] | None = None) -> Difference | None:
    """None where they do not differ. VmmError for recordings of machines that cannot be compared. `tell` hears on the
    way how many instructions have begun in what is run just now.
    """
    a, b = Playback(first, tell), Playback(second, tell)
    _check_comparable(a.replay.machine, b.replay.machine)
    last = max(play.replay.tape.end.at.insns for play in (a, b))
    same, different = _bracket(a, b, _alike_until(a.replay, b.replay), last)
    if different is None:
        return None
    while different - same > 1:
        middle = (same + different) // 2
        if _equal(a.at(middle), b.at(middle)):
            same = middle
        else:
            different = middle
    return _difference(a, b, different)


def _check_comparable(a: Machine, b: Machine) -> None:
    if (a.architecture, a.config.smp, a.config.memory) != (b.architecture, b.config.smp, b.config.memory):
        raise VmmError("the recordings are of machines that differ in architecture, vCPUs or memory")


def _alike_until(a: Replay, b: Replay) -> int:
    """An instruction count up to which they cannot differ: runs with the same beginnings are the same."""
    one, other = a.tape, b.tape
    if one.header != other.header or any(x != y for x, y in zip(one.calls, other.calls, strict=False)):
        return 0
    pairs = zip(_decided(a), _decided(b), strict=False)
    return next((min(x[0].insns, y[0].insns) for x, y in pairs if x != y), 0)


def _decided(replay: Replay) -> Iterator[tuple[Any, Any]]:
    yield from ((entry.at, entry.decision) for entry in replay.tape.entries)
    yield replay.tape.end.at, None


def _bracket(a: Playback, b: Playback, start: int, last: int) -> tuple[int, int | None]:
    """Two counts, at the first of which the runs do not differ, and at the second they do; None: nowhere."""
    same, at, step = start - 1, start, 1
    while True:
        if not _equal(a.at(at), b.at(at)):
            return same, at
        if at >= last:
            return at, None
        same = at
        step = 1 if at < start + CLOSE else 2 * step
        at = min(at + step, last)


def _equal(a: Machine, b: Machine) -> bool:
    return a.trace.hash == b.trace.hash and not any(_registers(a, b)) and next(_memory(a, b), None) is None


def _difference(a: Playback, b: Playback, insns: int) -> Difference:
    one, other = a.at(insns), b.at(insns)
    cpu = one.cpus[one.position.vcpu]
    recent = cpu.recent()
    memory = islice(_memory(one, other), PLACES)
    details = [*_ends(a, b), *_registers(one, other), *memory, *_events(one, other), *_decisions(a, b)]
    where = one.where(recent[-1]) if recent else "before the first instruction"
    return Difference(insns, cpu.index, where, details)


def _ends(a: Playback, b: Playback) -> Iterator[str]:
    one, other = a.replay.machine.instructions, b.replay.machine.instructions
    if one != other:
        yield f"instructions: {one} | {other}, where the run ends"


def _registers(a: Machine, b: Machine) -> Iterator[str]:
    for one, other in zip(a.cpus, b.cpus, strict=True):
        of = f"vCPU {one.index} " if len(a.cpus) > 1 else ""
        for name, value in _state(one).items():
            if value != (there := _state(other)[name]):
                yield f"{of}{name}: {value:#x} | {there:#x}"


def _state(cpu: Vcpu) -> dict[str, int]:
    return {"pc": cpu.pc, "halted": cpu.halted, "off": cpu.off} | {name: cpu[name] for name in cpu}


def _memory(a: Machine, b: Machine) -> Iterator[str]:
    ram, flash = range(a.memory.base, a.memory.base + a.memory.size, BLOCK), range(0, a.memory.rom_size, BLOCK)
    for at in (*ram, *flash):
        size = min(BLOCK, (ram.stop if at in ram else flash.stop) - at)
        one, other = a.memory.read(at, size), b.memory.read(at, size)
        if one != other:
            first = next(n for n in range(size) if one[n] != other[n])
            yield f"memory {at + first:#x}: {one[first : first + 8].hex(' ')} | {other[first : first + 8].hex(' ')}"


def _events(a: Machine, b: Machine) -> Iterator[str]:
    if a.trace.hash == b.trace.hash:
        return
    ours, theirs = (list(map(machine.trace.describe, machine.trace.last(EVENTS))) for machine in (a, b))
    common = next((n for n, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), None)
    common = min(len(ours), len(theirs)) if common is None else common
    one, other = (events[common] if common < len(events) else "nothing" for events in (ours, theirs))
    yield f"event: {one} | {other}"


def _decisions(a: Playback, b: Playback) -> Iterator[str]:
    pairs = zip(_decided(a.replay), _decided(b.replay), strict=False)
    for one, other in pairs:
        if one != other:
            yield f"decision: {_told(*one)} | {_told(*other)}"
            return


def _told(at: Any, decision: Any) -> str:
    return f"{words(decision) if decision else 'the end'} at {at}"
