"""A run watched from its beginning, for the page of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from vmm.output import OutputFile
from vmm.report.page.data import Data
from vmm.report.page.page import page
from vmm.report.page.pictures import pictures
from vmm.report.page.told import Told
from vmm.trace.export import BUILT

if TYPE_CHECKING:
    from vmm.core.event import Event
    from vmm.machine.machine import Machine

__all__ = ["RunPage"]


class RunPage:
    """A run as one page of HTML that needs no other file: `with vmm.RunPage(m, "run.html"): m.run()`.

    A context while which every event is recorded and all diagnoses look on, from now on; the guest feels nothing of it.
    It writes `path`, if one is given, when it ends, however it ends. VmmError where that cannot be written, or is one
    of the files that the machine was loaded from.
    """

    def __init__(self, machine: Machine, path: Path | str | None = None) -> None:
        self._machine = machine
        self._built: list[Event] = [] if machine.instructions else machine.trace.last(BUILT)
        read = machine.source.files if machine.source else []
        self._ends = ExitStack()
        self._file = self._ends.enter_context(OutputFile("page", path, inputs=read)) if path is not None else None
        self._ends.enter_context(machine.trace.record())
        self._diagnoses = self._ends.enter_context(machine.diagnose())

    def html(self, *, console: bytes = b"", told: Sequence[Told] = ()) -> str:
        """The page of the run so far. `console` is what the guest wrote last, `told` what is told of it besides."""
        text = console.decode(errors="replace")
        data = Data(self._machine, self._diagnoses.looked(), built=self._built, console=text, told=told)
        return page(data.plain(), pictures(self._machine))

    def __enter__(self) -> RunPage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._ends:
            if self._file:
                self._file.write(self.html())
