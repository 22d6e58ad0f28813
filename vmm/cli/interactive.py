"""`vmm run -it`: somebody sits at a terminal. Keys go to the guest's first serial port as they are typed; behind the
escape key they are for vmm, which has a monitor: the commands of gdb's.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from vmm.cli import interrupts
from vmm.cli.debugger import SCRIPT
from vmm.cli.run_loop import INTERACTIVE
from vmm.cli.session import Left
from vmm.cli.terminal import Terminal
from vmm.errors import VmmError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vmm.cli.session import Console
    from vmm.core.stops import Stop
    from vmm.debug.monitor import Row
    from vmm.debug.target import Target
    from vmm.inputs.recorder import Recorder
    from vmm.machine.machine import Machine

ESCAPE = b"\x01"
"""QEMU's: Ctrl-A."""
HELP = """\
Ctrl-A h       this help
Ctrl-A c       the monitor: the guest stands, and commands look at it and change it
Ctrl-A x       end the run
Ctrl-A Ctrl-A  send Ctrl-A to the guest
"""
PROMPT = "(vmm) "
GDB_ONLY = ("unwinder", "irq")
"""Of the monitor's commands those that are about gdb's own steps and backtraces."""
ON, END = ("c", "cont", "continue"), ("q", "quit", "exit")


class Interactive:
    """A console at a terminal, and who answers the escape key."""

    def __init__(self, options: argparse.Namespace, console: Console) -> None:
        from vmm.debug.console import Once

        self.console, self._shown = Once(console), console
        self._terminal = Terminal(sys.stdin.fileno())
        self._quiet = options.quiet
        self._why_not = SCRIPT if options.scenario else None
        self._escaped = False
        self._open = True
        self._ahead = b""
        """What was typed before anybody had asked for it."""

    def live(self, machine: Machine, recorder: Recorder) -> Callable[[], Stop]:
        """What runs the guest."""
        from vmm.debug.course import Live
        from vmm.debug.past import Past
        from vmm.debug.target import Target

        course = Live(machine, recorder)
        course.why_not = self._why_not
        return lambda: self._run(Target(course, Past(course, self.console)))

    def _run(self, target: Target) -> Stop:
        if not self._quiet:
            _tell("vmm: keys go to the guest; Ctrl-A h: help, Ctrl-A c: monitor, Ctrl-A x: end\n")
        with self._terminal:
            while True:
                interrupts.check()
                self._listen(target, wait=False)
                came = target.course.forward([], INTERACTIVE)
                self._shown.flush()
                if came.stop and not (came.stop.reason == "idle" and self._listen(target, wait=True)):
                    return came.stop

    def _listen(self, target: Target, *, wait: bool) -> bool:
        """To the keys that are there; False: there will be no more."""
        if not self._open:
            return False
        keys = self._terminal.read(wait=wait)
        self._open = keys is not None
        self._ahead, typed = keys or b"", b""
        while self._ahead:
            key, self._ahead = self._ahead[:1], self._ahead[1:]
            if not self._escaped and key != ESCAPE:
                typed += key
            elif not self._escaped:
                self._escaped = True
            else:
                self._escaped = False
                if key == ESCAPE:
                    typed += key
                else:
                    typed = self._send(target, typed)
                    self._answer(target, key)
        self._send(target, typed)
        return self._open

    def _send(self, target: Target, keys: bytes) -> bytes:
        """They are sent: there are none any more."""
        if keys:
            target.change(lambda: target.machine.type(keys))
        return b""

    def _answer(self, target: Target, key: bytes) -> None:
        """A key behind the escape key; one that means nothing does nothing."""
        if key == b"x":
            raise Left
        if key in (b"h", b"?"):
            self._shown.begin_line()
            _tell(HELP)
        if key == b"c":
            self._shown.begin_line()
            self._terminal.lines()
            self._monitor(target)
            self._terminal.raw()

    # ---- the monitor ----

    def _monitor(self, target: Target) -> None:
        """Until the guest is to go on."""
        from vmm.debug import monitor

        commands = _commands()
        while (line := self._ask()) is not None:
            word = line.strip()
            if word in END:
                raise Left
            if word in ON:
                return
            if word:
                _tell(monitor.answer(target, line, commands))
                target.forget()  # who has gone back types anew

    def _ask(self) -> str | None:
        """A line; None: the guest is to go on, by Ctrl-D."""
        _tell(PROMPT)
        ahead = self._ahead.replace(b"\r", b"\n")  # keys of a raw terminal
        while b"\n" not in ahead:
            if (more := self._terminal.read(wait=True)) is None:
                return None
            ahead += more
        line, self._ahead = ahead.split(b"\n", 1)
        return line.decode("utf-8", "replace")


def _commands() -> dict[str, Row]:
    from vmm.debug import monitor
    from vmm.debug.monitor import Row

    commands = {name: row for name, row in monitor.COMMANDS.items() if name not in GDB_ONLY}
    commands["help"] = Row("help", "these commands", lambda _target, _words: monitor.usages(commands))
    commands["restore"] = monitor.COMMANDS["restore"]._replace(function=monitor.restore)
    commands["cont"] = Row("cont", "let the guest go on; so does Ctrl-D", _never)
    commands["quit"] = Row("quit", "end the run", _never)
    return commands


def _never(target: Target, words: list[str]) -> str:
    """Commands of the console's own stand alone on their line."""
    raise VmmError("this command takes no arguments")


def _tell(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)


def interactive(options: argparse.Namespace, console: Console) -> Interactive:
    """VmmError where there is no terminal, and where others would take what is typed."""
    if options.gdb is not None or options.input is not None:
        other = "--gdb" if options.gdb is not None else "--input"
        raise VmmError(f"-it takes keys and has a monitor of its own: it does not go with {other}")
    if not sys.stdin.isatty():
        raise VmmError("-it: standard input is no terminal; --input - takes what is piped")
    return Interactive(options, console)
