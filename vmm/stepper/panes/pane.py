"""What a pane is given, and what it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from rich.text import Text

if TYPE_CHECKING:
    from vmm.stepper.walk import Walk

PLAIN, DIM, LIT, CHANGED, HERE, WARNING = "", "dim", "bold", "bold yellow", "bold reverse", "bold magenta"
"""Styles."""
Looks = dict[str, object]
"""What something held when it was shown last, by name."""


class View(NamedTuple):
    """A run where it stands, and the room there is."""

    walk: Walk
    width: int
    height: int
    before: Looks
    """Of the position that was shown before this one."""
    now: Looks
    """Of this one: filled by who shows something that can change."""

    def style(self, name: str, value: object, usual: str = PLAIN) -> str:
        """Lit where it is another than before."""
        self.now[name] = value
        return CHANGED if self.before.get(name, value) != value else usual


class Pane(Protocol):
    """A module."""

    TITLE: str

    def draw(self, view: View) -> list[Text]:
        """Its lines; those that do not fit are cut, or scrolled to."""


def line(*parts: str | tuple[str, str]) -> Text:
    """Of parts, each with its style or without."""
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis", end="")


def window(count: int, lit: int, height: int) -> range:
    """Which of so many rows are shown, so that one of them is in sight: in the middle, unless it is near an end."""
    first = max(min(lit - height // 2, count - height), 0)
    return range(first, min(first + height, count))
