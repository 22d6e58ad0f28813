"""Accesses of interrupted code, with a handler's between them, that no order of the two can explain.

Byte by byte, of what really was read and written: two accesses of the interrupted code that follow each other, and
the handler's between them. That a value then was lost, or seen half-done, is certain; whether the program minds is not.
(Lu, Tucek, Qin, Zhou: AVIO, ASPLOS 2006, has the four patterns.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vmm.machine.accesses import Access
from vmm.placements.observed import Step, stack_offset

LOST, TWICE, CHANGED, BETWEEN, TORN_READ, TORN_WRITE = (
    "read-write-write", "read-write-read", "write-write-read", "write-read-write", "torn read", "torn write",
)  # fmt: skip
WORDS = {
    LOST: "lost update",
    TWICE: "read twice, two values",
    CHANGED: "not what was written",
    BETWEEN: "seen between two writes",
    TORN_READ: "torn read",
    TORN_WRITE: "torn write",
}
"""By pattern (interrupted code, handler, interrupted code), and what of a value happens in two accesses."""
RANK = list(WORDS)
CHANGES = {(False, False): TWICE, (True, False): CHANGED, (False, True): LOST}
"""By whether the interrupted code's accesses write: what it is where the handler changed the value between them."""

FRAME_AT_MOST, STACK_AT_MOST = 512, 0x10000
"""Bytes that a delivery moves the stack pointer by, and that a handler needs."""
MOST_INTERRUPTIONS = 15
HALVES_WITHIN = 64
"""Accesses of the interrupted code between two halves of one value."""


class Conflict(NamedTuple):
    """Of neighbouring bytes: three steps, by their place in the run that was observed."""

    pattern: str
    physical: int
    size: int
    before: int
    handler: int
    after: int


@dataclass
class _Byte:
    step: int
    """Of the interrupted code's last access."""
    writes: bool
    value: int
    read: int | None = None
    """The handler's first step that read what that code had left."""
    written: int | None = None
    """And its last that wrote."""


@dataclass
class _Interruption:
    """Of some code, with its step; `dead`: below that code's stack pointer, what the handler's stack takes."""

    step: int
    dead: range


@dataclass
class _Level:
    """Code that runs under so many handlers, as it is interrupted by more."""

    bytes: dict[int, _Byte] = field(default_factory=dict)
    recent: list[tuple[int, Access]] = field(default_factory=list)
    interruptions: list[_Interruption] = field(default_factory=list)
    interrupted: bool = False
    """It is now."""

    def since(self, step: int) -> list[_Interruption]:
        """Those behind a step."""
        return [each for each in self.interruptions if each.step > step]


def conflicts(steps: Sequence[Step | None], vcpu: int) -> list[Conflict]:
    """All there are on one vCPU, the gravest kind first; None: from there on nothing is known of what was before."""
    single: dict[tuple[str, int, int, int], set[int]] = {}
    torn: dict[Conflict, None] = {}
    levels: dict[int, _Level] = {}
    offset = stack_offset([step for step in steps if step and step.vcpu == vcpu])
    for number, step in enumerate(steps):
        if step is None:
            levels.clear()
        if step is None or step.vcpu != vcpu:
            continue
        depth = step.depth + step.delivery
        for deeper in [level for level in levels if level > depth]:
            del levels[deeper]
        for above in range(depth):
            if above in levels:
                _interrupted(levels[above], number, step, offset)
        level = levels.setdefault(depth, _Level())
        level.interrupted = False
        for access in step.accesses:
            torn.update((each, None) for each in _torn(level, number, access, steps))
            for pattern, byte, before, handler in _single(level, number, access):
                single.setdefault((pattern, before, handler, number), set()).add(byte)
            for above in range(depth):
                if above in levels:
                    _handled(levels[above], number, access)
    found = torn
    for (pattern, before, handler, after), addresses in single.items():
        for first, size in _joined(addresses):
            found[_whole(Conflict(pattern, first, size, before, handler, after), steps)] = None
    return sorted(found, key=lambda each: (RANK.index(each.pattern), each.after, each.physical))


def _interrupted(level: _Level, number: int, step: Step, offset: int) -> None:
    """By a step of a handler's: where its stack is, as far as that lies below the interrupted code's."""
    stack = step.stack + offset
    if not level.interrupted:
        level.interrupted = True
        level.interruptions = [*level.interruptions[-MOST_INTERRUPTIONS:], _Interruption(number, range(stack, stack))]
        return
    dead = level.interruptions[-1].dead
    if 0 <= dead.stop - stack <= (STACK_AT_MOST if dead else FRAME_AT_MOST):
        pushed = [each.physical for each in step.accesses if 0 <= stack - each.physical <= FRAME_AT_MOST]
        level.interruptions[-1].dead = range(min([dead.start, stack, *pushed]), dead.stop)


def _handled(level: _Level, number: int, access: Access) -> None:
    for at in range(access.physical, access.end):
        known = level.bytes.get(at)
        if known and access.writes:
            known.written = number
        elif known and known.written is None and known.read is None:
            known.read = number


def _single(level: _Level, number: int, access: Access) -> Iterator[tuple[str, int, int, int]]:
    """The pattern at each byte that it completes: pattern, byte, the step before, the handler's."""
    for at, found, value in zip(range(access.physical, access.end), access.before, access.value, strict=True):
        known = level.bytes.get(at)
        level.bytes[at] = _Byte(number, access.writes, value)
        interruptions = level.since(known.step) if known else []
        if known is None or not interruptions:
            continue
        pattern, handler = None, known.written if known.written is not None else interruptions[-1].step
        if found != known.value:
            pattern = CHANGES.get((known.writes, access.writes))
        if known.writes and access.writes and known.read is not None:
            pattern, handler = BETWEEN, known.read
        if pattern and (pattern == CHANGED or not any(at in each.dead for each in interruptions)):
            yield pattern, at, known.step, handler


def _torn(level: _Level, number: int, access: Access, steps: Sequence[Step | None]) -> Iterator[Conflict]:
    """The other half of an aligned value was accessed in the same way, and both by a handler in between."""
    size = access.size
    level.recent = [*level.recent[-HALVES_WITHIN:], (number, access)]
    if size not in (1, 2, 4, 8) or access.physical % size or not level.interruptions:
        return
    other = access.physical ^ size
    for before, half in reversed(level.recent[:-1]):
        if half.physical != other or half.size != size:
            continue
        if half.writes == access.writes and level.since(before):
            handler = _both(steps, before, number, min(other, access.physical), size, reads=access.writes)
            if handler is not None and not any(other in each.dead for each in level.since(before)):
                yield Conflict(
                    TORN_WRITE if access.writes else TORN_READ, min(other, access.physical), 2 * size, before, handler,
                    number,
                )  # fmt: skip
        return


def _both(steps: Sequence[Step | None], before: int, after: int, first: int, size: int, *, reads: bool) -> int | None:
    """The last step between those two, of handlers that read, or changed, something of each half; None: none did."""
    one = steps[before]
    assert one is not None
    last, halves = None, set()
    for number in range(before + 1, after):
        step = steps[number]
        if step is None:
            return None
        if step.vcpu != one.vcpu or step.depth + step.delivery <= one.depth:
            continue
        for access in step.accesses:
            for half in (0, 1):
                low = first + half * size
                if access.end <= low or access.physical >= low + size:
                    continue
                if (reads and not access.writes) or (not reads and access.writes and access.before != access.after):
                    last = number
                    halves.add(half)
    return last if halves == {0, 1} else None


def _whole(conflict: Conflict, steps: Sequence[Step | None]) -> Conflict:
    """With all the bytes that its three steps access at once."""
    first, end = 0, 1 << 64
    for number in conflict[3:]:
        step = steps[number]
        covering = [
            access for access in (step.accesses if step else ())
            if access.physical <= conflict.physical and access.end >= conflict.physical + conflict.size
        ]  # fmt: skip
        if covering:
            first, end = max(first, covering[-1].physical), min(end, covering[-1].end)
    return conflict._replace(physical=first, size=end - first)


def _joined(addresses: set[int]) -> Iterator[tuple[int, int]]:
    """Neighbours together: first and size."""
    first, size = None, 0
    for at in sorted(addresses):
        if first is not None and at == first + size:
            size += 1
            continue
        if first is not None:
            yield first, size
        first, size = at, 1
    if first is not None:
        yield first, size
