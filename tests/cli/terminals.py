"""Somebody at a terminal: a process on a pseudo-terminal, what it shows, and keys for it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable
from io import StringIO
from typing import Any

PATIENCE = 60
"""Seconds; what is waited for comes within one."""


class Terminal(StringIO):
    """What is written to it is written to a terminal."""

    def isatty(self) -> bool:
        return True


def resize(terminal: int, columns: int) -> None:
    """What says its size is its other end, too."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


class Seat:
    """Before a terminal of its own: `shown` is all that came."""

    def __init__(self, command: Callable[..., Any], *arguments: object, **options: Any) -> None:
        self._ours, self.theirs = pty.openpty()
        self.before = termios.tcgetattr(self.theirs)
        ends = {"stdin": self.theirs, "stdout": self.theirs, "stderr": self.theirs}
        self.process = command(*arguments, **(ends | options))
        self.shown, self._seen = b"", 0
        self._open = True

    def _more(self) -> None:
        if select.select([self._ours], [], [], 0.02)[0]:
            self.shown += os.read(self._ours, 4096)

    def expect(self, text: bytes) -> bytes:
        """Wait for the text behind what was waited for last; what came before it."""
        end = time.monotonic() + PATIENCE
        while (at := self.shown.find(text, self._seen)) < 0:
            assert time.monotonic() < end, (text, self.shown)
            assert self.process.poll() is None or select.select([self._ours], [], [], 0)[0], (text, self.shown)
            self._more()
        before = self.shown[self._seen : at]
        self._seen = at + len(text)
        return before

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    @property
    def is_raw(self) -> bool:
        return not termios.tcgetattr(self.theirs)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def until_raw(self) -> None:
        end = time.monotonic() + PATIENCE
        while not self.is_raw:
            assert time.monotonic() < end, self.shown
            self._more()

    @property
    def is_restored(self) -> bool:
        return termios.tcgetattr(self.theirs) == self.before

    def wait(self) -> int:
        """For its end; the exit status."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, self.shown
            self._more()
        while select.select([self._ours], [], [], 0)[0]:
            self._more()
        return self.process.returncode

    def stop(self) -> None:
        """As Ctrl-Z does, until it has stopped: only then can it be told to go on."""
        self.process.send_signal(signal.SIGTSTP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def hang_up(self) -> int:
        """The window is closed: what the kernel does to who leads its session. The exit status."""
        self.close()
        for number in (signal.SIGHUP, signal.SIGCONT):
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def __enter__(self) -> Seat:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        if self._open:
            os.close(self._ours)
            os.close(self.theirs)
        self._open = False
