"""What a coverage map comes to, by function and source line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from vmm.arch import named
from vmm.coverage.image import ImageCoverage, Interrupt, Where
from vmm.machine.collected import OPEN

INTERRUPTED, NEVER, MASKED, NOT_EXECUTED = "interrupted", "never interrupted", "masked", "not executed"
"""Of a boundary, the one before an instruction: something was delivered there; nothing was, though it could have been;
maskable interrupts could not come whenever it was executed.
"""
MOST_NAMED = 3
"""Functions that a summary of one line names."""


@dataclass
class Tally:
    """Of some boundaries."""

    kinds: Counter[str] = field(default_factory=Counter)
    by: Counter[Interrupt] = field(default_factory=Counter)
    """How often each interrupt was delivered."""

    @property
    def boundaries(self) -> int:
        """All of them."""
        return sum(self.kinds.values())

    @property
    def kind(self) -> str:
        """What there is to tell first: something that was never interrupted, though it could have been."""
        return next((kind for kind in (NEVER, INTERRUPTED, MASKED) if self.kinds[kind]), NOT_EXECUTED)

    def add(self, other: Tally) -> None:
        """Those of another one, too."""
        self.kinds += other.kinds
        self.by += other.by

    def plain(self, architecture: str) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "boundaries": self.boundaries,
            "interrupted": self.kinds[INTERRUPTED], "never_interrupted": self.kinds[NEVER],
            "masked": self.kinds[MASKED],
            "delivered": [
                {"number": each.number, "source": each.source, "name": told(each, architecture), "times": times}
                for each, times in sorted(self.by.items())
            ],
        }  # fmt: skip


@dataclass
class Line:
    """Of source: its boundaries, none where it was not executed."""

    file: str
    number: int
    tally: Tally = field(default_factory=Tally)

    def __str__(self) -> str:
        return f"{self.file}:{self.number}" if self.file else "(no source line)"


@dataclass
class Function:
    """A symbol's; without boundaries where it was not executed."""

    name: str
    address: int
    """Of its first boundary, or of its first line."""
    tally: Tally = field(default_factory=Tally)
    lines: dict[tuple[str, int], Line] = field(default_factory=dict)
    boundaries: list[Boundary] = field(default_factory=list)

    def __str__(self) -> str:
        return self.name or "(no symbol)"


@dataclass(frozen=True)
class Boundary:
    """Before one instruction."""

    address: int
    where: Where
    kind: str
    by: dict[Interrupt, int]

    @property
    def name(self) -> str:
        """Symbol and offset, or the address."""
        if not self.where.function:
            return f"{self.address:#x}"
        return f"{self.where.function}{f'+{self.where.offset:#x}' if self.where.offset else ''}"


class Summary:
    """Of one image."""

    def __init__(self, image: ImageCoverage) -> None:
        self.image = image
        self.total = Tally()
        self.functions: list[Function] = []
        by: dict[int, dict[Interrupt, int]] = {}
        for (address, interrupt), times in sorted(image.delivered.items()):
            by.setdefault(address, {})[interrupt] = times
        found: dict[str, Function] = {}
        for address, where in sorted(image.where.items()):
            here = Boundary(address, where, _kind(image.began.get(address, 0), address in by), by.get(address, {}))
            function = found.setdefault(where.function, Function(where.function, address))
            _note(function, here)
        executed = {line for function in found.values() for line in function.lines}
        for code, address in sorted(image.lines.items(), key=lambda each: each[1]):
            if (code.file, code.line) not in executed:
                function = found.setdefault(code.function, Function(code.function, address))
                function.lines.setdefault((code.file, code.line), Line(code.file, code.line))
        self.functions = sorted(found.values(), key=lambda each: each.address)
        for function in self.functions:
            self.total.add(function.tally)
        self.not_executed = len({(each.file, each.line) for each in image.lines} - executed)
        """Source lines, of files of which something was executed."""

    def lines(self) -> dict[tuple[str, int], Tally]:
        """Those with code, by file and number, whatever function they are in; without boundaries: not executed."""
        found = {(each.file, each.line): Tally() for each in self.image.lines}
        for function in self.functions:
            for place, line in function.lines.items():
                found.setdefault(place, Tally()).add(line.tally)
        return found

    def title(self) -> str:
        """What it comes to, in a line."""
        image, kinds = self.image, self.total.kinds
        runs = f"{image.runs} run{'s' if image.runs != 1 else ''}"
        lines = f"; {self.not_executed} source line{'s' if self.not_executed != 1 else ''} not executed"
        return (
            f"{image.name}: {runs}, {self.total.boundaries} boundaries: {kinds[INTERRUPTED]} interrupted, "
            f"{kinds[NEVER]} never, though not masked, {kinds[MASKED]} masked{lines if image.lines else ''}"
        )

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        image = self.image
        return {
            "name": image.name, "sha256": image.sha256, "architecture": image.architecture, "runs": image.runs,
            "complete": image.complete, **self.total.plain(image.architecture), "lines_not_executed": self.not_executed,
            "functions": [
                {
                    "name": each.name, "address": each.address, **each.tally.plain(image.architecture),
                    "lines": [
                        {"file": line.file, "line": line.number, **line.tally.plain(image.architecture)}
                        for line in each.lines.values()
                    ],
                }
                for each in self.functions
            ],
        }  # fmt: skip


def _kind(began: int, delivered: bool) -> str:
    if delivered:
        return INTERRUPTED
    return NEVER if began & OPEN else MASKED


def _note(function: Function, here: Boundary) -> None:
    one = Tally(Counter({here.kind: 1}), Counter(here.by))
    function.boundaries.append(here)
    function.tally.add(one)
    place = here.where.file, here.where.line
    function.lines.setdefault(place, Line(*place)).tally.add(one)


def told(interrupt: Interrupt, architecture: str) -> str:
    """As tables show it: "0x25 IRQ 5", "37 SPI 5", "0x02 NMI"."""
    return f"{named(architecture).words().number(*interrupt)} {interrupt.source}"


def times_told(by: dict[Interrupt, int], architecture: str) -> str:
    """Interrupts and how often each came, in words."""
    return ", ".join(f"{told(each, architecture)} ×{times}" for each, times in sorted(by.items()))


def in_short(summaries: Iterable[Summary]) -> list[str]:
    """A few lines for the end of a test session: of each image, and the functions that were interrupted too rarely."""
    lines = []
    for summary in summaries:
        lines.append(summary.title())
        missing = [each for each in summary.functions if each.tally.kinds[NEVER]]
        missing.sort(key=lambda each: -each.tally.kinds[NEVER])
        parts = [f"{each} {each.tally.kinds[NEVER]} of {each.tally.boundaries}" for each in missing[:MOST_NAMED]]
        more = f", and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        if parts:
            lines.append(f"  with boundaries never interrupted: {', '.join(parts)}{more}")
        if not summary.image.complete:
            lines.append("  more was executed or delivered than there is room for: this is not all")
    return lines
