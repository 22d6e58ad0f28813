"""An exploration: a machine brought to its window, what may happen there, what must hold, and how far to go."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmm.core.native import lib
from vmm.core.stops import AWAITED, Stop
from vmm.coverage.coverage import Coverage
from vmm.errors import VmmError
from vmm.inputs.tape import checksum, module_path
from vmm.machine.explorer import Placement
from vmm.machine.machine import Machine
from vmm.machine.options import Options
from vmm.output import OutputFile
from vmm.placements.aim import COUNTED, Aim, counted
from vmm.placements.bounds import FINDS, LONGEST, Bounds, plan_of
from vmm.placements.campaign import Campaign
from vmm.placements.checks import Function, NoAnswer
from vmm.placements.conduct import Conductor, Here, Unanswered
from vmm.placements.counterexample import tell
from vmm.placements.deadline import deadline as deadline_of
from vmm.placements.deliveries import is_delivered
from vmm.placements.diagnosing import Wanted
from vmm.placements.found import APART, Found, Worst
from vmm.placements.order import order
from vmm.placements.predicate import forbidden, terms
from vmm.placements.ranges import END, Standing
from vmm.placements.report import Counts, Extreme, Fails, Failure, Happening, Report, runs_of
from vmm.placements.sample import Sample
from vmm.placements.shrink import shrunk
from vmm.placements.sources import Source, of_machine, source
from vmm.placements.subject import UNDISTURBED, Subject, Window, patience, told
from vmm.placements.suspicions import EXTENT, suspicions
from vmm.placements.words import Words
from vmm.placements.workers import MOST_JOBS, Borrowed, Processes
from vmm.scenario.combinators import First
from vmm.scenario.trigger import Trigger
from vmm.scenario.triggers import Reach
from vmm.version import described

if TYPE_CHECKING:
    from typing_extensions import Unpack


__all__ = ["explore"]

Check = str | Callable[[Machine], Any]

ATOMIC = "atomic"
"""A check: no interrupt comes between accesses that belong together."""
SLICE = 1 << 20
"""Instructions after which it is looked at the clock."""
LEAST = 1e-3
"""Seconds that an exploration has left, whatever the undisturbed run took."""
BEYOND = 50_000_000
"""Behind that: a guest that waits for an interrupt never ends without one."""
MAY_WAIT = ("idle", "count")
"""Reasons of stops that such a guest's undisturbed run has."""


def explore(
    image: str | Path,
    *,
    inject: str | Source | Sequence[str | Source],
    between: tuple[str | int | Trigger[Any], str | int | Trigger[Any]],
    hit: int = 1,
    until: str | int | None = None,
    check: Check | Sequence[Check] = (),
    depth: int = 1,
    insns: int | None = None,
    runs: int | None = None,
    seconds: float | None = None,
    reduction: bool = True,
    reads: int = 1,
    sample: int | None = None,
    deadline: str | int | None = None,
    stack: int | None = None,
    record: Path | str | None = None,
    campaign: Path | str | None = None,
    coverage: Coverage | None = None,
    prepare: Callable[[Machine], Any] | None = None,
    progress: Callable[[Report], Any] | None = None,
    initrd: Sequence[str] = (),
    load_address: int | None = None,
    jobs: int | None = None,
    executor: Executor | None = None,
    diagnose: str | Sequence[str] = (),
    **options: Unpack[Options],
) -> Report:
    """Run `image` with what `inject` names ("irq:4", "nmi", "vector:0x40", "turn:1", see `vmm help exploring`) at every
    boundary from `between[0]` to `between[1]`, and with up to `depth` of them in one run; beside these up to `reads`
    reads of one run find a value that "read:x=0,7" lists. Each run goes on to `until`, or to the guest's own end, and
    must keep what `check` says there: comparisons such as "n == 2" or "$eax == 0", "never panic", a place that no run
    comes to, 'says "PASS"' of its console, functions of the machine that return whether all is well, or assert it. It
    must come there, with exit status 0, and the guest must make no error. `check` "atomic": nor may an interrupt come
    between accesses that belong together; without any check such are told as suspicious.

    `sample`: only so many placements are tried, drawn at random by the machine's `seed`, of those with `depth` of them;
    where there are no more than that, all are.

    `diagnose`: what each run is looked at for, as `Machine.diagnose` takes it; it fails where one is certain. That
    depends on all that the run did, so each is made whole.

    `deadline`: it must come there within so much time or so many instructions of the window's first boundary, "80us",
    "5000insns" or a number of instructions. `stack`: that boundary's stack may grow by so many bytes.

    The window is between two locations, "insn:N", where so many have begun, or triggers; an end that is a trigger is
    the count at which the undisturbed run comes to it. `hit`: at which visit of the first place. `insns`: how many
    instructions a run may take from there on (ten times the undisturbed run's, and 200,000). `runs` and `seconds` are
    budgets. `reduction` False makes every run whole. `record` is a file for the least failing run. `campaign` is a file
    for what was tried: where it is there already, the exploration goes on from it, and its budgets begin anew.
    `coverage` has what was tried, too, when it is over: each placement is a delivery at its boundary. `prepare` is
    called with each machine when its image is loaded; `progress` with the report so far, some times a second. `initrd`,
    `load_address` and `options` are as for `boot`.

    `jobs` processes try it, and find the same; or the workers of `executor`, any of `concurrent.futures` or a Dask
    client's `get_executor()`, of which `jobs` says how many there are. Functions are to be at the top of a file then.
    VmmError for what it cannot begin, and for a check that raises, gives None, or does not give the same when it is
    asked again.
    """
    chosen = [
        source(each) if isinstance(each, str) else each
        for each in ([inject] if isinstance(inject, str | Source) else inject)
    ]
    checks = [check] if isinstance(check, str) or callable(check) else list(check)
    window, wanted = Window(*between, until, hit), Wanted.of(diagnose)
    subject = Subject(image, options, window, prepare, initrd, load_address, wanted)
    late = None if deadline is None else deadline_of(deadline)
    bounds = Bounds(depth, insns, runs, seconds, reduction, reads, late, stack, sample)
    return Exploration(subject, chosen, checks, bounds, campaign, coverage, jobs, executor).run(record, progress)


class Exploration:
    """One of a subject."""

    def __init__(
        self, subject: Subject, sources: list[Source], checks: Sequence[Check], bounds: Bounds,
        campaign: Path | str | None = None, coverage: Coverage | None = None, jobs: int | None = None,
        executor: Executor | None = None,
    ) -> None:  # fmt: skip
        if jobs is not None and not 1 <= jobs <= MOST_JOBS:
            raise VmmError(f"jobs {jobs}: there are 1 to {MOST_JOBS}")
        if not sources or len(sources) > lib.VMM_MAX_CHOICES:
            raise VmmError(f"{len(sources)} sources: there are 1 to {lib.VMM_MAX_CHOICES}")
        bounds.check()
        if subject.diagnoses.asked:  # states that are one have two histories
            bounds = replace(bounds, reduction=False)
        self._subject, self._sources, self._bounds = subject, sources, bounds
        self._asked_atomic = ATOMIC in checks
        self._atomic = self._asked_atomic or not checks
        checks = [each for each in checks if each != ATOMIC]
        self._terms = [term for each in checks if isinstance(each, str) for term in terms(each)]
        self._functions = [Function(each) for each in checks if not isinstance(each, str)]
        self._campaign, self._coverage, self._jobs, self._executor = campaign, coverage, jobs, executor
        self.report: Report | None = None
        """What was found, from the first run on, and when it was broken off by KeyboardInterrupt."""

    def run(self, record: Path | str | None, progress: Callable[[Report], Any] | None) -> Report:
        """Until it is over, or a budget is spent; when KeyboardInterrupt breaks it off, `report` has what was found."""
        with self._crew() as workers:  # which begin while the undisturbed run is made
            return self._run(workers, record, progress)

    def _crew(self) -> Here | Processes | Borrowed:
        if self._executor is not None:
            return Borrowed(self._executor, self._jobs or os.cpu_count() or 1)
        return Here() if self._jobs in (None, 1) else Processes(self._jobs)

    def _run(
        self, workers: Here | Processes | Borrowed, record: Path | str | None,
        progress: Callable[[Report], Any] | None,
    ) -> Report:  # fmt: skip
        machine = self._subject.boot()
        files = machine.source.files if machine.source else []
        self._enter(machine, files, record)
        begun = time.monotonic()
        allowed, expected, undisturbed = self._undisturbed()
        self.report = report = self._new_report(machine, workers.count, expected, undisturbed)
        if not expected:
            report.seconds = time.monotonic() - begun
            return report
        sample = self._bound(report, machine, begun, allowed)
        campaign = Campaign(Path(self._campaign), self._key(machine), files) if self._campaign else None
        words = Words(self._subject, self._bounds, self._sources, self._terms, allowed)
        last = sample.count - 1 if sample else expected - 1
        conductor = Conductor(
            workers, campaign.found if campaign else Found(), self._bounds, len(self._sources), last, words,
            drawn=sample is not None,
        )  # fmt: skip
        self._tell_found(report, conductor.found)
        broken_off: KeyboardInterrupt | None = None
        try:
            with self._standing(machine, workers, allowed, sample):
                self._conduct(report, conductor, campaign, progress)
        except KeyboardInterrupt as error:
            broken_off = error
        except Unanswered as error:
            raise self._no_answer(machine, error) from (error.error and error.error.__cause__)
        finally:
            if self._coverage:
                self._coverage.collect()
                self._coverage.add_covered(machine, conductor.covered)
            if campaign:
                campaign.found = conductor.gapless
                campaign.save(now=True)
        found = conductor.all_found()
        self._tell_found(report, found)
        report.lost = [self._lost(piece.first, piece.to, why, sample) for piece, why in conductor.lost]
        if not broken_off and report.over:
            self._tell_waiting(report, found.taken, allowed)
        self._conclude(report, machine, found, words, sample, allowed, record)
        if broken_off:
            raise broken_off
        return report

    def _enter(self, machine: Machine, files: Sequence[Path], record: Path | str | None) -> None:
        """It stands at the window's begin; what is wrong with what was asked for costs nobody an exploration."""
        self._sources = of_machine(self._sources, machine)
        if self._asked_atomic and len(machine.cpus) > 1:
            raise VmmError(f'check "{ATOMIC}" is for machines of one vCPU: this one has {len(machine.cpus)}')
        if record:
            with OutputFile("recording", record, inputs=files):
                pass
        if self._coverage:
            self._coverage.watch(machine)
        self._subject.enter(machine)
        self.plan(machine, 0)

    def _new_report(self, machine: Machine, workers: int, expected: int, undisturbed: str) -> Report:
        """What is known before anything was tried."""
        subject, bounds = self._subject, self._bounds
        return Report(
            str(subject.image), (told(subject.window.begin), told(subject.window.end)),
            [each.name for each in self._sources], bounds.depth, bounds.reduction, expected=expected,
            undisturbed=undisturbed, workers=workers, reads=bounds.reads, deadline=bounds.deadline, stack=bounds.stack,
            diagnoses=list(subject.diagnoses.words), not_applied=subject.diagnoses.not_applied(machine),
        )  # fmt: skip

    def _bound(self, report: Report, machine: Machine, begun: float, allowed: int) -> Sample | None:
        """What is drawn, where not all is tried; the undisturbed run has taken its part of the time."""
        bounds = self._bounds
        if bounds.seconds is not None:
            bounds = replace(bounds, seconds=max(begun + bounds.seconds - time.monotonic(), LEAST))
        sample = self._sample(machine, allowed) if bounds.sample else None
        if sample:
            bounds = replace(bounds, reduction=False)
            report.sample, report.reduction = sample, False
        self._bounds = bounds
        return sample

    def _conduct(
        self, report: Report, conductor: Conductor, campaign: Campaign | None,
        progress: Callable[[Report], Any] | None,
    ) -> None:  # fmt: skip
        with closing(conductor.run()) as finding:
            for found in finding:
                self._tell_found(report, found)
                if progress:
                    progress(report)
                if campaign:
                    campaign.found = conductor.gapless
                    campaign.save(now=False)

    def _conclude(
        self, report: Report, machine: Machine, found: Found, words: Words, sample: Sample | None, allowed: int,
        record: Path | str | None,
    ) -> None:  # fmt: skip
        """What fails, the least that does with its story, and what is suspicious where nothing does."""
        report.longest, report.deepest = (self._extreme(machine, each) for each in found.worst)
        report.failures = list(self._failures(machine, found, words))
        if failing := [each for each in found.tried if each.row.least]:
            fails = min(failing, key=lambda each: (len(each.row.least), [one.at[:2] for one in each.row.least]))
            least = fails.row.least
            cause = words.of_run(found.causes[fails.row.least_outcome - 1], least)
            if sample:
                least, cause = self._shrunk(machine, fails, sample, allowed) or (least, cause)
            self._explain(report, machine, least, cause, record, allowed)
        elif self._atomic:
            self._suspect(report, machine, found.early, record, allowed)

    @contextmanager
    def _standing(
        self, machine: Machine, workers: Here | Processes | Borrowed, allowed: int, sample: Sample | None
    ) -> Iterator[None]:
        """The workers have been told what they are to try."""
        bounds = self._bounds
        if isinstance(workers, Here):
            with self._here(machine, allowed, sample) as standing:
                workers.begin(standing)
                yield
            return
        names, checks = [each.name for each in self._sources], [each.text for each in self._terms]
        called = [each.function for each in self._functions]
        collects = self._coverage is not None
        workers.begin(order(self._subject, machine, names, checks, called, bounds, allowed, sample, collects=collects))
        yield

    def _here(self, machine: Machine, allowed: int, sample: Sample | None) -> Standing:
        return Standing(
            machine, self._subject.window, self._sources, self._terms, self._functions, self._bounds, allowed,
            self._subject.diagnoses, sample,
        )  # fmt: skip

    def _sample(self, machine: Machine, allowed: int) -> Sample | None:
        """What is drawn; None: there is no more than that, and all of it is tried."""
        bounds, numbers = self._bounds, range(len(self._sources))
        assert bounds.sample is not None
        if any(each.row(machine).kind in FINDS for each in self._sources):
            raise VmmError("sample: it is of interrupts and turns: what read:… finds is explored without one")
        with self._here(machine, allowed, None) as standing:
            boundaries = standing.extent(None)
            handlers = [standing.extent(each) - boundaries for each in numbers] if bounds.depth > 1 else []
        longest = min(max(0, *handlers), LONGEST) if handlers else 0
        steps = boundaries + (bounds.depth - 1) * longest
        sample = Sample(bounds.sample, machine.config.seed, len(numbers), bounds.depth, boundaries, steps)
        return sample if sample.space > sample.count else None

    def _shrunk(
        self, machine: Machine, fails: Fails, sample: Sample, allowed: int
    ) -> tuple[tuple[Placement, ...], str] | None:  # fmt: skip
        """The least that comes of a draw, and its cause."""
        with self._here(machine, allowed, None) as standing:
            row = shrunk(sample, fails.boundary // APART, standing.failing)
            return (row.least, standing.cause(row.least_outcome)) if row else None

    def _lost(self, first: int, to: int, why: str, sample: Sample | None) -> str:
        """What was given up, in words."""
        if sample:
            return f"draws {first} to {min(to, sample.count) - 1} of the sample: {why}"
        machine = self._subject.boot()
        self._subject.enter(machine)
        machine.run(insns=first)
        begin = f"{machine.where(machine.cpus[machine.stop.vcpu].pc)}, {first} instructions behind the window's begin"
        if to == END:
            return f"from {begin}, to its end: {why}"
        machine.run(insns=to - first - 1)
        return f"from {begin}, to {machine.where(machine.cpus[machine.stop.vcpu].pc)}: {why}"

    def _explain(
        self, report: Report, machine: Machine, least: Sequence[Placement], cause: str, record: Path | str | None,
        allowed: int,
    ) -> None:  # fmt: skip
        report.least = [self._happening(machine, each) for each in least]
        report.cause = cause
        report.story, report.moments, report.recording = tell(
            self._subject, self._sources, least, cause, record, allowed, self._bounds.stack, forbidden(self._terms)
        )

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

    @staticmethod
    def _tell_found(report: Report, found: Found) -> None:
        for each in fields(Counts):
            setattr(report, each.name, getattr(found, each.name))

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
            "reduction": bounds.reduction, "diagnose": list(self._subject.diagnoses.words),
            "deadline": bounds.deadline and bounds.deadline.text, "stack": bounds.stack, "sample": bounds.sample,
        }  # fmt: skip

    def _no_answer(self, machine: Machine, unanswered: Unanswered) -> NoAnswer:
        """With the placement."""
        happened = [self._happening(machine, each) for each in unanswered.placements]
        where = " and ".join(f"{each.source} at {each.where}" for each in happened)
        return NoAnswer(f"{unanswered.text}; with {where}" if where else unanswered.text)

    def _tell_waiting(self, report: Report, taken: Sequence[int], allowed: int) -> None:
        """What became of sources that no boundary took."""
        if not report.placements:
            report.masked = [each.name for each in self._sources]
            return
        for number, each in enumerate(self._sources):
            if number not in taken and each.interrupts:
                if not is_delivered(self._subject, each, allowed):
                    report.masked.append(each.name)
                elif not report.sample:  # which has not been at each boundary
                    report.waiting.append(each.name)

    def _undisturbed(self) -> tuple[int, int, str]:
        """How many instructions runs have from the window's first boundary on, how many boundaries the window has, and
        how a run ends that nobody disturbs: 0 boundaries where the budget ends before it does. VmmError where it does
        not come to the window's end.
        """
        subject, window = self._subject, self._subject.window
        machine = subject.boot()
        subject.enter(machine)
        first = machine.instructions
        deadline = None if self._bounds.seconds is None else time.monotonic() + self._bounds.seconds
        for each in forbidden(self._terms):
            if machine.address(each) == machine.cpus[machine.position.vcpu].pc:
                raise VmmError(f"never {each}: the window begins there")
        if (number := counted(window.end)) is not None and number <= first:
            raise VmmError(f"the window begins where {first} instructions have begun: {window.end} is not behind it")
        stop = self._through(machine, deadline)
        if stop is None:
            return 0, 0, _unfinished(machine.instructions - first, told(window.end))
        inside, insns = machine.instructions - first, self._bounds.insns
        if isinstance(window.end, Trigger):
            if not inside:
                raise VmmError(f"the window would end where it begins: {window.end} is there")
            subject.window = replace(window, end=f"{COUNTED}{machine.instructions}")
        left = BEYOND if insns is None else min(max(insns - inside, 1), BEYOND)
        if window.until is not None and Aim(machine, window.until).reached:
            stop = _reached(machine, stop)
        else:
            after = _run(machine, None if window.until is None else Reach(window.until), left, deadline)
            if after is None:
                where = "its end" if window.until is None else told(window.until)
                return 0, 0, _unfinished(machine.instructions - first, where)
            stop = after
        if window.until is not None and stop.reason not in ("breakpoint", *MAY_WAIT):
            raise VmmError(
                f"undisturbed, the guest never comes from {told(window.end)} to {told(window.until)}: {stop}"
            )
        taken = inside if stop.reason == "count" else machine.instructions - first
        return insns or patience(taken), inside + 1, str(stop)

    def _through(self, machine: Machine, deadline: float | None) -> Stop | None:
        """The window, undisturbed; None where the deadline is over first."""
        window, never = self._subject.window, [Reach(each) for each in forbidden(self._terms)]
        number, insns, goals = counted(window.end), UNDISTURBED, list[Trigger[Any]]()
        if number is not None:
            insns = min(number - machine.instructions, UNDISTURBED)
        elif isinstance(window.end, Trigger):
            goals, deadline = [window.end], None  # each slice would wait for it anew
        else:
            goals = [Reach(window.end)]
        places = [*goals, *never]
        stop = _run(machine, First(*places) if places else None, insns, deadline)
        if stop is None or (stop.reason == "count" and machine.instructions == number):
            return stop
        if stop.reason not in AWAITED:
            raise VmmError(
                f"undisturbed, the guest never comes from {told(window.begin)} to {told(window.end)}: {stop}"
            )
        if stop.result.trigger not in goals:
            came = told(stop.result.trigger.where)
            raise VmmError(f"undisturbed, the guest comes to {came}, before {told(window.end)}")
        return stop

    def plan(self, machine: Machine, patience: int) -> Any:
        """A `vmm_plan` of it for the core."""
        each = bool(self._functions)
        window, bounds = self._subject.window, self._bounds
        return plan_of(machine, window, self._sources, self._terms, bounds, each=each, patience=patience)

    def _happening(self, machine: Machine, placement: Placement) -> Happening:
        return Happening(self._sources[placement.choice].name, machine.where(placement.at.address), placement)

    def _extreme(self, machine: Machine, worst: Worst | None) -> Extreme | None:
        if worst is None:
            return None
        return Extreme(worst.value, [self._happening(machine, each) for each in worst.placements])

    def _failures(self, machine: Machine, found: Found, words: Words) -> Iterator[Failure]:
        causes: dict[int, str] = {}
        for runs in runs_of(found.tried):
            run = runs[0]
            first, last = (self._happening(machine, each.row.first) for each in (run[0], run[-1]))
            outcome = run[0].row.outcome
            if outcome not in causes:
                causes[outcome] = words.of_run(found.causes[outcome - 1], [first.placement])
            yield Failure(causes[outcome], first, last, len(run), len(runs))


def _reached(machine: Machine, stop: Stop) -> Stop:
    """That it came to the place where it stands, however it did."""
    where = machine.where(machine.cpus[machine.position.vcpu].pc)
    return replace(stop, reason=Reach.reason, detail=f"{Reach.detail} {where}")


def _run(machine: Machine, until: Trigger[Any] | None, insns: int, deadline: float | None) -> Stop | None:
    """None where the deadline, of the host's monotonic clock, is over first."""
    while True:
        slice_ = insns if deadline is None else min(insns, SLICE)
        stop = machine.run(until=until, insns=slice_)
        insns -= slice_
        if stop.reason != "count" or not insns:
            return stop
        if deadline is not None and time.monotonic() >= deadline:
            return None


def _unfinished(insns: int, where: str) -> str:
    return f"within the budget it does not come to {where}, as far as {insns:,} instructions"


def _module(text: str) -> list[str]:
    """Its arguments and what is in its file, wherever that lies."""
    path = module_path(text)
    return [text[len(str(path)) :], checksum(path)]
