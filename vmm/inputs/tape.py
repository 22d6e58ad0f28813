"""A recording as a file, `.vmmrec`: JSON, an object a line, in the order of `Tape`; the last line is a checksum.

{"vmmrec": 2, "vmm": "0.1.0", "unicorn": "2.1.4", "image": ["x86/hello", "<SHA-256>"], "modules": [], ...}
{"at": [123, 1230, 7, 0], "do": ["line", 5, 1]}
{"at": [150, 1500, 9, 0], "do": {"refused": ["drive", 6, 0, 1]}}
{"call": 0, "times": 3, "kind": "trap", "answer": [1, 0]}
{"end": [4094, 100000000, 813, 0], "hash": "aa9cbc07b62618f6", "console": [112, "<SHA-256>"], "status": 0, "why": null}
{"sha256": "<of all before>"}

Whoever made a file is not trusted: it takes no more memory than its own size is worth, and is wrong in one line.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vmm.errors import VmmError
from vmm.inputs.console_digest import Written
from vmm.inputs.decisions import ANSWERS, Argument, Decision, plain
from vmm.inputs.position import Position
from vmm.output import OutputFile

FORMAT = 2
FIRST_WORDS = b'{"vmmrec"'
SUFFIX = ".vmmrec"
BLOCK = 1 << 20
HASH = re.compile("[0-9a-f]{16}")
MOST_STATUS = 255
FOREIGN = "not a recording of vmm's; vmm run IMAGE --record FILE writes one"


@dataclass(frozen=True)
class Header:
    """What the machine was built from. `image` and `modules` are names with the SHA-256 of their files."""

    vmm: str
    unicorn: str
    image: tuple[str, str]
    modules: tuple[tuple[str, str], ...]
    load_address: int | None
    config: dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """A decision, and where the machine stood when it was made."""

    at: Position
    decision: Decision
    line: int = 0
    """In the file."""


@dataclass(frozen=True)
class Call:
    """What a script's own code did when the run asked it: the calls number `first` to `first + times - 1`."""

    first: int
    kind: str
    times: int = 1
    answer: Any = None
    error: str | None = None
    """What it raised."""
    decisions: tuple[Decision, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class End:
    """How the run ended, the trace's hash then and what the guest had written; None: in the middle of something, there
    is nothing to compare.
    """

    at: Position
    hash: str | None
    console: Written | None = None
    status: int | None = None
    """Exit status of the command that ran it."""
    why: str | None = None
    """What ended it, if not the machine."""


@dataclass(frozen=True)
class Tape:
    """A whole recording; `calls` in the order they were begun in."""

    header: Header
    end: End
    entries: list[Entry] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


def is_recording(path: Path) -> bool:
    """Whether such a file begins as one, or is called one: then `read` says what is wrong with it."""
    if not path.is_file():
        return False
    if path.suffix == SUFFIX:
        return True
    with path.open("rb") as file:
        return file.read(len(FIRST_WORDS)) == FIRST_WORDS


def module_path(module: str) -> Path:
    """The file of a module as `--initrd` names it, with or without arguments."""
    whole = Path(module)
    try:
        return whole if whole.is_file() else Path(module.partition(" ")[0])
    except OSError:  # arguments may be longer than a file name can be
        return Path(module.partition(" ")[0])


def modules_of(initrd: str | Sequence[str]) -> tuple[str, ...]:
    """One, or several; VmmError for what names none."""
    named = (initrd,) if isinstance(initrd, str) else initrd
    if not isinstance(named, Sequence) or not all(isinstance(each, str) for each in named):
        raise VmmError(f'initrd={initrd!r}: it is "PATH" or "PATH arguments", or a list of these')
    return tuple(named)


def absolute_module(module: str) -> str:
    """The same, wherever the process goes to."""
    path = module_path(module)
    return str(path.absolute()) + module[len(str(path)) :]


def checksum(path: Path) -> str:
    """A file's SHA-256; VmmError where it cannot be read."""
    from hashlib import sha256

    found = sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                found.update(block)
        return found.hexdigest()
    except OSError as error:
        raise VmmError(f"{path}: {error.strerror}") from error


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    """One that a file may have."""
    try:
        return isinstance(value, str) and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:  # half of a surrogate pair, and no byte that is no UTF-8
        return False


def _is_written(value: Any) -> bool:
    match value:
        case [int(), str()]:
            return True
    return False


# ---- writing ----


def write(file: OutputFile, tape: Tape) -> None:
    """All of it; VmmError where it cannot be written."""
    from hashlib import sha256

    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in _lines(tape))
    file.write(text + json.dumps({"sha256": sha256(text.encode()).hexdigest()}) + "\n")


def _lines(tape: Tape) -> Iterator[dict[str, Any]]:
    yield {"vmmrec": FORMAT, **asdict(tape.header)}
    for entry in tape.entries:
        yield {"at": entry.at, "do": _packed(entry.decision)}
    for call in tape.calls:
        optional = {"times": call.times, "answer": call.answer, "error": call.error}
        given = {name: value for name, value in optional.items() if value not in (None, 1) or name == "answer"}
        yield {"call": call.first, "kind": call.kind, **given, "do": [_packed(each) for each in call.decisions]}
    end = tape.end
    yield {"end": end.at, "hash": end.hash, "console": end.console, "status": end.status, "why": end.why}


def _packed(decision: Decision) -> list[Any] | dict[str, Any]:
    arguments = ({"hex": item.hex()} if isinstance(item, bytes) else item for item in decision.arguments)
    packed = [decision.kind, *arguments]
    return {"refused": packed} if decision.refused else packed


# ---- reading ----


def read(path: Path) -> Tape:
    """A recording; VmmError names the file and the line that is wrong with it. Which kinds of decisions there are, the
    machine knows.
    """
    try:
        with path.open("rb") as file:
            data = file.read(len(FIRST_WORDS))
            if data == FIRST_WORDS:  # a device that never ends is none of ours
                data += file.read()
    except OSError as error:
        raise VmmError(f"{path}: {error.strerror}") from error
    return _Reader(path, data).tape()


class _Reader:
    def __init__(self, path: Path, data: bytes) -> None:
        self._path, self._data = path, data
        self._number = 0

    def tape(self) -> Tape:
        entries: list[Entry] = []
        calls: list[Call] = []
        lines = self._objects()
        header = self._header(next(lines, {}))
        for line in lines:
            if "end" in line:
                end = self._end(line)
                self._checksum(next(lines, {}))
                return Tape(header, end, entries, sorted(calls, key=lambda call: call.first))
            if "call" in line:
                calls.append(self._call(line))
            else:
                entries.append(Entry(self._position(line, "at"), self._decision(line.get("do")), self._number))
        raise self._error("the recording breaks off")

    def _error(self, what: str) -> VmmError:
        return VmmError(f"{self._path}:{self._number or 1}: {what}")

    def _objects(self) -> Iterator[dict[str, Any]]:
        for line in self._data.splitlines():
            self._number += 1
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                found = None
            if not isinstance(found, dict):
                raise self._error(FOREIGN if self._number == 1 else "the recording is damaged")
            yield found

    def _header(self, line: dict[str, Any]) -> Header:
        version = line.get("vmmrec")
        if type(version) is not int:
            raise self._error(FOREIGN)
        if version != FORMAT:
            maker = "a newer" if version > FORMAT else "an older"
            raise self._error(f"made by {maker} vmm (format {version}, this one reads {FORMAT})")
        modules = line.get("modules")
        if not isinstance(modules, list):
            raise self._error("the recording is damaged: modules")
        address, config = line.get("load_address"), line.get("config")
        if not (address is None or type(address) is int) or not isinstance(config, dict):
            raise self._error("the recording is damaged: config")
        image, *files = (self._file(each) for each in (line.get("image"), *modules))
        return Header(str(line.get("vmm")), str(line.get("unicorn")), image, tuple(files), address, config)

    def _file(self, item: Any) -> tuple[str, str]:
        if not isinstance(item, list) or len(item) != 2 or not all(map(_is_name, item)):
            raise self._error("the recording is damaged: no file and checksum")
        return item[0], item[1]

    def _position(self, line: dict[str, Any], name: str) -> Position:
        match line.get(name):
            case [*numbers] if len(numbers) == 4 and all(type(each) is int and 0 <= each < 1 << 64 for each in numbers):
                return Position(*numbers)
        raise self._error(f"the recording is damaged: {name!r} is no position")

    def _decision(self, packed: Any) -> Decision:
        refused = isinstance(packed, dict)
        packed = packed.get("refused") if isinstance(packed, dict) else packed
        if not isinstance(packed, list) or not packed or not isinstance(packed[0], str):
            raise self._error("the recording is damaged: no decision")
        return Decision(packed[0], tuple(map(self._argument, packed[1:])), refused)

    def _argument(self, item: Any) -> Argument:
        if isinstance(item, dict):
            try:
                return bytes.fromhex(item["hex"])
            except (KeyError, TypeError, ValueError):
                raise self._error("the recording is damaged: no bytes") from None
        try:
            return plain("the recording is damaged", item)
        except VmmError as error:
            raise self._error(str(error)) from None

    def _call(self, line: dict[str, Any]) -> Call:
        first, times, decisions = line["call"], line.get("times", 1), line.get("do")
        if type(first) is not int or type(times) is not int or times < 1 or not isinstance(decisions, list):
            raise self._error("the recording is damaged: no call")
        kind, answer, error = line.get("kind"), line.get("answer"), line.get("error")
        if not isinstance(kind, str) or kind not in ANSWERS or not isinstance(error, str | None):
            raise self._error("the recording is damaged: no call")
        if error is None and not ANSWERS[kind](answer):
            raise self._error(f"the recording is damaged: no answer of a {kind}")
        done = tuple(map(self._decision, decisions))
        return Call(first, kind, times, answer, error, done, self._number)

    def _end(self, line: dict[str, Any]) -> End:
        fields: tuple[tuple[str, Callable[[Any], bool]], ...] = (
            ("hash", lambda value: _is_text(value) and HASH.fullmatch(value) is not None),
            ("console", _is_written),
            ("status", lambda value: type(value) is int and 0 <= value <= MOST_STATUS),
            ("why", _is_text),
        )
        for name, fits in fields:
            if line.get(name) is not None and not fits(line[name]):
                raise self._error(f"the recording is damaged: {name!r}")
        written = line.get("console")
        if (written is None) != (line.get("hash") is None):
            raise self._error("the recording is damaged: 'console'")
        console = None if written is None else Written(*written)
        return End(self._position(line, "end"), line.get("hash"), console, line.get("status"), line.get("why"))

    def _checksum(self, line: dict[str, Any]) -> None:
        from hashlib import sha256

        if "sha256" not in line:
            raise self._error("the recording breaks off")
        before, found, _ = self._data.rpartition(b'{"sha256"')
        if not found or line["sha256"] != sha256(before).hexdigest():
            raise self._error("the recording is damaged: its checksum does not fit")
