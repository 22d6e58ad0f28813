"""What names a timeline takes, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.core.event import Event
from vmm.trace.timeline.marks import Made
from vmm.trace.words import interrupt, sentence

if TYPE_CHECKING:
    from vmm.trace.export.exporter import Traced


class Tell:
    """Of one machine."""

    def __init__(self, machine: Traced) -> None:
        self._machine = machine
        self.symbol: Made[int, str | None] = Made(self._symbol)
        """By a linear address the symbol that it lies in; None outside of the image's."""

    def _symbol(self, linear: int) -> str | None:
        return self._machine.loaded.symbol(linear) if self._machine.loaded else None

    def interrupt(self, number: int, source: str) -> str:
        """What sentences call it."""
        return interrupt(number, source, self._machine)

    def sentence(self, event: Event) -> str:
        """The event in words, without its place."""
        return sentence(event, self._machine)
