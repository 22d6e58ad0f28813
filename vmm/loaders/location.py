"""A place in a guest as people write it, and as `Machine.where` prints it.

symbol, symbol+0x10, symbol-4             of the image's symbol table
file.c:94, dir/file.c:94                  the lowest address of that source line
0x1002dc, 1049308, 0000000000100408       a linear address; the last as `-d int` and register dumps have it
0x1002dc handler+0x8 file.c:94            all of it, which must fit together
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from vmm.errors import VmmError, unknown, within

if TYPE_CHECKING:
    from vmm.loaders.symbols import Line, Symbols

Where = str | int
"""A location: as above, or a linear address as a number."""

ADDRESSES = 1 << 64
MOST_NAMED = 4
"""Files of one name that a message lists."""

_OFFSET = re.compile(r"(.*\S)\s*([+-])\s*(0x[0-9a-f]+|\d+)", re.IGNORECASE)
_LINE = re.compile(r"(.+):(\d+)")
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)
_DUMPED = re.compile(r"[0-9a-f]{16}|0[0-9a-f]{7}", re.IGNORECASE)
"""A register of 64 or 32 bits as a dump prints it: hexadecimal, though nothing says so."""


def address_of(where: Where, symbols: Symbols | None) -> int:
    """The linear address; VmmError for what the image has not, with the nearest that it has."""
    if isinstance(where, str):
        return within_memory(_resolve(where, symbols))
    try:
        return within_memory(int(where.__index__()))
    except AttributeError:
        raise _no_location(where) from None


def within_memory(address: int) -> int:
    """It is one of 64 bits."""
    within("address", address, ADDRESSES)
    return address


def _resolve(text: str, symbols: Symbols | None) -> int:
    if symbols and symbols.has(text):
        return symbols.address(text)
    first, *others = text.rstrip(" :,;").split() or [""]  # as a sentence has it behind a place
    if not others or others[0][0] in "+-":  # spaces around an offset
        return _single(text.strip(" :,;"), symbols)
    address = _single(first, symbols)
    place = symbols.place(address) if symbols else ()
    for other in others:
        if other not in place:
            here = " ".join(filter(None, place)) or "nothing that this image names"
            raise VmmError(f"{text!r}: {first} is {here}, not {other}")
    return address


def _single(text: str, symbols: Symbols | None) -> int:
    if not text:
        raise _no_location(text)
    if _DUMPED.fullmatch(text):
        return int(text, 16)
    if _NUMBER.fullmatch(text):
        return _number(text)
    if offset := _OFFSET.fullmatch(text):
        by = _number(offset[3]) * (1 if offset[2] == "+" else -1)
        tail = f"{offset[2]}{offset[3]}"
        return _base(offset[1], symbols, tail) + by
    return _base(text, symbols, "")


def _base(text: str, symbols: Symbols | None, tail: str) -> int:
    """Of what an offset, as written in `tail`, is added to."""
    if _NUMBER.fullmatch(text):
        return _number(text)
    if symbols is None:
        raise VmmError(f"no symbol {text!r}: the image has no symbol table")
    if line := _LINE.fullmatch(text):
        return line_address(line[1], int(line[2]), symbols)
    if not symbols.has(text) and tail and (near := symbols.nearest(text)):
        raise VmmError(f"unknown symbol {text!r}; did you mean {near + tail!r}?")
    return symbols.address(text)


def _number(text: str) -> int:
    return int(text, 16) if text[:2].lower() == "0x" else int(text)


def line_address(file: str, number: int, symbols: Symbols) -> int:
    """The lowest address of a source line, `file` by its last parts; VmmError with the nearest that has code."""
    rows = list(symbols.lines())
    if not rows:
        raise VmmError(f"no line {file}:{number}: the image has no line table (build it with -g)")
    wanted = _parts(file)
    of_file = [row for row in rows if _parts(row.path)[-len(wanted) :] == wanted]
    if not of_file:
        known = {row.path.rpartition("/")[2] for row in rows}
        raise unknown("source file", file, known)
    at_line = [row for row in of_file if row.number == number]
    if not at_line:
        raise VmmError(f"no code at {file}:{number}; did you mean '{file}:{_nearest(number, of_file)}'?")
    paths = {row.path for row in at_line}
    if len(paths) > 1:
        raise VmmError(f"{file}:{number} is in several files: {_some(paths, number)}")
    return min(row.address for row in at_line)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _nearest(number: int, rows: Iterable[Line]) -> int:
    """The next line that has code, as a debugger moves on to; behind the last, that."""
    numbers = {row.number for row in rows}
    return min((each for each in numbers if each > number), default=max(numbers))


def _some(paths: Iterable[str], number: int) -> str:
    names = [f"{path}:{number}" for path in sorted(paths)]
    return ", ".join(names[:MOST_NAMED]) + ("…" if len(names) > MOST_NAMED else "")


def _no_location(where: object) -> VmmError:
    return VmmError(f"{where!r} is no location: a symbol, symbol+0x10, file.c:94 or an address such as 0x1002dc is")
