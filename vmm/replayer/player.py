"""A recorded run once more, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from vmm.catalog import resolve
from vmm.core.native import NEVER, open_unicorn, unicorn_version
from vmm.core.stops import AWAITED, Stop
from vmm.errors import VmmError
from vmm.inputs import tape
from vmm.inputs.console import Taker
from vmm.inputs.console_digest import ConsoleDigest
from vmm.inputs.decisions import OBSERVERS, Decision
from vmm.inputs.position import Position
from vmm.inputs.tape import Call, Entry, module_path
from vmm.machine.config import Config
from vmm.machine.machine import Machine
from vmm.scenario.combinators import First
from vmm.scenario.trigger import Trigger
from vmm.scenario.triggers import Elapsed, EventNumber, NextBoundary, Reach
from vmm.version import __version__

__all__ = ["Diverged", "Replay", "ScriptFailed", "replay"]

MOST_FRUITLESS = 100_000
"""Runs of a machine that stands still, which a recording may have one behind the other."""
IMPOSSIBLE = (VmmError, TypeError, ValueError, OverflowError, LookupError, AttributeError)
"""What comes of a decision that cannot be made."""


class Diverged(VmmError):
    """The run is not the recorded one: where, and what differs."""


class ScriptFailed(VmmError):
    """A script's own code raised this in the recorded run, so it does here."""


class _Over(Exception):
    """The end of the recording is reached."""


def replay(path: Path | str, *, image: Path | str | None = None, console: Taker = "stdout") -> Replay:
    """A recording, ready to run again. `image` is taken for the recorded one, though it may differ; `console` gets what
    the guest writes, as in `Options`. VmmError for what is wrong with the file, its image, or the vmm that made it.
    """
    return Replay(Path(path), image, console)


class Replay:
    """The recorded machine, and what was done to it as it goes on."""

    def __init__(self, path: Path, image: Path | str | None, console: Taker) -> None:
        self.path = path
        self.tape = tape.read(path)
        self._check_versions()
        header = self.tape.header
        self._digest = ConsoleDigest()
        self.machine = Machine(self._config(console))
        try:
            source = self._image(image)
            for name, digest in header.modules:
                self._check_file(module_path(name), digest, "module")
        except OSError as error:
            raise VmmError(f"{path}:1: the recorded files: {error.strerror}: {error.filename}") from error
        modules = [name for name, _ in header.modules]
        self.machine.load(source, initrd=modules, load_address=header.load_address)
        self._check_kinds()
        self.machine.inputs.callbacks.watch = self._answer
        self.machine.inputs.listen(lambda data: self._digest.hear(data))
        self.finished = False
        """The end of the recording is reached."""
        self.verified: bool | None = None
        """Once finished: whether the trace has the recorded hash, and the guest has written what it wrote then; None
        where the recording was cut off without them.
        """
        self.different: str | None = None
        """Once finished, what differs."""
        self._failed: Diverged | None = None
        self._made = self._serial = 0  # decisions between runs; calls
        self._goal: tuple[Position, Callable[[], str]] = (self.machine.position, lambda: str(self.path))
        self._fruitless = 0
        self._next = 0  # of the tape's calls
        self._follower: Any = None
        self._stopped: tuple[Position, Stop] | None = None

    def __repr__(self) -> str:
        ended = {None: "cut off", True: "verified", False: self.different}[self.verified]
        how = f"at its end, {ended}" if self.finished else f"at {self.machine.position}"
        return f"<Replay of {self.path}: {how}>"

    def run(
        self, until: Trigger[Any] | str | int | None = None, *, insn: int | None = None, event: int | None = None
    ) -> Stop:
        """To the end of the recording, or to a trigger, a location, an instruction count or the number of
        an event (as in `EventNumber`) on the way. Diverged where the run turns out to be another one.
        """
        if self._failed:
            raise self._failed
        if self.finished:
            return self._end()
        while True:
            trigger, before = self._until(until, insn, event), (self.machine.position, self._made, self._serial)
            try:
                if self._follower is None:
                    self._follower = self.machine.start(self._follow)
                stop = self.machine.run(until=trigger)
            except _Over:
                return self._end()
            except ScriptFailed:
                stop = self.machine.stop
            except Diverged as error:
                self._failed = error
                raise
            if stop.reason in AWAITED:
                return stop if insn is None else self._before(insn, stop)
            self.stopped(stop)
            self._check_moves(before, stop)

    def _before(self, insn: int, stop: Stop) -> Stop:
        """What it waited for was an instruction's number, and no time."""
        where = self.machine.where(self.machine.cpus[stop.vcpu].pc)
        return replace(stop, detail=f"insn {insn} is about to begin at {where}")

    def _check_moves(self, before: tuple[Position, int, int], stop: Stop) -> None:
        """Diverged where the machine will never get to what comes next: it stood still, and only a decision moves it.
        (A stop is an event, so there may be something to come that is but more stops away.)
        """
        (was, *made), (there, what), here = before, self._goal, self.machine.position
        stood = (was.insns, was.ns, *made) == (here.insns, here.ns, self._made, self._serial)
        self._fruitless = self._fruitless + 1 if stood else 0
        ahead = there.insns > here.insns or there.ns > here.ns
        if self._fruitless > (1 if ahead or was.hashed >= there.hashed else MOST_FRUITLESS):
            self._failed = Diverged(f"{what()} came at {there}; this run stands still at {here}: {stop.detail}")
            raise self._failed

    def _until(
        self, until: Trigger[Any] | str | int | None, insn: int | None, event: int | None
    ) -> Trigger[Any] | None:
        if sum(each is not None for each in (until, insn, event)) > 1:
            raise VmmError("run: give one of until, insn and event")
        if event is not None:
            return EventNumber(event)
        if insn is not None:
            now = self.machine.instructions
            if insn < now:
                raise VmmError(f"insn {insn} is over: the machine stands at insn {now}")
            return Elapsed(insns=insn - now)
        return Reach(until) if isinstance(until, str | int) else until

    def _end(self) -> Stop:
        """Why the recorded run ended."""
        self.finished = True
        if self.tape.end.hash is not None:
            self.different = next(self._differences(), None)
            self.verified = self.different is None
        if self._stopped and self._stopped[0] == self.machine.position:
            return self._stopped[1]
        pc = self.machine.cpu.pc
        why = f"the recording ends at {self.machine.where(pc)}"
        return replace(self.machine.stop, reason="user", code=0, detail=why, address=pc)

    def _differences(self) -> Iterator[str]:
        """Of the whole run from the recorded one."""
        recorded, here = self.tape.end, self.machine.position
        hash, written = self.machine.trace.hash, self._digest.written
        if hash != recorded.hash:
            yield f"{self.path}: the recorded trace is {recorded.hash}, this one {hash}, at {here}"
        if written != recorded.console:
            yield f"{self.path}: the recorded console is {recorded.console}; this one {written}, at {here}"

    # ---- what was done to the machine while it stood ----

    async def _follow(self, machine: Machine) -> None:
        for entry in self.tape.entries:
            await self._come_to(entry.at, lambda entry=entry: f"{self._line(entry)}: {words(entry.decision)}")  # type: ignore[misc]
            self.decide(entry)
            self._made += 1
        end = self.tape.end
        if end.hash is None:
            self._goal = end.at, lambda: f"{self.path}: the end"
            while machine.instructions < end.at.insns:
                await Elapsed(insns=end.at.insns - machine.instructions)
        else:
            await self._come_to(end.at, lambda: f"{self.path}: the end")
        raise _Over

    async def _come_to(self, there: Position, what: Callable[[], str]) -> None:
        """The count first; if the machine sleeps then, the time; then boundary by boundary. The first event too many
        ends it: else a machine that sleeps, and should not, would do so until its time has come.
        """
        self._goal = there, what
        while (here := self.machine.position) != there:
            if passed(here, there):
                raise self._astray(what(), there)
            await First(*towards(here, there))

    def _astray(self, what: str, there: Position) -> Diverged:
        last = "".join(map(self.machine.trace.describe, self.machine.trace.last(1)))
        return Diverged(
            f"{what} came at {there}; this run is at {self.machine.position}, its last event: {last or 'none'}"
        )

    def _line(self, entry: Entry | Call) -> str:
        return f"{self.path}:{entry.line}"

    # ---- for who goes to and fro in it, instead of `run` ----

    @property
    def goal(self) -> Position:
        """The end of what was recorded; of what was cut off within an instruction, the boundary behind that."""
        here, end = self.machine.position, self.tape.end
        if end.hash is not None:
            return end.at
        return here if here.insns >= end.at.insns else Position(end.at.insns, here.ns, here.hashed, here.vcpu)

    def stopped(self, stop: Stop) -> None:
        """So the machine has where it stands: at the recording's end that is why the run ended."""
        self._stopped = self.machine.position, stop

    def decide(self, entry: Entry) -> None:
        """Make the decision once more; Diverged where it cannot be."""
        self._decide(entry.decision, self._line(entry))

    def astray(self, there: Position) -> Diverged:
        """The error for a run that does not come to the next decision, or to the end, which is there."""
        entry = next((entry for entry in self.tape.entries if entry.at == there), None)
        return self._astray(
            f"{self._line(entry)}: {words(entry.decision)}" if entry else f"{self.path}: the end", there
        )

    def mark(self) -> tuple[int, int, ConsoleDigest]:
        """How much a script's own code has answered, and the guest has written: for `rewind`."""
        return self._serial, self._next, self._digest.copy()

    def rewind(self, mark: tuple[int, int, ConsoleDigest]) -> None:
        """The machine has gone back to where that was taken."""
        self._serial, self._next, digest = mark
        self._digest = digest.copy()
        self.finished, self.verified, self.different = False, None, None

    def end(self) -> Stop:
        """Why the recorded run ended; it has come to its end."""
        return self._end()

    def _decide(self, decision: Decision, where: str) -> None:
        try:
            self.machine.inputs.decide(decision.kind, *decision.arguments)
        except Diverged:
            raise
        except IMPOSSIBLE as error:
            if decision.refused:
                return
            if isinstance(error, VmmError):
                raise Diverged(f"{where}: {words(decision)} was done in the recorded run; here: {error}") from error
            raise VmmError(f"{where}: the recording is damaged: {words(decision)}: {error}") from error
        if decision.refused:
            raise Diverged(f"{where}: {words(decision)} was refused in the recorded run, and here it was not")

    # ---- what a script's own code answered ----

    def _answer(self, kind: str, function: Callable[[], Any]) -> Any:
        if kind in ("console", OBSERVERS):
            function()
        if kind == OBSERVERS:
            return None
        call = self._next_call()
        if call is None:
            raise Diverged(f"{self.path}: the recording has no answer to call {self._serial - 1}, of a {kind}")
        if call.kind != kind:
            raise Diverged(f"{self._line(call)}: call {self._serial - 1} was of a {call.kind}; in this run of a {kind}")
        for decision in call.decisions:
            self._decide(decision, self._line(call))
        if call.error is not None:
            raise ScriptFailed(call.error)
        return call.answer

    def _next_call(self) -> Call | None:
        calls = self.tape.calls
        while self._next < len(calls) and calls[self._next].first + calls[self._next].times <= self._serial:
            self._next += 1
        self._serial += 1
        return calls[self._next] if self._next < len(calls) else None

    # ---- the recorded machine ----

    def _check_versions(self) -> None:
        header = self.tape.header
        open_unicorn()
        here = {"vmm": __version__, "Unicorn": unicorn_version()}
        for name, recorded in (("vmm", header.vmm), ("Unicorn", header.unicorn)):
            if recorded != here[name]:
                raise VmmError(f"{self.path}:1: recorded with {name} {recorded}; this is {here[name]}")

    def _check_kinds(self) -> None:
        """Of its decisions: the machine knows which there are."""
        decided: list[tuple[Entry | Call, Decision]] = [(entry, entry.decision) for entry in self.tape.entries]
        decided += [(call, decision) for call in self.tape.calls for decision in call.decisions]
        for where, decision in decided:
            if not self.machine.inputs.knows(decision.kind):
                raise VmmError(f"{self._line(where)}: the recording is damaged: no decision")

    def _config(self, console: Taker) -> Config:
        known = {each.name: type(each.default) for each in fields(Config) if each.name != "console"}
        config = self.tape.header.config
        for name, value in config.items():
            if name not in known or type(value) is not known[name]:
                raise VmmError(f"{self.path}:1: the recording is damaged: config {name!r}")
        return Config(**config, console=console)

    def _image(self, image: Path | str | None) -> Path:
        if image is not None:
            return resolve(str(image))
        name, digest = self.tape.header.image
        try:
            path = resolve(name)
        except VmmError as error:
            raise VmmError(f"{self.path}:1: the recorded image is missing: {error}") from error
        self._check_file(path, digest, "image", name)
        return path

    def _check_file(self, path: Path, digest: str, what: str, name: str | None = None) -> None:
        if not path.is_file():
            raise VmmError(f"{self.path}:1: the recorded {what} is missing: {name or path}")
        if tape.checksum(path) != digest:
            hint = "; --image PATH takes it all the same" if what == "image" else ""
            raise VmmError(f"{self.path}:1: {what} {name or path} has changed since it was recorded{hint}")


def passed(here: Position, there: Position) -> bool:
    """The run that is here has not come there, nor will it."""
    return here.insns > there.insns or here.ns > there.ns or here.hashed > there.hashed


def towards(here: Position, there: Position) -> Iterator[Trigger[None]]:
    """What may come first on the way."""
    if here.insns < there.insns:
        yield Elapsed(insns=there.insns - here.insns)
    if here.ns < there.ns:
        yield Elapsed(ns=there.ns - here.ns)
    elif here.insns == there.insns:
        yield NextBoundary()
    if here.hashed < there.hashed:
        yield EventNumber(there.hashed)
    yield EventNumber(min(there.hashed + 1, NEVER))  # one more than there was


def words(decision: Decision) -> str:
    """A decision as a reader sees it."""
    told = (f"{len(item)} bytes" if isinstance(item, bytes) else str(item) for item in decision.arguments)
    return " ".join([decision.kind, *told])
