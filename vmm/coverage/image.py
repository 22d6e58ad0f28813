"""The coverage of one image over any number of runs, as plain data that can be added up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Interrupt(NamedTuple):
    """What was delivered."""

    number: int
    """Vector or INTID."""
    source: str
    """"IRQ 4", "SPI 5", "NMI"…"""


class Where(NamedTuple):
    """What the image's tables say of an instruction."""

    function: str = ""
    """The symbol; empty: none is known."""
    offset: int = 0
    """Bytes from there."""
    file: str = ""
    """Of its source line, by its name in `ImageCoverage.files`; empty: none is known."""
    line: int = 0


class CodeLine(NamedTuple):
    """A source line that has instructions in a function, executed or not."""

    file: str
    line: int
    function: str


class SourceFile(NamedTuple):
    """Where it lay when it was collected, and its SHA-256 then; empty where it was not found."""

    path: str
    sha256: str


@dataclass(kw_only=True)
class Covered:
    """What runs covered, by linear addresses."""

    complete: bool = True
    """Nothing was left out for want of room."""
    began: dict[int, int] = field(default_factory=dict)
    """Instructions that began: OPEN where a maskable interrupt could have come before it, MASKED where none could,
    or both, of `vmm.machine.collected`.
    """
    delivered: dict[tuple[int, Interrupt], int] = field(default_factory=dict)
    """How often an interrupt came before the instruction at an address."""

    def add(self, other: Covered) -> None:
        """Of other runs; counts add."""
        self.complete = self.complete and other.complete
        for address, bits in other.began.items():
            self.began[address] = self.began.get(address, 0) | bits
        for key, count in other.delivered.items():
            self.delivered[key] = self.delivered.get(key, 0) + count

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "complete": self.complete, "began": list(self.began.items()),
            "delivered": [[address, *interrupt, times] for (address, interrupt), times in self.delivered.items()],
        }  # fmt: skip

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Covered:
        """What `plain` gave."""
        delivered = {(address, Interrupt(number, source)): n for address, number, source, n in raw["delivered"]}
        return cls(complete=raw["complete"], began=dict(raw["began"]), delivered=delivered)


@dataclass
class ImageCoverage(Covered):
    """One image, known by its checksum."""

    name: str
    sha256: str
    architecture: str
    runs: int = 0
    """Machines that ran it."""
    where: dict[int, Where] = field(default_factory=dict)
    """Of every instruction of `began` and `delivered`."""
    lines: dict[CodeLine, int] = field(default_factory=dict)
    """First addresses, of all lines of files of which something was executed."""
    files: dict[str, SourceFile] = field(default_factory=dict)

    def join(self, other: ImageCoverage) -> None:
        """The same image's; counts add."""
        self.add(other)
        self.runs += other.runs
        self.where |= other.where
        self.lines |= other.lines
        for name, file in other.files.items():
            self.files[name] = max(file, self.files.get(name, file), key=lambda each: (bool(each.sha256), each))


def added(parts: list[ImageCoverage]) -> list[ImageCoverage]:
    """Each image once, in the order of their names: the same in whatever order they come."""
    found: dict[tuple[str, str], ImageCoverage] = {}
    for part in sorted(parts, key=lambda each: (each.name, each.sha256)):
        key = (part.sha256, part.architecture)
        image = found.setdefault(key, ImageCoverage(part.name, part.sha256, part.architecture))
        image.join(part)
        image.name = min(image.name, part.name, key=lambda each: (len(each), each))
    return sorted(found.values(), key=lambda each: (each.name, each.sha256))
