"""Temporary directories, which are gone whenever an exception ends what they are for, Ctrl-C at any moment included."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TRIES = 100


@contextmanager
def scratch() -> Iterator[Path]:
    """A new directory for as long as the context lasts."""
    path = _unforetold()
    try:
        path.mkdir(0o700)
        yield path
    finally:
        _remove(path)


def until_exit() -> Path:
    """A new directory for as long as the process lasts."""
    import atexit

    path = _unforetold()
    atexit.register(_remove, path)
    path.mkdir(0o700)
    return path


def _unforetold() -> Path:
    return Path(tempfile.gettempdir()).resolve() / f"vmm-{os.urandom(8).hex()}"


def _remove(path: Path) -> None:
    try:
        _remove_now(path)
    except BaseException:  # the exception of a signal: what is left goes first
        _remove_now(path)
        raise


def _remove_now(path: Path) -> None:
    """A process that was killed may have one more file made meanwhile: that goes, too."""
    for _ in range(TRIES):
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
        time.sleep(0.01)
