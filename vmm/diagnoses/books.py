"""The bookkeeping that diagnoses share: an event is entered once, whoever reads of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol, TypeVar

from vmm.core.event import Event
from vmm.diagnoses.executions import Executions
from vmm.diagnoses.handlers import Handlers
from vmm.diagnoses.lines import Lines
from vmm.diagnoses.masks import Masks
from vmm.diagnoses.responses import Responses
from vmm.diagnoses.services import Services
from vmm.diagnoses.storms import Storms

__all__ = ["Books"]


class Book(Protocol):
    """One of them."""

    @property
    def WANTS(self) -> Sequence[str]:
        """Kinds of events that are entered."""

    def see(self, event: Event) -> None:
        """The next one of these."""


B = TypeVar("B", bound=Book)


class Books:
    """Of one look at a run; each is kept from when somebody asks for it, before the first event."""

    def __init__(self, *, x86: bool) -> None:
        self._x86 = x86
        self._kept: list[Book] = []

    def _keep(self, book: B) -> B:
        self._kept.append(book)
        return book

    def takers(self) -> dict[str, list[Callable[[Event], None]]]:
        """By the kind of an event, who enters it: what others read comes before them."""
        takers: dict[str, list[Callable[[Event], None]]] = {}
        for book in self._kept:
            for kind in book.WANTS:
                takers.setdefault(kind, []).append(book.see)
        return takers

    @cached_property
    def handlers(self) -> Handlers:
        return self._keep(Handlers())

    @cached_property
    def masks(self) -> Masks:
        return self._keep(Masks(x86=self._x86))

    @cached_property
    def services(self) -> Services:
        return self._keep(Services(self.handlers, x86=self._x86))

    @cached_property
    def lines(self) -> Lines:
        return self._keep(Lines(self.services, self.masks, x86=self._x86))

    @cached_property
    def storms(self) -> Storms:
        return self._keep(Storms(self.lines))

    @cached_property
    def responses(self) -> Responses:
        return self._keep(Responses(self.handlers, self.masks, x86=self._x86))

    @cached_property
    def executions(self) -> Executions:
        return self._keep(Executions(self.handlers))
