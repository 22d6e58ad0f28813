"""What exporters of pictures have in common: they draw the marks of a timeline."""

from __future__ import annotations

from collections.abc import Iterable

from vmm.core.event import Event
from vmm.trace.export.exporter import Exporter, Output, Text, Traced
from vmm.trace.timeline import Mark, Timeline


class Drawing(Exporter[Text]):
    """`_draw` takes marks; `_drawn` gives what the file has of those since it was called last."""

    def __init__(self, file: Output, machine: Traced) -> None:
        super().__init__(file, machine)
        self._timeline = Timeline(machine)

    def told(self, events: list[Event]) -> Text:
        timeline, draw = self._timeline, self._draw
        for event in events:
            if marks := timeline(event):
                draw(marks)
        return self._drawn()

    def end(self) -> None:
        self._draw(self._timeline.end())
        if data := self._drawn():
            self._file.write(data)

    def _draw(self, marks: Iterable[Mark]) -> None:
        raise NotImplementedError

    def _drawn(self) -> Text:
        raise NotImplementedError
