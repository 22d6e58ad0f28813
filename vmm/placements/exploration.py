"""An exploration: a machine brought to its window, what may happen there, what must hold, and how far to go."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmm.core.native import ffi, lib
from vmm.core.stops import REASONS, Stop
from vmm.errors import VmmError
from vmm.machine.explorer import Placement, Tried
from vmm.machine.machine import Machine, boot
from vmm.machine.options import Options
from vmm.placements.counterexample import tell
from vmm.placements.predicate import Term, terms
from vmm.placements.report import Failure, Happening, Report, runs_of
from vmm.placements.sources import Source, source
from vmm.scenario.triggers import Reach

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from vmm._native import vmm_ending

__all__ = ["explore"]

Check = str | Callable[[Machine], Any]

FIRST_CHUNK, MOST_IN_CHUNK = 16, 4096
CHUNK_SECONDS = 0.25
"""What is reported, and can be broken off, between two chunks."""
PATIENCE = 200_000
"""Instructions beyond ten times the undisturbed run's that a run may take."""
LONGEST = 20_000
"""Boundaries of a handler, or of a disturbed window, at which one more interrupt is tried."""
UNDISTURBED = 1_000_000_000
"""Instructions that the run without any interrupt may take."""


@dataclass(frozen=True)
class Window:
    """From the visit `hit` of `begin`, counted from 1, to the next boundary at `end`, both included; `until`: where
    runs end behind that, None: with the guest.
    """

    begin: str | int
    end: str | int
    until: str | int | None = None
    hit: int = 1


@dataclass(frozen=True)
class Bounds:
    """`depth` interrupts in one run at most; stop after `runs` runs or `seconds`."""

    depth: int = 1
    runs: int | None = None
    seconds: float | None = None
    reduction: bool = True


@dataclass
class Subject:
    """A fresh machine at its window, as often as one is asked for."""

    image: str | Path
    options: Options
    window: Window
    prepare: Callable[[Machine], Any] | None = None

    def boot(self) -> Machine:
        """Ready to run."""
        quiet: Options = {"console": None, **self.options}
        machine = boot(self.image, **quiet)
        if self.prepare:
            self.prepare(machine)
        return machine

    def enter(self, machine: Machine) -> None:
        """To the window's first boundary; VmmError where it never comes there."""
        for visit in range(1, self.window.hit + 1):
            stop = machine.run(until=Reach(self.window.begin), insns=UNDISTURBED)
            if stop.reason != "breakpoint":
                times = f" {self.window.hit} times, but {visit - 1}" if self.window.hit > 1 else ""
                raise VmmError(f"the guest never comes to {_told(self.window.begin)}{times}: {stop}")


def _told(where: str | int) -> str:
    return f"{where:#x}" if isinstance(where, int) else where


@dataclass
class Judge:
    """What must hold where a run ends. Causes are numbered from 1: an outcome is one of them, or 0."""

    machine: Machine
    sources: list[Source]
    window: Window
    terms: list[Term]
    functions: list[Callable[[Machine], Any]]
    errors: int
    """Of the guest before the window."""
    causes: list[str] = field(default_factory=list)

    def judge(self, ending: vmm_ending, stop: Stop) -> int:
        """What is wrong with it: 0 nothing."""
        cause = self._cause(ending, stop)
        if cause is None:
            return 0
        if cause not in self.causes:
            self.causes.append(cause)
        return self.causes.index(cause) + 1

    def act(self, choice: int) -> None:
        """Let it happen."""
        self.sources[choice].happen(self.machine)

    def _cause(self, ending: vmm_ending, stop: Stop) -> str | None:
        if wrong := self._stopped(ending, stop):
            return wrong
        if ending.errors and not self.errors:
            return "the guest makes an error: " + str(self.machine.trace.first_guest_errors()[0])
        for number, term in enumerate(self.terms):
            if not ending.terms >> number & 1:
                return f"{term.text} does not hold"
        for function in self.functions:
            if not function(self.machine):
                return f"{getattr(function, '__name__', 'the check')} does not hold"
        return None

    def _stopped(self, ending: vmm_ending, stop: Stop) -> str | None:
        if ending.phase == lib.VMM_PHASE_END:
            return None
        aim = self.window.until if ending.phase == lib.VMM_PHASE_BEYOND else self.window.end
        if REASONS.get(ending.reason) == "count":
            return f"it does not come to {'its end' if aim is None else _told(aim)} in time"
        ended = stop.reason in ("exit", "poweroff", "reset")
        if ended and stop.exit_status == 0 and self.window.until is None:
            return None
        if ended and self.window.until is None:
            return stop.detail
        return str(stop) if aim is None or ended is False else f"it does not come to {_told(aim)}: {stop.detail}"


def explore(
    image: str | Path,
    *,
    inject: str | Source | Sequence[str | Source],
    between: tuple[str | int, str | int],
    hit: int = 1,
    until: str | int | None = None,
    check: Check | Sequence[Check] = (),
    depth: int = 1,
    runs: int | None = None,
    seconds: float | None = None,
    reduction: bool = True,
    record: Path | str | None = None,
    prepare: Callable[[Machine], Any] | None = None,
    progress: Callable[[Report], Any] | None = None,
    **options: Unpack[Options],
) -> Report:
    """Run `image` with what `inject` names ("irq:4", "nmi", "vector:0x40", "spi:1", see `vmm help explore`) at every
    boundary from `between[0]` to `between[1]`, and with up to `depth` of them in one run. Each run goes on to
    `until`, or to the guest's own end, and must keep what `check` says there: comparisons such as "n == 2", functions
    of the machine. It must come there, with exit status 0, and the guest must make no error.

    `hit`: at which visit of the first place the window begins. `runs` and `seconds` are budgets. `reduction` False
    makes every run whole. `record` is a file for the least failing run. `prepare` is called with each machine when
    its image is loaded; `progress` with the report so far, some times a second. `options` are those of `Options`.
    VmmError for what it cannot begin.
    """
    chosen = [
        source(each) if isinstance(each, str) else each
        for each in ([inject] if isinstance(inject, str | Source) else inject)
    ]
    checks = [check] if isinstance(check, str) or callable(check) else list(check)
    subject = Subject(image, options, Window(*between, until, hit), prepare)
    bounds = Bounds(depth, runs, seconds, reduction)
    return Exploration(subject, chosen, checks, bounds).run(record, progress)


class Exploration:
    """One of a subject."""

    def __init__(self, subject: Subject, sources: list[Source], checks: Sequence[Check], bounds: Bounds) -> None:
        if not sources or len(sources) > lib.VMM_MAX_CHOICES:
            raise VmmError(f"{len(sources)} sources: there are 1 to {lib.VMM_MAX_CHOICES}")
        if not 1 <= bounds.depth <= lib.VMM_MAX_DEPTH:
            raise VmmError(f"depth {bounds.depth}: it is 1 to {lib.VMM_MAX_DEPTH}")
        self._subject, self._sources, self._bounds = subject, sources, bounds
        self._terms = [term for each in checks if isinstance(each, str) for term in terms(each)]
        self._functions = [each for each in checks if not isinstance(each, str)]

    def run(self, record: Path | str | None, progress: Callable[[Report], Any] | None) -> Report:
        """Until it is over, or a budget is spent."""
        subject, window, bounds = self._subject, self._subject.window, self._bounds
        patience = self._patience()
        machine = subject.boot()
        subject.enter(machine)
        judge = Judge(machine, self._sources, window, self._terms, self._functions, machine.trace.guest_errors)
        plan = self._plan(machine, patience)
        report = Report(
            str(subject.image), (_told(window.begin), _told(window.end)), [each.name for each in self._sources],
            bounds.depth, bounds.reduction,
        )  # fmt: skip
        tried: list[Tried] = []
        chunk = Chunks()
        began = time.monotonic()
        explorer = machine._explorer(plan, judge)
        chunks = explorer.run(chunk.size)
        try:
            for rows in chunks:
                tried += [row for row in rows if row.failing]
                report.boundaries, report.runs, report.tails = plan.boundaries, plan.runs, plan.tails
                report.placements += sum(row.placements for row in rows)
                report.failing += sum(row.failing for row in rows)
                report.delivered += sum(row.delivered for row in rows)
                report.seconds, report.over = time.monotonic() - began, bool(plan.over and not plan.cut)
                if progress:
                    progress(report)
                if plan.spent:
                    break
        finally:
            chunks.close()
        report.failures = [self._failure(machine, judge, rows) for rows in runs_of(tried)]
        if failing := [row for row in tried if row.least]:
            least = min(failing, key=lambda row: (len(row.least), [each.at[:2] for each in row.least]))
            report.least = [self._happening(machine, each) for each in least.least]
            report.cause = judge.causes[least.least_outcome - 1]
            report.story, report.recording = tell(subject, self._sources, least.least, report.cause, record, patience)
        return report

    def _patience(self) -> int:
        """From the window's first boundary on, by the undisturbed run; VmmError where that does not come to the end."""
        subject, window = self._subject, self._subject.window
        machine = subject.boot()
        subject.enter(machine)
        first = machine.instructions
        machine.address(window.end)
        stop = machine.run(until=Reach(window.end), insns=UNDISTURBED)
        if stop.reason != "breakpoint":
            raise VmmError(
                f"undisturbed, the guest never comes from {_told(window.begin)} to {_told(window.end)}: {stop}"
            )
        if window.until is None:
            machine.run(insns=UNDISTURBED)
        else:
            machine.run(until=Reach(window.until), insns=UNDISTURBED)
        return 10 * (machine.instructions - first) + PATIENCE

    def _plan(self, machine: Machine, patience: int) -> Any:
        plan, bounds, window = ffi.new("vmm_plan *"), self._bounds, self._subject.window
        for number, each in enumerate(self._sources):
            row = each.row(machine)
            choice = plan.choice[number]
            choice.kind, choice.number, choice.vector = row.kind, row.number, row.vector
        plan.choices, plan.depth, plan.patience = len(self._sources), bounds.depth, patience
        plan.longest, plan.most_runs = LONGEST, bounds.runs or 0
        if bounds.seconds is not None:
            plan.until_ns = time.monotonic_ns() + int(bounds.seconds * 1e9)
        plan.reduce, plan.ask_each = bounds.reduction, bool(self._functions)
        _reach(plan.end, machine, window.end)
        if window.until is not None:
            _reach(plan.until, machine, window.until)
        plan.terms = len(self._terms)
        for number, term in enumerate(self._terms):
            raw = plan.term[number]
            raw.linear, raw.size, raw.is_signed = machine.address(term.where), term.size, term.signed
            raw.relation, raw.value = term.relation, term.value
        return plan

    def _happening(self, machine: Machine, placement: Placement) -> Happening:
        return Happening(self._sources[placement.choice].name, machine.where(placement.at.address), placement)

    def _failure(self, machine: Machine, judge: Judge, rows: list[Tried]) -> Failure:
        first, last = (self._happening(machine, row.first) for row in (rows[0], rows[-1]))
        return Failure(judge.causes[rows[0].outcome - 1], first, last, len(rows))


class Chunks:
    """How many boundaries to try at once, by how long the last took."""

    def __init__(self) -> None:
        self._size, self._since = FIRST_CHUNK // 2, time.monotonic()

    def size(self) -> int:
        """Of the next."""
        now = time.monotonic()
        quick, self._since = now - self._since < CHUNK_SECONDS, now
        self._size = min(2 * self._size, MOST_IN_CHUNK) if quick else max(self._size // 2, 1)
        return self._size


def _reach(trigger: Any, machine: Machine, where: str | int) -> None:
    trigger.kind, trigger.at, trigger.vcpu = lib.VMM_TRIGGER_REACH, machine.address(where), lib.VMM_ANY
