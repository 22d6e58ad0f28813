"""What an exporter is: events in one format, on an open file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from vmm.core.event import Event
from vmm.trace.words import Teller

if TYPE_CHECKING:
    from vmm.trace import Trace


class Output(Protocol):
    """A text file."""

    def write(self, text: str, /) -> object: ...


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


class Source(Protocol):
    """What a machine was loaded from."""

    @property
    def files(self) -> list[Path]: ...


class Traced(Teller, Protocol):
    """What a machine tells besides its events."""

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


class Exporter:
    """The base of them all: `begin`, a call with each event, `end`, also where a run ends by an error."""

    STREAM: ClassVar[bool] = False
    """A file of it is of use before it has ended."""

    def __init__(self, file: Output, machine: Traced) -> None:
        self._file = file
        self._machine = machine

    def begin(self) -> None:
        """Write what stands before the first event."""

    def __call__(self, event: Event) -> None:
        """Write an event, if the format has it."""
        raise NotImplementedError

    def end(self) -> None:
        """Write what stands behind the last."""
