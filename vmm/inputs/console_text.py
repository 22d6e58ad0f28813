"""What a guest writes, for who wants to have it."""

from __future__ import annotations

from typing import ClassVar

__all__ = ["ConsoleText"]


class ConsoleText:
    """Keeps what a guest writes on its first serial port: `vmm.boot(image, console=text)`. `str` of it is what was
    written, a notebook shows that; `data` is the bytes.
    """

    HEARS: ClassVar = "later"

    def __init__(self) -> None:
        self._data = bytearray()

    def __call__(self, data: bytes) -> None:
        self._data += data

    @property
    def data(self) -> bytes:
        """All of it so far."""
        return bytes(self._data)

    def clear(self) -> None:
        """Forget it."""
        self._data.clear()

    def __str__(self) -> str:
        return self._data.decode(errors="replace")

    def __repr__(self) -> str:
        return f"<ConsoleText of {len(self._data)} bytes>"

    def _repr_html_(self) -> str:
        from vmm.inputs.notebook import console

        return console(self)
