"""Ctrl-C, SIGTERM and SIGHUP end a command alike: by a KeyboardInterrupt, after which what a run leaves is written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WHY = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM", signal.SIGHUP: "ended by SIGHUP"}


class Interrupted(KeyboardInterrupt):
    """By signal `number`."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def raised() -> Iterator[None]:
    """What would end the process raises Interrupted; what the process was started to ignore it does ignore."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _came.clear()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    taken = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in taken:
            signal.signal(number, _raise)
        yield
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)


def check() -> None:
    """Raise what was raised once already, but where Python loses exceptions: in a finalizer, say, of an import."""
    if _came:
        raise Interrupted(_came[0])


_came: list[int] = []
"""The first signal that came, since `raised` began."""


def ignore() -> None:
    """The command is over: nothing keeps the process from tidying up any more."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    _came.append(number)
    raise Interrupted(number)


def status(error: KeyboardInterrupt) -> int:
    """128 and the signal, as a shell reports it."""
    return 128 + _number(error)


def why(error: KeyboardInterrupt) -> str:
    """What ended the run, in words."""
    return WHY[signal.Signals(_number(error))]


def came() -> int | None:
    """The exit status of the first signal that came: what goes wrong behind it, at a terminal that hung up, say, is
    but what it brought about.
    """
    return 128 + _came[0] if _came else None


def _number(error: KeyboardInterrupt) -> int:
    return error.number if isinstance(error, Interrupted) else signal.SIGINT
