"""A guest under way: between slices of its run, Ctrl-C is looked for, and what was typed is sent to it."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vmm.errors import VmmError

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from vmm.core.stops import Stop
    from vmm.machine.machine import Machine

SLICE = 2_000_000
INTERACTIVE = 100_000
"""Instructions; boundaries like any others, so nothing depends on them but how soon a key is seen."""


class Typed(Protocol):
    """Where the first serial port's input comes from."""

    slice: int

    def send(self, machine: Machine) -> None:
        """What is there now."""

    def wait(self) -> bool:
        """Until there is more; False when there will be none."""


class Given:
    """Bytes that are there from the start."""

    slice = SLICE

    def __init__(self, data: bytes) -> None:
        self._data = data

    def send(self, machine: Machine) -> None:
        if self._data:
            machine.type(self._data)
        self._data = b""

    def wait(self) -> bool:
        return False


class Keyboard:
    """A terminal, line by line; Ctrl-D ends it."""

    slice = INTERACTIVE

    def __init__(self, file: int) -> None:
        self._file = file
        self._open = True

    def send(self, machine: Machine) -> None:
        while self._open and select.select([self._file], [], [], 0)[0]:
            data = os.read(self._file, 4096)
            self._open = bool(data)
            if data:
                machine.type(data)

    def wait(self) -> bool:
        if self._open:
            select.select([self._file], [], [])
        return self._open


def typed(source: str) -> Typed:
    """The input that `--input` names; VmmError where it cannot be read."""
    if source == "-":
        return Keyboard(sys.stdin.fileno()) if sys.stdin.isatty() else Given(sys.stdin.buffer.read())
    try:
        return Given(Path(source).read_bytes())
    except OSError as error:
        raise VmmError(f"--input {source}: {error.strerror}") from error


class CtrlC:
    """Waits for the end of the slice, for a recording to know the instruction. Pressed twice, or where that end may
    never come, in code of `script` and at a keyboard, it does not wait: KeyboardInterrupt.
    """

    def __init__(self, script: str | None) -> None:
        self._script = script
        self.asked = False
        self.waits = False
        """Nothing runs: a key is waited for."""

    def __enter__(self) -> CtrlC:
        self._before = signal.signal(signal.SIGINT, self._pressed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        if self.asked or self.waits or self._in_script(frame):
            raise KeyboardInterrupt
        self.asked = True

    def _in_script(self, frame: FrameType | None) -> bool:
        while frame and frame.f_code.co_filename != self._script:
            frame = frame.f_back
        return frame is not None


def go(machine: Machine, typed: Typed | None, script: str | None) -> tuple[Stop, bool]:
    """Run to a stop; whether it is Ctrl-C's. `script` is the file whose scenarios run."""
    with CtrlC(script) as interrupt:
        while True:
            if typed:
                typed.send(machine)
            stop = machine.run(insns=typed.slice if typed else SLICE)
            if stop.reason == "count" and interrupt.asked:
                machine.end()
                return machine.run(), True
            asleep = stop.reason == "idle"
            if stop.reason != "count" and not (asleep and _more(typed, interrupt)):
                return stop, interrupt.asked and asleep


def _more(typed: Typed | None, interrupt: CtrlC) -> bool:
    if typed is None or interrupt.asked:
        return False
    interrupt.waits = True
    try:
        return typed.wait()
    except KeyboardInterrupt:
        interrupt.asked = True
        return False
    finally:
        interrupt.waits = False
