"""The images that tests name: found beside the test, assembled once a session."""

from __future__ import annotations

from pathlib import Path

from vmm.catalog import resolve
from vmm.sources import SOURCES


class Images:
    """Of one session, in one process."""

    def __init__(self) -> None:
        self._assembled: dict[tuple[Path, int], Path] = {}

    def find(self, name: str | Path, directory: Path) -> Path:
        """The image file that `name` means to a test in `directory`: a file or source there, or a bundled guest.

        VmmError for what is neither, and for a source that does not assemble.
        """
        beside = directory / name
        if not (beside.is_file() or beside.suffix):
            return resolve(str(name))
        if not (beside.is_file() and beside.suffix in SOURCES):
            return resolve(str(beside))
        version = beside, beside.stat().st_mtime_ns
        if version not in self._assembled:
            self._assembled[version] = resolve(str(beside))
        return self._assembled[version]
