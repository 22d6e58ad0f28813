"""Who keeps a run: every decision with its position, every answer of a script's own code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from vmm import __version__, catalog
from vmm.core.native import unicorn_version
from vmm.errors import VmmError
from vmm.inputs import tape
from vmm.inputs.decisions import OBSERVERS, Decision
from vmm.inputs.tape import Call, End, Entry, Header, Tape


class Recorder:
    """Of one machine, from before its first instruction. As a context it ends with the context, and writes `path`."""

    def __init__(self, machine: Any, path: Path | None) -> None:
        if path:
            tape.check_writable(path)
        self._machine = machine
        self._path = path
        self._header = _header(machine)
        self._entries: list[Entry] = []
        self._calls: list[Call] = []
        self._serial = 0
        self._under_way: list[list[Decision]] = []  # decisions of the calls that have not ended, innermost last
        self._observing = False
        self._cut = False
        self.shared = False
        """Somebody else may record the machine, too: what they get is this, and it goes on when they are done."""
        self.why: str | None = None
        """What ended the run, if not the machine."""
        self.status: int | None = None
        """Exit status of the command that ran it."""
        machine.outside.observe = self._decided
        machine.calls.watch = self._called

    def save(self, path: Path | str) -> None:
        """Write what was recorded so far; VmmError where that cannot be written."""
        hashed = None if self._cut else self._machine.trace.hash
        end = End(self._machine.position, hashed, self.status, self.why)
        tape.write(Path(path), Tape(self._header, end, self._entries, self._calls))

    def stop(self) -> None:
        """Record no more."""
        if self.active:
            self._machine.outside.observe = None
            self._machine.calls.watch = None

    @property
    def active(self) -> bool:
        """Not stopped."""
        return bool(self._machine.outside.observe == self._decided)

    def take(self) -> tuple[Any, ...]:
        """What was recorded so far, for a snapshot."""
        return tuple(self._entries), tuple(self._calls), self._serial

    def put(self, taken: tuple[Any, ...]) -> None:
        """The machine went back to that snapshot; to one from before the recording, if it is ()."""
        entries, calls, self._serial = taken or ((), (), 0)
        self._entries, self._calls = list(entries), list(calls)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if value is not None:
            self.fail(value)
        if self._path:
            self.save(self._path)
        self.stop()

    def fail(self, error: BaseException) -> None:
        """The run ended with an error. Ctrl-C comes in the middle of an instruction: there a hash means nothing."""
        self.why = self.why or _words(error)
        self._cut = isinstance(error, KeyboardInterrupt)

    def _decided(self, decision: Decision) -> None:
        if self._observing:
            raise VmmError("an observer of the trace changes the machine within an instruction: no replay can")
        if self._under_way:
            self._under_way[-1].append(decision)
        elif not self._machine.running:
            self._entries.append(Entry(self._machine.position, decision))

    def _called(self, kind: str, function: Callable[[], Any]) -> Any:
        if kind == OBSERVERS:
            return self._show(function)
        serial = self._serial
        decisions: list[Decision] = []
        self._serial += 1
        self._under_way.append(decisions)
        answer = error = None
        try:
            answer = function()
            return answer
        except BaseException as raised:
            error = _words(raised)
            raise
        finally:
            self._under_way.pop()
            self._keep(Call(serial, kind, 1, answer, error, tuple(decisions)))

    def _show(self, function: Callable[[], Any]) -> None:
        self._observing = True
        try:
            function()
        finally:
            self._observing = False

    def _keep(self, call: Call) -> None:
        last = self._calls[-1] if self._calls else None
        if last and not call.decisions and call == replace(last, first=last.first + last.times, times=1):
            self._calls[-1] = replace(last, times=last.times + 1)
        else:
            self._calls.append(call)


class Share(Recorder):
    """A part in another's recording, which goes on when this one ends."""

    def __init__(self, recorder: Recorder, path: Path | None) -> None:
        if path:
            tape.check_writable(path)
        self._recorder, self._path = recorder, path

    def save(self, path: Path | str) -> None:
        """As the recorder's."""
        self._recorder.save(path)

    def stop(self) -> None:
        """The other goes on."""

    def fail(self, error: BaseException) -> None:
        """As the recorder's."""
        self._recorder.fail(error)


def _header(machine: Any) -> Header:
    source = machine.source
    if machine.outside.observe:
        raise VmmError("the machine is being recorded already")
    if source is None:
        raise VmmError("nothing to record: load an image first")
    if machine.instructions or machine.outside.count:
        raise VmmError("a recording begins when the image was loaded, before anything else is done to the machine")
    config = machine.config
    plain = {each.name: getattr(config, each.name) for each in fields(config) if each.name != "console"}
    modules = tuple((module, tape.checksum(module_path(module))) for module in map(_absolute, source.modules))
    image = catalog.name_of(source.image), tape.checksum(source.image)
    return Header(__version__, unicorn_version(), image, modules, source.load_address, plain)


def module_path(module: str) -> Path:
    """The file of a module as `--initrd` names it, with or without arguments."""
    whole = Path(module)
    return whole if whole.is_file() else Path(module.partition(" ")[0])


def _absolute(module: str) -> str:
    path = module_path(module)
    return str(path.absolute()) + module[len(str(path)) :]


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
