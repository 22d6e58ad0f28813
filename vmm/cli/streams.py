"""Standard streams that are closed, full, or whose reader is gone."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any

OURS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""What writing to a standard stream fails with; these errors name no file."""


class _Closed(io.RawIOBase):
    """A stream that nobody gave us: whoever writes is told so, once."""

    _told = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1

    def write(self, data: Any) -> int:
        if not self._told:
            self._told = True
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return len(data)


class _Forgiving(io.FileIO):
    """What we tell people: that it cannot be told changes no command's status."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)


def prepare() -> None:
    """Of a process of our own. Descriptors 0 to 2 are taken, so that no file becomes a standard stream."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Closed()), encoding="utf-8", write_through=True)
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # names of files are bytes
    encoding = sys.stderr.encoding if sys.stderr else "utf-8"
    told = _Forgiving(2, "w", closefd=False)
    sys.stderr = io.TextIOWrapper(told, encoding=encoding, errors="backslashreplace", line_buffering=True)


def discard_output() -> None:
    """Python writes what is left in standard output once more at exit: let it go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def trouble(error: OSError) -> str:
    """What went wrong, in a line."""
    what = error.filename or ("standard output" if error.errno in OURS else None)
    return f"{what}: {error.strerror}" if what else str(error.strerror or error)
