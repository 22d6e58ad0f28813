"""A terminal whose keys come one by one as they are typed, and which is as it was when that ends, however it ends."""

from __future__ import annotations

import os
import select
import signal
import termios
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

IFLAG, OFLAG, LFLAG, CC = 0, 1, 3, 6
"""Where tcgetattr(3) of Python's has them."""
INPUT = termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP | termios.INLCR | termios.IGNCR
INPUT |= termios.ICRNL | termios.IXON
LOCAL = termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN
"""What a terminal does to keys of its own accord, Ctrl-C and Ctrl-Z among it. What it does to output stays."""

ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"
"""The alternate screen of xterm's, without a cursor, and back."""


class Terminal:
    """On a descriptor; as a context it is raw, with `signals` Ctrl-C and Ctrl-Z are still what they are. Who stops the
    process finds it as it was, and leaves it raw again; so with the alternate screen that is shown at `screen`.
    """

    def __init__(self, file: int, *, signals: bool = False, screen: int | None = None) -> None:
        self._file, self._screen = file, screen
        self._before = termios.tcgetattr(file)
        self._raw = termios.tcgetattr(file)
        self._raw[IFLAG] &= ~INPUT
        self._raw[OFLAG] |= termios.OPOST
        self._raw[LFLAG] &= ~(LOCAL & ~termios.ISIG if signals else LOCAL)
        self._raw[CC] = [*self._raw[CC]]
        self._raw[CC][termios.VMIN], self._raw[CC][termios.VTIME] = 1, 0
        self._is_raw = False
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> Terminal:
        if threading.current_thread() is threading.main_thread():
            for number, handler in ((signal.SIGTSTP, self._stop), (signal.SIGCONT, self._go_on)):
                self._handlers[number] = signal.signal(number, handler)
        self.raw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._handlers.clear()
        with suppress(termios.error):  # it may be gone, and then nobody minds
            self.lines()

    def raw(self) -> None:
        """Keys as they are typed, unseen."""
        self._is_raw = True
        termios.tcsetattr(self._file, termios.TCSANOW, self._raw)

    def lines(self) -> None:
        """As it was."""
        self._is_raw = False
        termios.tcsetattr(self._file, termios.TCSANOW, self._before)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._set(self._before, LEAVE)
        os.kill(os.getpid(), signal.SIGSTOP)

    def _go_on(self, number: int, frame: FrameType | None) -> None:
        if self._is_raw:
            self._set(self._raw, ENTER)

    def _set(self, how: list[Any], screen: bytes) -> None:
        """In a handler, so past what is buffered. A terminal that hangs up sends SIGCONT, too, and is none any more."""
        with suppress(OSError, termios.error):
            termios.tcsetattr(self._file, termios.TCSANOW, how)
            if self._screen is not None:
                os.write(self._screen, screen)

    def read(self, *, wait: bool) -> bytes | None:
        """The keys that are there, which may be none; None: there will be no more."""
        if not wait and not select.select([self._file], [], [], 0)[0]:
            return b""
        try:
            return os.read(self._file, 4096) or None
        except OSError:  # it hung up
            return None
