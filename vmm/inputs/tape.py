"""A recording as a file, `.vmmrec`: JSON, an object a line, in the order of `Tape`; the last line is a checksum.

{"vmmrec": 1, "vmm": "0.1.0", "unicorn": "2.1.4", "image": ["x86/hello", "<SHA-256>"], "modules": [], ...}
{"at": [123, 1230, 7, 0], "do": ["line", 5, 1]}
{"call": 0, "times": 3, "kind": "trap", "answer": [1, 0]}
{"end": [4094, 100000000, 813, 0], "hash": "aa9cbc07b62618f6", "status": 0, "why": null}
{"sha256": "<of all before>"}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from vmm.errors import VmmError
from vmm.inputs.decisions import Decision
from vmm.inputs.position import Position
from vmm.output import OutputFile

FORMAT = 1


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
    """How the run ended, and the trace's hash then; None: in the middle of something, there is nothing to compare."""

    at: Position
    hash: str | None
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


def module_path(module: str) -> Path:
    """The file of a module as `--initrd` names it, with or without arguments."""
    whole = Path(module)
    try:
        return whole if whole.is_file() else Path(module.partition(" ")[0])
    except OSError:  # arguments may be longer than a file name can be
        return Path(module.partition(" ")[0])


def absolute_module(module: str) -> str:
    """The same, wherever the process goes to."""
    path = module_path(module)
    return str(path.absolute()) + module[len(str(path)) :]


def checksum(path: Path) -> str:
    """A file's SHA-256; VmmError where it cannot be read."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise VmmError(f"{path}: {error.strerror}") from error


# ---- writing ----


def write(file: OutputFile, tape: Tape) -> None:
    """All of it; VmmError where it cannot be written."""
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
    yield {"end": tape.end.at, "hash": tape.end.hash, "status": tape.end.status, "why": tape.end.why}


def _packed(decision: Decision) -> list[Any]:
    plain = ({"hex": item.hex()} if isinstance(item, bytes) else item for item in decision.arguments)
    return [decision.kind, *plain]


# ---- reading ----


def read(path: Path) -> Tape:
    """A recording; VmmError names the file and the line that is wrong with it. Which kinds of decisions there are, the
    machine knows.
    """
    try:
        data = path.read_bytes()
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
            except ValueError:
                found = None
            if not isinstance(found, dict):
                raise self._error("not a recording of vmm's" if self._number == 1 else "the recording is damaged")
            yield found

    def _header(self, line: dict[str, Any]) -> Header:
        version = line.get("vmmrec")
        if type(version) is not int:
            raise self._error("not a recording of vmm's")
        if version > FORMAT:
            raise self._error(f"made by a newer vmm (format {version}, this one reads up to {FORMAT})")
        modules = line.get("modules")
        if not isinstance(modules, list):
            raise self._error("the recording is damaged: modules")
        address, config = line.get("load_address"), line.get("config")
        if not (address is None or type(address) is int) or not isinstance(config, dict):
            raise self._error("the recording is damaged: config")
        image, *files = (self._file(each) for each in (line.get("image"), *modules))
        return Header(str(line.get("vmm")), str(line.get("unicorn")), image, tuple(files), address, config)

    def _file(self, item: Any) -> tuple[str, str]:
        if not isinstance(item, list) or len(item) != 2 or not all(isinstance(part, str) for part in item):
            raise self._error("the recording is damaged: no file and checksum")
        return item[0], item[1]

    def _position(self, line: dict[str, Any], name: str) -> Position:
        match line.get(name):
            case [*numbers] if len(numbers) == 4 and all(type(each) is int and 0 <= each < 1 << 64 for each in numbers):
                return Position(*numbers)
        raise self._error(f"the recording is damaged: {name!r} is no position")

    def _decision(self, packed: Any) -> Decision:
        if not isinstance(packed, list) or not packed or not isinstance(packed[0], str):
            raise self._error("the recording is damaged: no decision")
        return Decision(packed[0], tuple(map(self._argument, packed[1:])))

    def _argument(self, item: Any) -> Any:
        if isinstance(item, dict):
            try:
                return bytes.fromhex(item["hex"])
            except (KeyError, TypeError, ValueError):
                raise self._error("the recording is damaged: no bytes") from None
        return item

    def _call(self, line: dict[str, Any]) -> Call:
        first, times, decisions = line["call"], line.get("times", 1), line.get("do")
        if type(first) is not int or type(times) is not int or times < 1 or not isinstance(decisions, list):
            raise self._error("the recording is damaged: no call")
        done = tuple(map(self._decision, decisions))
        return Call(first, str(line.get("kind")), times, line.get("answer"), line.get("error"), done, self._number)

    def _end(self, line: dict[str, Any]) -> End:
        fields: tuple[tuple[str, Callable[[Any], bool]], ...] = (
            ("hash", lambda value: isinstance(value, str)),
            ("status", lambda value: type(value) is int),
            ("why", lambda value: isinstance(value, str)),
        )
        for name, fits in fields:
            if line.get(name) is not None and not fits(line[name]):
                raise self._error(f"the recording is damaged: {name!r}")
        return End(self._position(line, "end"), line.get("hash"), line.get("status"), line.get("why"))

    def _checksum(self, line: dict[str, Any]) -> None:
        if "sha256" not in line:
            raise self._error("the recording breaks off")
        before = self._data[: self._data.rindex(b'{"sha256"')]
        if line["sha256"] != sha256(before).hexdigest():
            raise self._error("the recording is damaged: its checksum does not fit")
