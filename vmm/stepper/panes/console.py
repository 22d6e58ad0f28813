"""What the guest has written so far."""

from __future__ import annotations

from rich.text import Text

from vmm.errors import printable
from vmm.stepper.panes.pane import DIM, View, line

TITLE = "console"


def draw(view: View) -> list[Text]:
    """The last lines of it."""
    text = view.walk.console.text
    lines = text.replace("\r\n", "\n").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if not lines:
        return [line(("nothing is written yet", DIM))]
    return [line(printable(each)) for each in lines[-view.height :]]
