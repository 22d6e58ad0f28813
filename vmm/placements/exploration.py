"""An exploration: a machine brought to its window, what may happen there, what must hold, and how far to go."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmm.core.native import ffi, lib
from vmm.coverage.coverage import Coverage
from vmm.errors import VmmError
from vmm.inputs.tape import checksum, module_path
from vmm.machine.explorer import Placement, Tried
from vmm.machine.machine import Machine, explorer_of
from vmm.machine.options import Options
from vmm.output import OutputFile
from vmm.placements.campaign import Campaign, Found, moved
from vmm.placements.checks import Function, NoAnswer
from vmm.placements.counterexample import tell
from vmm.placements.deliveries import is_delivered
from vmm.placements.judge import Judge
from vmm.placements.predicate import terms
from vmm.placements.report import Fails, Failure, Happening, Report, runs_of
from vmm.placements.sources import Source, of_machine, source
from vmm.placements.subject import UNDISTURBED, Subject, Window, patience, told
from vmm.placements.suspicions import EXTENT, suspicions
from vmm.scenario.triggers import NextBoundary, Reach
from vmm.version import described

if TYPE_CHECKING:
    from typing_extensions import Unpack


__all__ = ["explore"]

Check = str | Callable[[Machine], Any]

FIRST_CHUNK, MOST_IN_CHUNK = 16, 4096
CHUNK_SECONDS = 0.25
"""What is reported, and can be broken off, between two chunks."""
ATOMIC = "atomic"
"""A check: no interrupt comes between accesses that belong together."""
LONGEST = 20_000
"""Boundaries of a handler, or of a disturbed window, at which one more interrupt is tried."""
A_YEAR = 365 * 24 * 3600.0
BEYOND = 50_000_000
"""Behind that: a guest that waits for an interrupt never ends without one."""
MAY_WAIT = ("idle", "count")
"""Reasons of stops that such a guest's undisturbed run has."""


@dataclass(frozen=True)
class Bounds:
    """`depth` interrupts in one run at most, which has `insns` instructions from the window's first boundary on; stop
    after `runs` runs or `seconds`.
    """

    depth: int = 1
    insns: int | None = None
    runs: int | None = None
    seconds: float | None = None
    reduction: bool = True
    reads: int = 1

    def check(self) -> None:
        """VmmError for one that is none."""
        if not 1 <= self.depth <= lib.VMM_MAX_DEPTH:
            raise VmmError(f"depth {self.depth}: it is 1 to {lib.VMM_MAX_DEPTH}")
        if not 0 <= self.reads <= lib.VMM_MAX_DEPTH - self.depth:
            raise VmmError(f"reads {self.reads}: with depth {self.depth} it is 0 to {lib.VMM_MAX_DEPTH - self.depth}")
        if self.insns is not None and not 1 <= self.insns < 1 << 63:
            raise VmmError(f"insns {self.insns}: a run has 1 to {(1 << 63) - 1} instructions")
        if self.runs is not None and self.runs < 1:
            raise VmmError(f"runs {self.runs}: a budget is of 1 run and more")
        if self.seconds is not None and not 0 < self.seconds < float("inf"):
            raise VmmError(f"seconds {self.seconds}: a budget is above 0")


def explore(
    image: str | Path,
    *,
    inject: str | Source | Sequence[str | Source],
    between: tuple[str | int, str | int],
    hit: int = 1,
    until: str | int | None = None,
    check: Check | Sequence[Check] = (),
    depth: int = 1,
    insns: int | None = None,
    runs: int | None = None,
    seconds: float | None = None,
    reduction: bool = True,
    reads: int = 1,
    record: Path | str | None = None,
    campaign: Path | str | None = None,
    coverage: Coverage | None = None,
    prepare: Callable[[Machine], Any] | None = None,
    progress: Callable[[Report], Any] | None = None,
    initrd: Sequence[str] = (),
    load_address: int | None = None,
    **options: Unpack[Options],
) -> Report:
    """Run `image` with what `inject` names ("irq:4", "nmi", "vector:0x40", "turn:1", see `vmm help exploring`) at every
    boundary from `between[0]` to `between[1]`, and with up to `depth` of them in one run; beside these up to `reads`
    reads of one run find a value that "read:x=0,7" lists. Each run goes on to `until`, or to the guest's own end, and
    must keep what `check` says there: comparisons such as "n == 2", functions of the machine that return whether all is
    well, or assert it. It must come there, with exit status 0, and the guest must make no error. `check` "atomic": nor
    may an interrupt come between accesses that belong together; without any check such are told as suspicious.

    `hit`: at which visit of the first place the window begins. `insns`: how many instructions a run may take from
    there on (ten times the undisturbed run's, and 200,000). `runs` and `seconds` are budgets. `reduction` False
    makes every run whole. `record` is a file for the least failing run. `campaign` is a file for what was tried: where
    it is there already, the exploration goes on from it, and its budgets begin anew. `coverage` has what was
    tried, too, when it is over: each placement is a delivery at its boundary. `prepare` is called with each machine
    when its image is loaded; `progress` with the report so far, some times a second. `initrd`, `load_address` and
    `options` are as for `boot`. VmmError for what it cannot begin, and for a check that raises, gives None, or does
    not give the same when it is asked again.
    """
    chosen = [
        source(each) if isinstance(each, str) else each
        for each in ([inject] if isinstance(inject, str | Source) else inject)
    ]
    checks = [check] if isinstance(check, str) or callable(check) else list(check)
    subject = Subject(image, options, Window(*between, until, hit), prepare, initrd, load_address)
    bounds = Bounds(depth, insns, runs, seconds, reduction, reads)
    return Exploration(subject, chosen, checks, bounds, campaign, coverage).run(record, progress)


class Exploration:
    """One of a subject."""

    def __init__(
        self, subject: Subject, sources: list[Source], checks: Sequence[Check], bounds: Bounds,
        campaign: Path | str | None = None, coverage: Coverage | None = None,
    ) -> None:  # fmt: skip
        if not sources or len(sources) > lib.VMM_MAX_CHOICES:
            raise VmmError(f"{len(sources)} sources: there are 1 to {lib.VMM_MAX_CHOICES}")
        bounds.check()
        self._subject, self._sources, self._bounds = subject, sources, bounds
        self._asked_atomic = ATOMIC in checks
        self._atomic = self._asked_atomic or not checks
        checks = [each for each in checks if each != ATOMIC]
        self._terms = [term for each in checks if isinstance(each, str) for term in terms(each)]
        self._functions = [Function(each) for each in checks if not isinstance(each, str)]
        self._campaign, self._coverage = campaign, coverage
        self.report: Report | None = None
        """What was found, from the first run on, and when it was broken off by KeyboardInterrupt."""

    def run(self, record: Path | str | None, progress: Callable[[Report], Any] | None) -> Report:
        """Until it is over, or a budget is spent; when KeyboardInterrupt breaks it off, `report` has what was found."""
        subject, window, bounds = self._subject, self._subject.window, self._bounds
        machine = subject.boot()
        self._sources = of_machine(self._sources, machine)
        if self._asked_atomic and len(machine.cpus) > 1:
            raise VmmError(f'check "{ATOMIC}" is for machines of one vCPU: this one has {len(machine.cpus)}')
        files = machine.source.files if machine.source else []
        if record:
            with OutputFile("recording", record, inputs=files):
                pass  # a wrong path costs nobody an exploration
        if self._coverage:
            self._coverage.watch(machine)
        subject.enter(machine)
        plan = self.plan(machine)
        allowed, expected, undisturbed = self._undisturbed()
        plan.patience = allowed
        errors = machine.trace.guest_errors
        judge = Judge(machine, self._sources, window, self._terms, self._functions, errors, allowed)
        self.report = report = Report(
            str(subject.image), (told(window.begin), told(window.end)), [each.name for each in self._sources],
            bounds.depth, bounds.reduction, expected=expected, undisturbed=undisturbed, reads=bounds.reads,
        )  # fmt: skip
        campaign = Campaign(Path(self._campaign), self._key(machine), files) if self._campaign else None
        found = campaign.found if campaign else Found()
        judge.causes = found.causes
        self._tell_found(report, found)
        broken_off: KeyboardInterrupt | None = None
        chunks = self._chunks(machine, judge, plan, found)
        try:
            for found in chunks:
                self._tell_found(report, found)
                if progress:
                    progress(report)
                if campaign:
                    campaign.save(now=False)
                if plan.spent or 0 < plan.most_runs <= plan.runs:
                    break
        except KeyboardInterrupt as error:
            broken_off = error
        finally:
            chunks.close()
            if self._coverage:
                self._coverage.collect()
            if campaign:
                campaign.save(now=True)
        if not broken_off and report.over:
            self._tell_waiting(report, found.taken, allowed)
        report.failures = [self._failure(machine, judge, runs) for runs in runs_of(found.tried)]
        if failing := [each.row for each in found.tried if each.row.least]:
            least = min(failing, key=lambda row: (len(row.least), [each.at[:2] for each in row.least]))
            self._explain(report, machine, least.least, judge.causes[least.least_outcome - 1], record, allowed)
        elif self._atomic:
            self._suspect(report, machine, found.early, record, allowed)
        if broken_off:
            raise broken_off
        return report

    def _explain(
        self, report: Report, machine: Machine, least: Sequence[Placement], cause: str, record: Path | str | None,
        allowed: int,
    ) -> None:  # fmt: skip
        report.least = [self._happening(machine, each) for each in least]
        report.cause = cause
        report.story, report.recording = tell(self._subject, self._sources, least, cause, record, allowed)

    def _suspect(
        self, report: Report, machine: Machine, early: Sequence[Placement], record: Path | str | None,
        allowed: int,
    ) -> None:  # fmt: skip
        """What nothing that was asked for finds wrong."""
        if len(machine.cpus) > 1 or not early:
            return
        delivered: dict[int, list[Placement]] = {}
        for placement in early:
            delivered.setdefault(placement.choice, []).append(placement)
        found = suspicions(self._subject, self._sources, delivered)
        report.atomicity = EXTENT
        places = []
        for each in found:
            first, last = (self._happening(machine, each.placements[n]) for n in (0, -1))
            places.append(Failure(each.words, first, last, len(each.placements)))
        if not self._asked_atomic or not found:
            report.suspicious = places
            return
        report.failures = places
        report.failing = len({placement for each in found for placement in each.placements})
        least = min(found, key=lambda each: each.placements[0].at[:2])
        self._explain(report, machine, least.placements[:1], least.words, record, allowed)

    def _chunks(self, machine: Machine, judge: Judge, plan: Any, found: Found) -> Generator[Found, None, None]:
        """Find more, and again, until the window is over: from its begin, where the machine stands, or from the last
        boundary that was tried, which is not counted twice. What the end of a budget leaves half done is but told.
        """
        if found.over:
            return
        begin = found.last or (0, 0)
        if begin[0]:
            machine.run(insns=begin[0])
        for _ in range(begin[1]):
            machine.run(until=NextBoundary())
        plan.patience = max(plan.patience - begin[0], 1)
        again = len(self._sources) if found.last else 0
        most = None if self._bounds.runs is None else (self._bounds.runs + again) // len(self._sources)
        plan.most_runs += again if most else 0
        chunk = Chunks(FIRST_CHUNK if self._bounds.depth == 1 else 1, most)
        runs, tails, cut, seconds, began = found.runs, found.tails, found.cut, found.seconds, time.monotonic()
        known = found.last
        if self._bounds.seconds is not None:
            plan.until_ns = time.monotonic_ns() + int(min(self._bounds.seconds, A_YEAR) * 1e9)
        with closing(explorer_of(machine, plan, judge).run(chunk.size)) as chunks:
            for rows in chunks:
                whole = [row for row in (moved(row, begin) for row in rows) if row.first.at[:2] != known]
                self._refuse_no_answer(machine, judge, whole)
                found = deepcopy(found) if plan.spent else found
                found.over, found.cut = bool(plan.over), cut + plan.cut
                found.add(whole)
                found.runs, found.tails = runs + plan.runs, tails + plan.tails
                found.seconds = seconds + time.monotonic() - began
                yield found

    @staticmethod
    def _tell_found(report: Report, found: Found) -> None:
        for name in ("boundaries", "placements", "failing", "runs", "tails", "delivered", "seconds", "over", "cut"):
            setattr(report, name, getattr(found, name))

    def _key(self, machine: Machine) -> dict[str, Any]:
        """What makes it this exploration and no other."""
        window, bounds, source = self._subject.window, self._bounds, machine.source
        functions = [*self._functions, *([Function(self._subject.prepare)] if self._subject.prepare else [])]
        return {
            "vmm": described(), "image": checksum(self._subject.path),
            "modules": [_module(each) for each in (source.modules if source else ())],
            "load address": self._subject.load_address, **machine.config.plain(),
            "window": [told(window.begin), told(window.end), window.hit], "end": window.until and told(window.until),
            "sources": [each.name for each in self._sources],
            "checks": [
                *[ATOMIC] * self._asked_atomic, *(term.text for term in self._terms),
                *(each.identity() for each in functions),
            ],
            "depth": bounds.depth, "reads": bounds.reads, "instructions of a run": bounds.insns,
            "reduction": bounds.reduction,
        }  # fmt: skip

    def _refuse_no_answer(self, machine: Machine, judge: Judge, rows: Sequence[Tried]) -> None:
        """NoAnswer with the least placement at which a check gave none, as far as that is known."""
        if not judge.no_answers:
            return
        places = [((row.first,), row.outcome) for row in rows] + [(row.least, row.least_outcome) for row in rows]
        known = [(len(least), least, outcome) for least, outcome in places if outcome in judge.no_answers]
        if not known:
            raise next(iter(judge.no_answers.values()))
        _, least, outcome = min(known)
        error = judge.no_answers[outcome]
        happened = [self._happening(machine, each) for each in least]
        where = " and ".join(f"{each.source} at {each.where}" for each in happened)
        raise NoAnswer(f"{error}; with {where}") from error.__cause__

    def _tell_waiting(self, report: Report, taken: Sequence[int], allowed: int) -> None:
        """What became of sources that no boundary took."""
        if not report.placements:
            report.masked = [each.name for each in self._sources]
            return
        for number, each in enumerate(self._sources):
            if number not in taken and each.interrupts:
                kept = report.waiting if is_delivered(self._subject, each, allowed) else report.masked
                kept.append(each.name)

    def _undisturbed(self) -> tuple[int, int, str]:
        """How many instructions runs have from the window's first boundary on, how many boundaries the window has, and
        how a run ends that nobody disturbs; VmmError where that does not come to the window's end.
        """
        subject, window = self._subject, self._subject.window
        machine = subject.boot()
        subject.enter(machine)
        first = machine.instructions
        stop = machine.run(until=Reach(window.end), insns=UNDISTURBED)
        if stop.reason != "breakpoint":
            raise VmmError(
                f"undisturbed, the guest never comes from {told(window.begin)} to {told(window.end)}: {stop}"
            )
        inside, insns = machine.instructions - first, self._bounds.insns
        left = BEYOND if insns is None else min(max(insns - inside, 1), BEYOND)
        if window.until is None or machine.address(window.until) != machine.address(window.end):
            stop = machine.run(until=None if window.until is None else Reach(window.until), insns=left)
        if window.until is not None and stop.reason not in ("breakpoint", *MAY_WAIT):
            raise VmmError(
                f"undisturbed, the guest never comes from {told(window.end)} to {told(window.until)}: {stop}"
            )
        taken = inside if stop.reason == "count" else machine.instructions - first
        return insns or patience(taken), inside + 1, str(stop)

    def plan(self, machine: Machine) -> Any:
        """A `vmm_plan` of it for the core, but for how long a run may take."""
        plan, bounds, window = ffi.new("vmm_plan *"), self._bounds, self._subject.window
        for number, each in enumerate(self._sources):
            row = each.row(machine)
            choice = plan.choice[number]
            choice.kind, choice.number, choice.vector = row.kind, row.number, row.vector
            choice.size, choice.physical, choice.value = row.size, row.physical, row.value
        plan.choices, plan.depth = len(self._sources), bounds.depth
        plan.finds = bounds.reads if any(choice.kind == lib.VMM_CHOICE_FIND for choice in plan.choice) else 0
        plan.longest, plan.most_runs = LONGEST, bounds.runs or 0
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

    def _failure(self, machine: Machine, judge: Judge, runs: list[list[Fails]]) -> Failure:
        run = runs[0]
        first, last = (self._happening(machine, each.row.first) for each in (run[0], run[-1]))
        return Failure(judge.causes[run[0].row.outcome - 1], first, last, len(run), len(runs))


class Chunks:
    """How many boundaries to try at once: `first`, then by how long the last took; `most` in all, unless None."""

    def __init__(self, first: int, most: int | None = None) -> None:
        self._left = most
        self._size, self._since = max(first // 2, 1), time.monotonic()

    def size(self) -> int:
        """Of the next."""
        now = time.monotonic()
        quick, self._since = now - self._since < CHUNK_SECONDS, now
        self._size = min(2 * self._size, MOST_IN_CHUNK) if quick else max(self._size // 2, 1)
        if self._left is None:
            return self._size
        size = max(min(self._size, self._left), 1)
        self._left -= size
        return size


def _module(text: str) -> list[str]:
    """Its arguments and what is in its file, wherever that lies."""
    path = module_path(text)
    return [text[len(str(path)) :], checksum(path)]


def _reach(trigger: Any, machine: Machine, where: str | int) -> None:
    trigger.kind, trigger.at, trigger.vcpu = lib.VMM_TRIGGER_REACH, machine.address(where), lib.VMM_ANY
