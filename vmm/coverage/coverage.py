"""What machines cover: watched while they run, collected when they have, kept in a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vmm.catalog import files_of, shown
from vmm.coverage import file
from vmm.coverage.image import CodeLine, Covered, ImageCoverage, Interrupt, SourceFile, Where, added
from vmm.errors import VmmError
from vmm.inputs.tape import checksum
from vmm.loaders.symbols import Symbols
from vmm.machine.machine import Machine, collected_of
from vmm.output import OutputFile
from vmm.sources import source_of

__all__ = ["Coverage"]


class Coverage:
    """Which instructions had which interrupt delivered before them, over runs of any number of machines and images."""

    def __init__(self) -> None:
        self.images: list[ImageCoverage] = []
        """What was collected, an image each."""
        self.inputs: set[Path] = set()
        """Files that watched machines were made of: none of them is written over."""
        self._watched: list[Machine] = []

    @property
    def watched(self) -> int:
        """Machines that are, and not collected from yet."""
        return len(self._watched)

    def _repr_html_(self) -> str:
        from vmm.coverage.notebook import coverage

        return coverage(self)

    def watch(self, machine: Machine) -> Machine:
        """From its next run on, until `collect`; the machine is given back. VmmError for one without an image, for one
        that is watched already, and while another thread runs it.
        """
        if machine.source is None:
            raise VmmError("a coverage map is of an image: load one into the machine first")
        collected_of(machine).begin()
        self.inputs.update(machine.source.files)
        self._watched.append(machine)
        return machine

    def collect(self) -> None:
        """What the watched machines have done is part of `images` from now on; they are watched no more."""
        watched, self._watched = self._watched, []
        found = [_image_of(machine, covered_by(machine), runs=1) for machine in watched]
        for machine in watched:
            collected_of(machine).end()
        self.images = added([*self.images, *found])

    def add_covered(self, machine: Machine, covered: Covered) -> None:
        """What others have covered of that machine's image, as if it had."""
        self.images = added([*self.images, _image_of(machine, covered, runs=0)])

    def add(self, other: Coverage) -> None:
        """What another one has collected, too; counts add."""
        self.images = added([*self.images, *other.images])
        self.inputs |= other.inputs

    @classmethod
    def load(cls, path: Path | str) -> Coverage:
        """What `save` wrote; VmmError where it is no such file."""
        return cls.parsed(file.read(Path(path)), str(path))

    @classmethod
    def parsed(cls, text: str | bytes, path: str) -> Coverage:
        """What `text` gave, of a file called so; VmmError where it is another text."""
        coverage = cls()
        coverage.images = file.parsed(text, path)
        return coverage

    def save(self, path: Path | str) -> None:
        """Collect, and write all of it; VmmError where that cannot be written, or would go over an image."""
        with OutputFile("coverage", path, inputs=sorted(self.inputs)) as output:
            output.write(self.text())

    def text(self) -> str:
        """Collect, and all of it as a file has it."""
        self.collect()
        return file.text(self.images)


def covered_by(machine: Machine) -> Covered:
    """What it has, since it was begun to collect that."""
    collected = collected_of(machine)
    found = Covered(complete=collected.complete, began=dict(collected.began()))
    for row in collected.delivered():
        key = row.linear, Interrupt(row.number, row.source)
        found.delivered[key] = found.delivered.get(key, 0) + row.times
    return found


def _image_of(machine: Machine, covered: Covered, *, runs: int) -> ImageCoverage:
    assert machine.source is not None
    image = machine.source.image
    found = ImageCoverage(_name(image), checksum(image), machine.architecture, runs=runs)
    found.add(covered)
    symbols = machine.loaded.symbols if machine.loaded else None
    addresses = sorted({*found.began, *(address for address, _ in found.delivered)})
    found.where = {address: _where(symbols, address) for address in addresses}
    if symbols:
        found.files, found.lines = _sources(symbols, found.where.values(), files_of(image)[-1].parent)
    return found


def _name(image: Path) -> str:
    """What it is called, from where the process is."""
    name = Path(shown(image))
    return str(name.relative_to(Path.cwd())) if name.is_relative_to(Path.cwd()) else str(name)


def _where(symbols: Symbols | None, address: int) -> Where:
    if symbols is None:
        return Where()
    row = symbols.row_at(address)
    return Where(*_function(symbols, address), *((row.file, row.number) if row else ()))


def _function(symbols: Symbols, address: int) -> tuple[str, int]:
    symbol = symbols.symbol_at(address)
    return (symbol.name, address - symbol.address) if symbol else ("", 0)


def _sources(
    symbols: Symbols, executed: Iterable[Where], beside: Path
) -> tuple[dict[str, SourceFile], dict[CodeLine, int]]:
    """The files of what was executed, and all their lines that have code."""
    names = sorted({where.file for where in executed if where.file})
    files = {name: _source_file(name, beside) for name in names}
    lines: dict[CodeLine, int] = {}
    for row in symbols.lines():
        if row.file in files:
            lines.setdefault(CodeLine(row.file, row.number, _function(symbols, row.address)[0]), row.address)
    return files, lines


def _source_file(name: str, beside: Path) -> SourceFile:
    path = source_of(name, beside)
    try:
        return SourceFile(str(path), checksum(path)) if path else SourceFile("", "")
    except VmmError:
        return SourceFile("", "")
