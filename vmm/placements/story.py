"""A run with interrupts in it, told: who read and wrote what in which order, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from vmm.machine.accesses import Access
from vmm.placements.atomicity import (
    BETWEEN,
    CHANGED,
    LOST,
    TORN_READ,
    TORN_WRITE,
    TWICE,
    WORDS,
    Conflict,
    conflicts,
)  # fmt: skip
from vmm.placements.observed import Observed, Step, seen_by, stack_offset

CONTEXT = 2
"""Instructions shown around each interrupt."""
HANDLERS_FIRST = 2
"""Of a handler, from its beginning."""
EXPLAINED = 3
"""Conflicts, at most."""
LONGEST_VALUE = 16
"""Bytes of a value that is shown."""
NEAR_STACK = 256
"""Bytes from the stack pointer: what is nearer is a variable of the code's own."""
CODE = 44
"""Columns of an instruction."""
SHARED_BEFORE, SHARED_BEHIND = 4, 12
"""Steps that access what several vCPUs do: so many before the first that was placed, and behind it."""


class Moment(NamedTuple):
    """Of a story, to be put on a timeline."""

    insns: int
    """Instructions of the run begun before."""
    vcpu: int
    where: str
    words: str
    began: bool
    """It is what that instruction does, or comes of it; else it comes before the instruction."""


class Story:
    """Of what is observed, from instruction `first` on."""

    def __init__(self, observed: Observed, first: int) -> None:
        self._observed, self._first = observed, first
        self._gaps: set[int] = set()
        self._happenings: dict[int, list[str]] = {}
        """By the step before which they come, with their places."""

    def gap(self) -> None:
        """What comes next was not observed."""
        self._gaps.add(len(self._observed.steps))

    def happens(self, source: str) -> None:
        """Now."""
        where = self._observed.machine.where(self._observed.current.pc)
        self._happenings.setdefault(len(self._observed.steps), []).append(f"{source} at {where}")

    def conflicts(self) -> list[Conflict]:
        """All there are, on every vCPU."""
        steps = self._observed.steps
        # A gap takes no place of its own: the step behind it is told as unknown, then as itself.
        vcpus = sorted({step.vcpu for step in steps})
        start = max(self._gaps, default=0)
        unknown: list[Step | None] = [None] * start
        return [each for vcpu in vcpus for each in conflicts([*unknown, *seen_by(vcpu, steps[start:])], vcpu)]

    def lines(self) -> list[str]:
        """What is worth telling, and what it means."""
        explained = self._explained(self.conflicts())
        shown = self._shown(explained)
        lines, last = list[str](), -1
        for number in sorted(shown):
            if last >= 0 and number > last + 1:
                lines.append(f"         ... {_count(self._observed.steps[last + 1 : number])}")
            lines += self._happenings.get(number, ())
            lines += self._told(number)
            last = number
        if len(self._observed.steps) in self._happenings:
            lines += self._happenings[len(self._observed.steps)]
        lines += [self.meaning(each) for each in explained]
        lines += self._early_told()
        return lines + list(self._under_way())

    def moments(self) -> list[Moment]:
        """The same with the instruction of the run that each is of: what happens, what is executed, what it means."""
        steps, explained = self._observed.steps, self._explained(self.conflicts())
        found = list[Moment]()
        for number in sorted({*self._shown(explained), *(n for n in self._happenings if n < len(steps))}):
            step = steps[number]
            where = self._observed.machine.where(step.pc)
            came = (each.partition(" at ")[0] for each in self._happenings.get(number, ()))
            found += [Moment(step.insns, step.vcpu, where, source, began=False) for source in came]
            texts = []
            if step.executed and not step.delivery:
                texts.append(f"{step.code}{self._accessed(step)}")
            texts += [self.meaning(each) for each in explained if each.after == number]
            found += [Moment(step.insns, step.vcpu, where, text, began=True) for text in texts]
        return found

    def _early(self) -> dict[str, list[int]]:
        """Steps that read what a transfer has still to write, by whose it is."""
        found: dict[str, list[int]] = {}
        for number, step in enumerate(self._observed.steps):
            for _, whose in step.early:
                found.setdefault(whose, []).append(number)
        return found

    def _early_told(self) -> Iterator[str]:
        for whose, numbers in self._early().items():
            accesses = [access for n in numbers for access, of in self._observed.steps[n].early if of == whose]
            read = {at for each in accesses for at in range(each.physical, each.end)}
            what = f"{self._name(min(read))} ({len(read)} byte{'s' * (len(read) != 1)})"
            yield f"read before {whose} has written it: {what}, from {self._place(numbers[0])} on"

    def _under_way(self) -> Iterator[str]:
        """Of the last interrupt, the handler."""
        steps = self._observed.steps
        last = max(self._happenings, default=len(steps))
        if last < len(steps) and steps[-1].depth > steps[last].depth:
            yield "its handler has not returned when this ends"

    def _explained(self, found: Sequence[Conflict]) -> list[Conflict]:
        """The gravest that an interrupt of the placement comes between, one of each kind and place. That an instruction
        which is executed again finds another value is what polling is for, and counting.
        """
        places: dict[tuple[object, ...], Conflict] = {}
        steps = self._observed.steps
        first = min(self._happenings, default=len(steps))
        for each in found:
            again = each.pattern in REPEATED and steps[each.before].pc == steps[each.after].pc
            if each.handler < first or again:
                continue
            places.setdefault((each.pattern, *(steps[n].pc for n in (each.before, each.handler, each.after))), each)
        return list(places.values())[:EXPLAINED]

    def _shown(self, explained: Iterable[Conflict]) -> set[int]:
        steps = self._observed.steps
        shown = {number for each in explained for number in (each.before, each.handler, each.after)}
        shown |= {number for each in explained for number in self._handled(each)}
        shown |= set(self._meeting())
        shown |= {n for numbers in self._early().values() for n in (numbers[0], numbers[-1])}
        for number in self._happenings:
            shown |= set(range(max(number - CONTEXT, 0), min(number + 1, len(steps))))
        for number, step in enumerate(steps):
            near = any(0 <= number - each < 4 for each in self._happenings)
            if step.delivery and near:
                shown |= set(range(number, min(number + 1 + HANDLERS_FIRST, len(steps))))
                shown |= set(self._return(number))
        return shown | {number for number in (len(steps) - 1,) if number >= 0}

    def _meeting(self) -> Iterator[int]:
        """Steps of several vCPUs that access the same bytes, and one writes."""
        steps = self._observed.steps
        users: dict[int, set[int]] = {}
        for step in steps:
            for each in step.accesses:
                for at in range(each.physical, each.end):
                    users.setdefault(at, set()).add(step.vcpu)
        shared = {at for at, who in users.items() if len(who) > 1} & self._written
        meeting = [
            number for number, step in enumerate(steps) if any(each.physical in shared for each in step.accesses)
        ]
        first = min(self._happenings, default=len(steps))
        ahead, behind = ([n for n in meeting if (n < first) == before] for before in (True, False))
        yield from (*ahead[-SHARED_BEFORE:], *behind[:SHARED_BEHIND])

    def _handled(self, conflict: Conflict) -> list[int]:
        """The first and last steps of handlers that access what it is about."""
        steps = self._observed.steps
        depth, end = steps[conflict.before].depth, conflict.physical + conflict.size
        found = [
            number for number in range(conflict.before + 1, conflict.after)
            if (steps[number].depth > depth or steps[number].vcpu != steps[conflict.before].vcpu)
            and any(each.physical < end and each.end > conflict.physical for each in steps[number].accesses)
        ]  # fmt: skip
        return found[:2] + found[2:][-2:]

    def _return(self, delivery: int) -> Iterator[int]:
        """Its handler's last step, and the instructions that were interrupted."""
        steps = self._observed.steps
        entered = steps[delivery]
        for number in range(delivery + 1, len(steps)):
            if steps[number].vcpu == entered.vcpu and steps[number].depth <= entered.depth:
                yield from range(number - 1, min(number + CONTEXT, len(steps)))
                return

    def _told(self, number: int) -> Iterator[str]:
        step = self._observed.steps[number]
        indent = "  " * (step.depth + 1)
        if self._several:
            indent = f"  vCPU {step.vcpu}{indent}"
        if step.executed and not step.delivery:
            where = self._observed.machine.where(step.pc)
            code = f"{indent}{step.code}"
            yield f"{step.insns - self._first:6} {code:{CODE}}  {where}{self._accessed(step)}"
        if step.event:
            yield f"{'':6} {indent}{step.event.partition(' at 0x')[0]}"

    def _accessed(self, step: Step) -> str:
        """The values it read and wrote of what has a name and is written at all: so no descriptors, no constants."""
        words = [
            self._access(each)
            for each in step.accesses
            if each.size <= LONGEST_VALUE and each.physical in self._written and not self._is_on_stack(step, each)
        ]
        return "  " + ", ".join(dict.fromkeys(words)) if words else ""

    @cached_property
    def _several(self) -> bool:
        """More than one vCPU has a part in it."""
        return len({step.vcpu for step in self._observed.steps}) > 1

    @cached_property
    def _written(self) -> set[int]:
        every = (access for step in self._observed.steps for access in step.accesses if access.writes)
        return {at for access in every for at in range(access.physical, access.end)}

    def _is_on_stack(self, step: Step, access: Access) -> bool:
        return abs(access.physical - step.stack - self._offset) < NEAR_STACK

    @cached_property
    def _offset(self) -> int:
        return stack_offset(self._observed.steps)

    def _access(self, access: Access) -> str:
        name, value = self._name(access.physical), _number(access.value)
        if not access.writes:
            return f"reads {name} = {value}"
        return f"writes {name} = {value} (was {_number(access.before)})"

    def _name(self, physical: int) -> str:
        return self._observed.name(physical)

    def _place(self, number: int) -> str:
        step = self._observed.steps[number]
        if step.delivery:
            return "the delivery"
        return self._observed.machine.where(step.pc).partition(" ")[2] or f"{step.pc:#x}"

    def meaning(self, conflict: Conflict) -> str:
        """What is certain of it, in a sentence."""
        name = self._name(conflict.physical)
        sentence = SENTENCES[conflict.pattern].format(
            **{
                role: self._place(number)
                for role, number in zip(("before", "handler", "after"), conflict[3:], strict=True)
            },
            was=self._value(conflict, conflict.before), became=self._value(conflict, conflict.after, found=True),
            now=self._value(conflict, conflict.after), other=self._other(conflict),
        )  # fmt: skip
        return f"{WORDS[conflict.pattern]} of {name} ({conflict.size} byte{'s' * (conflict.size != 1)}): {sentence}"

    def _other(self, conflict: Conflict) -> str:
        """Who came between."""
        one, other = (self._observed.steps[number] for number in (conflict.before, conflict.handler))
        return "the handler" if one.vcpu == other.vcpu else f"vCPU {other.vcpu}"

    def _value(self, conflict: Conflict, number: int, *, found: bool = False) -> str:
        """Of what it is about, as that step read or left it; `found`: as it was there."""
        for access in self._observed.steps[number].accesses[:: 1 if found else -1]:
            first = conflict.physical - access.physical
            if first >= 0 and first + conflict.size <= access.size:
                return _number((access.before if found else access.value)[first : first + conflict.size])
        return "what it is"


REPEATED = frozenset({TWICE, CHANGED, BETWEEN})
SENTENCES = {
    LOST: "read as {was} at {before}, made {became} by {other} at {handler}, and overwritten with {now} at {after} "
    "without being read again",
    TWICE: "read as {was} at {before}, made {became} by {other} at {handler}, read as {now} at {after}",
    CHANGED: "made {was} at {before} and {became} by {other} at {handler}, read as {now} at {after}",
    BETWEEN: "made {was} at {before}, read by {other} at {handler}, made {now} at {after}",
    TORN_READ: "one half is read at {before}, the other at {after}, and between them {other} changes both, the "
    "last at {handler}: half of it is old, half new",
    TORN_WRITE: "one half is written at {before}, the other at {after}, and between them {other} reads both, the "
    "last at {handler}: half of it is old, half new",
}
"""By pattern, what happened; not whether the program minds."""


def _number(data: bytes) -> str:
    value = int.from_bytes(data, "little")
    return str(value) if value < 10 else f"{value:#x}"


def _count(steps: Sequence[Step]) -> str:
    count = sum(step.executed and not step.delivery for step in steps)
    return f"{count} instruction{'s' * (count != 1)}"
