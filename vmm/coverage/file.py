"""A coverage map as a file: JSON, an image each, tables of rows of plain numbers and indices into lists of names.

{"vmm coverage": 1, "images": [{"name": "lost.S", "sha256": "…", "architecture": "x86", "runs": 1, "complete": true,
 "functions": ["begin", …], "files": [["lost.S", "/home/me/lost.S", "<SHA-256>"], …],
 "interrupts": [[37, "IRQ 5"], …],
 "instructions": [[address, began, function, offset, file, line], …],
 "delivered": [[address, interrupt, times], …], "lines": [[file, line, function, first address], …]}, …]}

`began`: 1 where a maskable interrupt could have come before it, 2 where none could, 3 both, 0 it never began. Names are
by their number in the lists, -1: none.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from vmm.arch import ARCHITECTURES
from vmm.coverage.image import CodeLine, ImageCoverage, Interrupt, SourceFile, Where, added
from vmm.errors import VmmError

FORMAT = 1
NAME = "vmm coverage"
WORDS = 1 << 64
STATES = 4
T = TypeVar("T")


def text(images: list[ImageCoverage]) -> str:
    """A row a line, so that two files can be compared."""
    parts = [_image(each) for each in images]
    return f'{{"{NAME}": {FORMAT}, "images": [\n{",".join(parts)}]}}\n'


def _image(image: ImageCoverage) -> str:
    interrupts = sorted({interrupt for _, interrupt in image.delivered})
    functions = sorted({*(each.function for each in image.where.values()), *(each.function for each in image.lines)})
    files = sorted(image.files)
    number: dict[object, int] = {
        **{("function", name): n for n, name in enumerate(functions)},
        **{("file", name): n for n, name in enumerate(files)},
        **{interrupt: n for n, interrupt in enumerate(interrupts)},
    }  # fmt: skip
    rows: dict[str, list[Any]] = {
        "functions": functions,
        "files": [[name, *image.files[name]] for name in files],
        "interrupts": [list(each) for each in interrupts],
        "instructions": [
            [
                address, image.began.get(address, 0), number["function", where.function], where.offset,
                number.get(("file", where.file), -1), where.line,
            ]
            for address, where in sorted(image.where.items())
        ],
        "delivered": [
            [address, number[interrupt], times] for (address, interrupt), times in sorted(image.delivered.items())
        ],
        "lines": [
            [number["file", each.file], each.line, number["function", each.function], address]
            for each, address in sorted(image.lines.items())
        ],
    }  # fmt: skip
    facts = {
        "name": image.name, "sha256": image.sha256, "architecture": image.architecture, "runs": image.runs,
        "complete": image.complete,
    }  # fmt: skip
    tables = "".join(f',\n "{name}": {_table(table)}' for name, table in rows.items())
    return f"{json.dumps(facts)[:-1]}{tables}}}\n"


def _table(rows: list[Any]) -> str:
    return "[" + ",".join(f"\n  {json.dumps(row)}" for row in rows) + "]"


def read(path: Path) -> bytes:
    """VmmError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise VmmError(f"{path}: {error.strerror}") from error


def parsed(data: bytes | str, path: str) -> list[ImageCoverage]:
    """What a file at `path` has; VmmError where it is no such file, or one of a later vmm's."""
    try:
        kept = json.loads(data)
        if NAME not in kept:
            raise ValueError(NAME)
        known, images = kept[NAME] == FORMAT, kept["images"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise VmmError(f"{path}: this is no coverage file; vmm run IMAGE --coverage FILE writes one") from None
    if not known:
        raise VmmError(f"{path}: a coverage file of another version: {kept[NAME]!r}, and this vmm reads {FORMAT}")
    found = []
    for n, each in enumerate(_list(images, path, "images")):
        try:
            found.append(_read_image(each))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise VmmError(f"{path}: image {n + 1} of the coverage file is damaged: {_told(error)}") from None
    return added(found)


def _told(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__


def _list(value: Any, path: str, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise VmmError(f"{path}: the coverage file is damaged: its {what} are no list")
    return value


def _number(value: Any, limit: int = WORDS) -> int:
    if not isinstance(value, int) or not 0 <= value < limit:
        raise ValueError(f"{value!r} is not a number below {limit}")
    return value


def _words(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def _named(names: list[T], index: Any, otherwise: T) -> T:
    return otherwise if index == -1 else names[_number(index, len(names))]


def _read_image(raw: dict[str, Any]) -> ImageCoverage:
    image = ImageCoverage(
        _words(raw["name"]), _words(raw["sha256"]), _words(raw["architecture"]), _number(raw["runs"]),
        complete=bool(raw["complete"]),
    )  # fmt: skip
    if image.architecture not in ARCHITECTURES:
        raise ValueError(f"{image.architecture!r} is no architecture of this vmm's")
    functions = [_words(each) for each in raw["functions"]]
    files = [_words(name) for name, _, _ in raw["files"]]
    interrupts = [Interrupt(_number(number), _words(source)) for number, source in raw["interrupts"]]
    image.files = {name: SourceFile(_words(path), _words(sha256)) for name, path, sha256 in raw["files"]}
    for address, began, function, offset, file, line in raw["instructions"]:
        where = Where(_named(functions, function, ""), _number(offset), _named(files, file, ""), _number(line))
        image.where[_number(address)] = where
        if _number(began, STATES):
            image.began[address] = began
    for address, interrupt, times in raw["delivered"]:
        if address not in image.where:
            raise ValueError(f"something was delivered at {address!r}, which is no instruction of it")
        key = address, _named(interrupts, interrupt, interrupts[0])
        image.delivered[key] = image.delivered.get(key, 0) + _number(times)
    for file, line, function, address in raw["lines"]:
        code = CodeLine(_named(files, file, ""), _number(line), _named(functions, function, ""))
        image.lines[code] = _number(address)
    return image
