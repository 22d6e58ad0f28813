"""What a guest has written, as two runs of it are compared by."""

from __future__ import annotations

from typing import NamedTuple


class Written(NamedTuple):
    """So many bytes, and their SHA-256 in hexadecimal."""

    size: int
    digest: str

    def __str__(self) -> str:
        return f"{self.size} bytes, SHA-256 {self.digest[:16]}…"


class ConsoleDigest:
    """Of all that it heard."""

    def __init__(self) -> None:
        from hashlib import sha256  # a fifth of the time that a short run takes

        self._size, self._hash = 0, sha256()

    def hear(self, data: bytes) -> None:
        self._size += len(data)
        self._hash.update(data)

    def copy(self) -> ConsoleDigest:
        """One that has heard the same."""
        other = ConsoleDigest()
        other._size, other._hash = self._size, self._hash.copy()
        return other

    @property
    def written(self) -> Written:
        return Written(self._size, self._hash.hexdigest())
