"""What the guest has written where it stands, however often it is gone back and on again."""

from __future__ import annotations

from typing import ClassVar


class Kept:
    """Takes it; `Past` says where it stands."""

    HEARS: ClassVar = "later"

    def __init__(self) -> None:
        self._text = bytearray()
        self.at = 0
        """Bytes that the guest has written where it stands."""

    def __call__(self, data: bytes) -> None:
        self._text[self.at :] = data
        self.at += len(data)

    def changed(self) -> None:
        """From here on the guest writes something else."""

    @property
    def text(self) -> str:
        """All of it."""
        return bytes(self._text[: self.at]).decode(errors="replace")
