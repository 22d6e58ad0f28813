"""A file that a run writes: opened before the run, so that a wrong path costs nobody a run."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import IO

from vmm.errors import VmmError


class OutputFile:
    """A text file named by `option`; VmmError names both for whatever goes wrong with it."""

    def __init__(self, option: str, path: Path) -> None:
        self._what = f"{option} {path}"
        try:
            self._file: IO[str] = path.open("w", encoding="utf-8")
        except OSError as error:
            raise self._error(error) from error

    def write(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError as error:
            raise self._error(error) from error

    def __enter__(self) -> OutputFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> VmmError:
        return VmmError(f"{self._what}: cannot write: {error.strerror}")
