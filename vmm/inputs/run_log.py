"""What makes a run what it is, as it is made: every decision with its position, every answer of a script's own code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from vmm.errors import VmmError, words
from vmm.inputs.console_digest import ConsoleDigest
from vmm.inputs.decisions import OBSERVERS, Decision, Inputs
from vmm.inputs.history import History, Node
from vmm.inputs.position import position_of
from vmm.inputs.tape import Call, End, Entry, Header, Tape

if TYPE_CHECKING:
    from vmm._native import vmm_machine


class Mark(NamedTuple):
    """How far a log had come, for a snapshot."""

    entries: Node[Entry] | None
    calls: Node[Call] | None
    serial: int
    console: ConsoleDigest


class RunLog:
    """Of one machine, from before its first instruction; `trace_hash` is asked for at the end."""

    def __init__(self, native: vmm_machine, inputs: Inputs, header: Header, trace_hash: Callable[[], str]) -> None:
        self._native, self._inputs, self._header, self._trace_hash = native, inputs, header, trace_hash
        self.entries: History[Entry] = History()
        self.calls: History[Call] = History()
        self._serial = 0
        self._under_way: list[list[Decision]] = []  # decisions of the calls that have not ended, innermost last
        self._refuse: Callable[[], None] = _nothing  # lets the last decision, if it was logged, be a refused one
        self._console = ConsoleDigest()
        self._observing = False
        self.kinds: set[str] = set()
        """Of all decisions since that was last cleared, whether or not the machine has gone back to before them."""
        self.why: str | None = None
        """What ended the run, if not the machine."""
        self.status: int | None = None
        """Exit status of the command that ran it."""
        self._deaf = inputs.listen(lambda data: self._console.hear(data))
        inputs.observe, inputs.refused = self._decided, lambda: self._refuse()
        inputs.callbacks.watch = self._called

    @property
    def active(self) -> bool:
        """Not stopped."""
        return self._inputs.observe == self._decided

    def stop(self) -> None:
        """Log no more."""
        if self.active:
            self._deaf()
            self._inputs.observe = self._inputs.refused = None
            self._inputs.callbacks.watch = None

    def tape(self) -> Tape:
        """What was logged so far."""
        cut = self._inputs.callbacks.cut
        hashed, written = (None, None) if cut else (self._trace_hash(), self._console.written)
        end = End(position_of(self._native), hashed, written, self.status, self.why)
        return Tape(self._header, end, list(self.entries), list(self.calls))

    def fail(self, error: BaseException) -> None:
        """The run ended with an error."""
        self.why = self.why or words(error)

    def mark(self) -> Mark:
        """For a snapshot."""
        return Mark(self.entries.newest, self.calls.newest, self._serial, self._console.copy())

    def rewind(self, mark: Mark | None) -> None:
        """The machine went back to that snapshot; None: to one from before the log."""
        at = mark or Mark(None, None, 0, ConsoleDigest())
        self.entries.newest, self.calls.newest, self._serial = at.entries, at.calls, at.serial
        self._console = at.console.copy()
        self._inputs.callbacks.cut = False

    def _decided(self, decision: Decision) -> None:
        if self._observing:
            raise VmmError("an observer of the trace changes the machine within an instruction: no replay can")
        self.kinds.add(decision.kind)
        refused = decision._replace(refused=True)
        self._refuse = _nothing
        if self._under_way:
            made, number = self._under_way[-1], len(self._under_way[-1])
            made.append(decision)
            self._refuse = lambda: made.__setitem__(number, refused)
        elif not self._native.running:
            at = position_of(self._native)
            self.entries.append(Entry(at, decision))
            self._refuse = lambda: self.entries.replace_last(Entry(at, refused))

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
            error = words(raised)
            raise
        finally:
            self._under_way.pop()
            self._answered(Call(serial, kind, 1, answer, error, tuple(decisions)))

    def _show(self, function: Callable[[], Any]) -> None:
        self._observing = True
        try:
            function()
        finally:
            self._observing = False

    def _answered(self, call: Call) -> None:
        last = self.calls.newest.item if self.calls.newest else None
        if last and not call.decisions and call == replace(last, first=last.first + last.times, times=1):
            self.calls.replace_last(replace(last, times=last.times + 1))
        else:
            self.calls.append(call)


def _nothing() -> None:
    """There is nothing to refuse."""
