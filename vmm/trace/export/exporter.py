"""What an exporter is: events in one format, on an open file."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from vmm.core.event import Event
from vmm.trace.words import Teller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vmm.disassembly import Cpu as Code
    from vmm.trace import Trace


class Output(Protocol):
    """A file of text, or of bytes where the format has them."""

    def write(self, data: Any, /) -> object: ...


Text = TypeVar("Text", str, bytes)


class Config(Protocol):
    """How a machine was built: `vmm.Config`."""

    @property
    def board(self) -> str: ...

    @property
    def cpu(self) -> str: ...

    @property
    def smp(self) -> int: ...

    @property
    def memory(self) -> int: ...

    @property
    def cmdline(self) -> str: ...

    @property
    def seed(self) -> int: ...


class Image(Protocol):
    """What knows its symbols and source lines: `vmm.loaders.image.Loaded`."""

    def place(self, linear: int) -> tuple[str | None, str | None]: ...

    def symbol(self, linear: int) -> str | None: ...


class Source(Protocol):
    """What a machine was loaded from."""

    @property
    def files(self) -> list[Path]: ...


class Traced(Teller, Protocol):
    """What a machine tells besides its events."""

    @property
    def cpus(self) -> Sequence[Code]: ...

    @property
    def config(self) -> Config: ...

    @property
    def instructions(self) -> int: ...

    @property
    def trace(self) -> Trace: ...

    @property
    def loaded(self) -> Image | None: ...

    @property
    def source(self) -> Source | None: ...


BATCH = 4096


class Exporter(Generic[Text]):
    """The base of them all: `begin`, `take` again and again, `end`, also where a run ends by an error."""

    SUFFIXES: ClassVar[tuple[str, ...]]
    """How names of its files end."""
    STREAM: ClassVar[bool] = False
    """A file of it is of use before it has ended."""
    BINARY: ClassVar[bool] = False
    """A file of it is bytes, and no text."""

    def __init__(self, file: Output, machine: Traced) -> None:
        self._file = file
        self._machine = machine

    def begin(self) -> None:
        """Write what stands before the first event."""

    def take(self, events: Iterable[Event]) -> None:
        """Write these."""
        left = iter(events)
        while batch := list(islice(left, BATCH)):
            if text := self.told(batch):
                self._file.write(text)

    def told(self, events: list[Event]) -> Text:
        """What the file has of these, many at a time; empty where the format has nothing of them."""
        raise NotImplementedError

    def end(self) -> None:
        """Write what stands behind the last."""
