"""What comes in and goes out, as a notebook shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vmm.errors import VmmError
from vmm.shown.elements import facts, picture, text

if TYPE_CHECKING:
    from vmm.inputs.console_text import ConsoleText
    from vmm.inputs.script_board import DeviceHandle


def console(of: ConsoleText) -> str:
    """As a terminal would, but for what controls one."""
    written = str(of).replace("\r\n", "\n")
    return picture("the console" if written else "nothing is on the console", *([text(written)] if written else []))


def device(of: DeviceHandle, name: str) -> str:
    """What can be read of it."""
    return picture(name, facts(_values(of)))


def _values(of: DeviceHandle) -> Iterator[tuple[str, object]]:
    for name in dir(of):
        if name.isupper():
            continue
        try:
            value = getattr(of, name)
        except VmmError:
            continue
        if not callable(value):
            yield name, repr(value)
