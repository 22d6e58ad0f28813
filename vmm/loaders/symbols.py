"""Names and source lines of an ELF image, through pyelftools and only when somebody asks. Names are printable here, so
that no image writes control characters into a table, a pane or a log.
"""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from vmm.errors import VmmError, nearest, printable, unknown

MAPPING = re.compile(r"\$[adtx](\..*)?")
"""What an assembler says of code and data (ELF for the Arm Architecture, 5.5.5): no names."""
NAMED = ("STT_NOTYPE", "STT_OBJECT", "STT_FUNC")


class Symbol(NamedTuple):
    """A named address range. Labels in assembler source have no size of their own: they reach to the next one."""

    address: int
    end: int
    name: str


class Line(NamedTuple):
    """A row of the line table: `place` ("file.S:12") from `address` to the next row; None where a sequence ends,
    and for what a compiler adds of its own.
    """

    address: int
    place: str | None
    path: str = ""
    """Of the file, as far as the table knows it."""
    number: int = 0
    """Of the line."""

    @property
    def file(self) -> str:
        """What its file is called: its path, else its name."""
        return self.path or (self.place or "").rpartition(":")[0]


class Symbols:
    """The symbol and line tables of one image; addresses are those the image was linked at."""

    def __init__(self, path: Path | str, data: bytes) -> None:
        self._path = path
        self._data = data

    def address(self, name: str) -> int:
        """The value of the symbol; VmmError with the nearest name if there is none."""
        values = self._tables.values
        if not values:
            raise VmmError(f"{self._path}: no symbol {name!r}: the image has no symbol table that can be read")
        if name not in values:
            raise unknown("symbol", name, values)
        return values[name]

    def has(self, name: str) -> bool:
        """Whether there is such a symbol."""
        return name in self._tables.values

    def names(self) -> list[str]:
        """Of what lies in its sections, in the order of their addresses."""
        return list(dict.fromkeys(symbol.name for symbol in self._tables.ranges))

    def nearest(self, name: str) -> str | None:
        """The symbol that `name` may be meant to be."""
        return nearest(name, self._tables.values)

    def lines(self) -> Iterator[Line]:
        """The rows that are source lines, in the order of their addresses."""
        return (line for line in self._lines if line.place is not None)

    def place(self, address: int) -> tuple[str | None, str | None]:
        """`name_at` and `line_at`."""
        return self.name_at(address), self.line_at(address)

    def name_at(self, address: int) -> str | None:
        """`symbol`, `symbol+0x12`, or None outside the image's sections."""
        symbol = self.symbol_at(address)
        if symbol is None:
            return None
        offset = address - symbol.address
        return f"{symbol.name}+{offset:#x}" if offset else symbol.name

    def symbol_at(self, address: int) -> Symbol | None:
        """The one that it lies in."""
        ranges = self._tables.ranges
        index = bisect_right(ranges, address, key=lambda symbol: symbol.address) - 1
        return ranges[index] if index >= 0 and address < ranges[index].end else None

    def line_at(self, address: int) -> str | None:
        """`file.S:12`, from the DWARF line table; None where it says nothing."""
        row = self.row_at(address)
        return row.place if row else None

    def row_at(self, address: int) -> Line | None:
        """The row that says so."""
        index = bisect_right(self._lines, address, key=lambda line: line.address) - 1
        return self._lines[index] if index >= 0 and self._lines[index].place is not None else None

    @cached_property
    def _tables(self) -> Tables:
        # What pyelftools raises on damaged tables is any exception at all; such tables are as good as none, and those
        # who ask for a name want it to explain something worse.
        try:
            return _tables(self._open())
        except Exception:
            return Tables({}, [])

    @cached_property
    def _lines(self) -> list[Line]:
        try:
            return _lines(self._open())
        except Exception:
            return []

    def _open(self) -> Any:
        from elftools.elf.elffile import ELFFile

        return ELFFile(io.BytesIO(self._data))


class Tables(NamedTuple):
    """The symbol table by name and by address."""

    values: dict[str, int]
    ranges: list[Symbol]
    """Sorted, without overlap in their starts."""


def _tables(elf: Any) -> Tables:
    table = elf.get_section_by_name(".symtab")
    if table is None:
        return Tables({}, [])
    mapped = elf["e_machine"] in ("EM_ARM", "EM_AARCH64")
    symbols = [
        symbol
        for symbol in table.iter_symbols()
        if symbol.name
        and symbol["st_info"]["type"] in NAMED
        and symbol["st_shndx"] != "SHN_UNDEF"
        and not (mapped and MAPPING.fullmatch(symbol.name))
    ]
    symbols.sort(key=lambda symbol: symbol["st_info"]["bind"] == "STB_LOCAL")  # of two with one name, the global one
    thumb = elf["e_machine"] == "EM_ARM"
    values: dict[str, int] = {}
    by_section: dict[int, dict[int, Any]] = {}
    for symbol in symbols:
        value = symbol["st_value"]
        if thumb and symbol["st_info"]["type"] == "STT_FUNC":
            value &= ~1  # bit 0 says that it is Thumb code (ELF for the Arm Architecture, 5.5.3)
        values.setdefault(printable(symbol.name), value)
        section = symbol["st_shndx"]
        if isinstance(section, int):  # an absolute symbol is a number, not a place
            by_section.setdefault(section, {}).setdefault(value, symbol)
    ranges = [row for section, places in by_section.items() for row in _ranges(elf.get_section(section), places)]
    return Tables(values, sorted(ranges))


def _ranges(section: Any, places: dict[int, Any]) -> list[Symbol]:
    starts = sorted(places)
    ends = [*starts[1:], section["sh_addr"] + section["sh_size"]]
    return [
        Symbol(
            start,
            start + places[start]["st_size"] if places[start]["st_size"] else end,
            printable(places[start].name),
        )
        for start, end in zip(starts, ends, strict=True)
        if start < end
    ]


def _lines(elf: Any) -> list[Line]:
    dwarf = elf.get_dwarf_info()
    rows = [row for unit in dwarf.iter_CUs() for row in unit_lines(dwarf.line_program_for_CU(unit))]
    # A sequence may begin where another one ends: the end first. Of rows at one address the last one counts.
    return sorted(rows, key=lambda line: (line.address, line.place is not None))


def unit_lines(program: Any) -> list[Line]:
    """The rows of one unit's line program, pyelftools' LineProgram or None, in its own order."""
    if program is None:
        return []
    header = program.header
    first = 0 if header["version"] >= 5 else 1  # the number of the first file: DWARF 5, section 6.2.4
    paths = [_path(header, entry) for entry in header["file_entry"]]
    names = [Path(path).name for path in paths]
    return [
        Line(state.address, None)
        if state.end_sequence or not state.line  # 0: of no source line (DWARF 5, section 6.2.2)
        else Line(state.address, f"{names[state.file - first]}:{state.line}", paths[state.file - first], state.line)
        for entry in program.get_entries()
        if (state := entry.state) is not None
    ]


def _path(header: Any, entry: Any) -> str:
    """Of a file: in a directory of the table, which up to DWARF 4 begins with number 1 (6.2.4)."""
    name = printable(entry["name"].decode(errors="replace"))
    directories = header.get("include_directory") or ()
    index = entry.get("dir_index", 0) - (0 if header["version"] >= 5 else 1)
    if not 0 <= index < len(directories):
        return name
    return str(Path(printable(directories[index].decode(errors="replace")), name))
