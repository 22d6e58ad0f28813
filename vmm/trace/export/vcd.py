"""`vcd`: a value change dump (IEEE 1800-2017 clause 21.7), which GTKWave and every viewer of waves opens.

A group is a scope. Bits are wires of one bit, numbers of 64. A lane of spans is a string, as GTKWave has them: the
names of those open, the innermost last, "-" for none. A lane of moments is an event, and a string of what happened.

Which lanes there are is known at the end, and must be told at the beginning: the changes lie in an unnamed temporary
file until then.
"""

from __future__ import annotations

import re
import tempfile
import weakref
from collections.abc import Callable, Iterable
from typing import IO, TypeVar

from vmm.errors import VmmError
from vmm.trace.export.drawing import Drawing
from vmm.trace.export.exporter import Output, Traced
from vmm.trace.timeline import Lane, Mark
from vmm.trace.timeline.marks import BIT, INSTANTS, NUMBER, SPANS
from vmm.version import __version__

T = TypeVar("T")
FIRST, CODES = 33, 94
"""Identifier codes are made of so many printable characters."""
ESCAPES = str.maketrans({" ": "\\x20", "\\": "\\\\", "\n": "\\n", "\t": "\\t"})
NOTHING, WITHIN = "-", " > "
WIDTH = 64
AT_ONCE = 1 << 20
MOST_TEXTS = 1 << 16


class Vcd(Drawing[str]):
    """In ASCII; changes are at nanoseconds of virtual time."""

    SUFFIXES = (".vcd",)

    def __init__(self, file: Output, machine: Traced) -> None:
        super().__init__(file, machine)
        self._codes: dict[Lane, str] = {}
        self._scopes: dict[str, list[str]] = {}
        self._open: dict[Lane, list[str]] = {}
        self._texts: dict[tuple[Lane, str, str, int], str] = {}
        self._lines: list[str] = []
        self._now = -1
        self._changes: IO[bytes] | None = None

    def begin(self) -> None:
        self._changes = self._tried(lambda: tempfile.TemporaryFile(buffering=0))  # noqa: SIM115, closed with it
        weakref.finalize(self, self._changes.close)

    def end(self) -> None:
        """Nothing, where the changes could not be kept."""
        super().end()
        changes = self._changes
        if changes is None:
            return
        self._file.write(self._header())
        changes.seek(0)
        while some := changes.read(AT_ONCE):
            self._file.write(some.decode("ascii"))

    def _header(self) -> str:
        lines = [f"$version vmm {__version__} $end", "$timescale 1 ns $end"]
        for scope, variables in self._scopes.items():
            lines += [f"$scope module {_word(scope)} $end", *variables, "$upscope $end"]
        return "\n".join([*lines, "$enddefinitions $end", ""])

    # ---- changes ----

    def _draw(self, marks: Iterable[Mark]) -> None:
        lines, texts, now = self._lines, self._texts, self._now
        for lane, what, ns, _, name, value, _ in marks:
            if ns != now:
                lines.append(f"#{ns}")
                now = ns
            if lane.shape == SPANS:
                lines.append(self._nest(lane, name))
            else:
                key = lane, what, name, value
                lines.append(texts.get(key) or self._text(*key))
        self._now = now

    def _drawn(self) -> str:
        """Into the temporary file: the other one begins with what is known at the end."""
        if self._lines and (changes := self._changes):
            text = "\n".join([*self._lines, ""]).encode("ascii", errors="backslashreplace")
            self._tried(lambda: _write(changes, text))
        self._lines.clear()
        return ""

    def _nest(self, lane: Lane, name: str) -> str:
        """A span has a name where it begins."""
        spans = self._open.setdefault(lane, [])
        if name:
            spans.append(name)
        else:
            spans.pop()
        return self._string(WITHIN.join(spans) or NOTHING, lane)

    def _text(self, lane: Lane, what: str, name: str, value: int) -> str:
        if len(self._texts) >= MOST_TEXTS:
            self._texts.clear()
        code = self._code(lane)
        if lane.shape == INSTANTS:
            text = f"1{code}\n{self._string(name, lane._replace(name=f'{lane.name} text', shape=SPANS))}"
        else:
            text = f"{value}{code}" if lane.shape == BIT else f"b{value:b} {code}"
        self._texts[lane, what, name, value] = text
        return text

    def _string(self, text: str, lane: Lane) -> str:
        return f"s{text.translate(ESCAPES)} {self._code(lane)}"

    # ---- variables ----

    def _code(self, lane: Lane) -> str:
        if lane not in self._codes:
            code = self._codes[lane] = _identifier(len(self._codes))
            kind = {BIT: "wire 1", NUMBER: f"wire {WIDTH}", SPANS: "string 1", INSTANTS: "event 1"}[lane.shape]
            self._scopes.setdefault(lane.group, []).append(f"$var {kind} {code} {_word(lane.name)} $end")
        return self._codes[lane]

    def _tried(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except OSError as error:
            self._changes = None
            where = tempfile.gettempdir()
            raise VmmError(f"vcd: the temporary file of its changes in {where}: {error.strerror}") from error


def _write(file: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _identifier(n: int) -> str:
    code = chr(FIRST + n % CODES)
    return code if n < CODES else code + _identifier(n // CODES - 1)


def _word(name: str) -> str:
    """As a name of a scope or variable may be: no blanks, and no dots, which are between scopes."""
    return re.sub(r"\W+", "_", name)
