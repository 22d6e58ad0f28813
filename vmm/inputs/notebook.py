"""What comes in and goes out, as a notebook shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vmm.errors import VmmError
from vmm.inputs.script_board import DeviceHandle
from vmm.shown.elements import Html, code, facts, name, picture, table, text

if TYPE_CHECKING:
    from vmm.inputs.console_text import ConsoleText

FEW = 10
"""Numbers that are the same in decimal."""


def console(of: ConsoleText) -> str:
    """As a terminal would, but for what controls one."""
    written = str(of).replace("\r\n", "\n")
    return picture("the console" if written else "nothing is on the console", *([text(written)] if written else []))


def device(of: DeviceHandle, title: str) -> str:
    """What can be read of it, its parts side by side. It works out how far time has brought it when it is asked."""
    rest, tables = [], []
    for each, value in _values(of):
        if parts := _parts(value):
            tables += [name(each), _table(parts)]
        else:
            rest.append((each, _shown(value)))
    return picture(f"{title}, as it stood when it was last asked", facts(rest), *tables)


def _parts(value: object) -> list[DeviceHandle]:
    """Several of a kind; empty: it is no such thing."""
    parts = [each for each in value if isinstance(each, DeviceHandle)] if isinstance(value, tuple) else []
    return parts if isinstance(value, tuple) and len(parts) == len(value) else []


def _table(parts: list[DeviceHandle]) -> Html:
    columns = [dict(_values(each)) for each in parts]
    names = ("", *(str(n) for n in range(len(parts))))
    return table(names, [(each, *(_shown(column[each]) for column in columns)) for each in columns[0]])


def _values(of: DeviceHandle) -> Iterator[tuple[str, object]]:
    for each in dir(of):
        if each.isupper():
            continue
        try:
            value = getattr(of, each)
        except VmmError:
            continue
        if not callable(value):
            yield each, value


def _shown(value: object) -> object:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) < FEW else Html(f"{value} {code(f'{value:#x}')}")
    return code(value.hex(" ") if isinstance(value, bytes) else repr(value))
