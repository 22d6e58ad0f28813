"""Run guests made of random bytes: none may crash the process, hang it, or end in an exception.

python tools/fuzz.py [guests|looking|gears|long|exploring|encodings] [--seed N] [--runs N] [--first N] [--jobs N]
                     [--hang SECONDS] [--once] [--show N]

guests: each case runs twice, in two processes, and must end the same way. looking: it runs whole, in slices, in
single steps, watched, with snapshots, recorded and so on, and must be the same run. gears: it must be the same run in
either gear. long: so must programs of a million instructions and more. exploring: interrupts at each boundary of a
window, with runs shared and without, must come to the same. encodings: a case is a batch of these, for one mode of a
CPU model, each of which is executed. Exit status 1 when something was found; each finding names the command that
repeats it. The last line is a digest of every run's hash, the same for the same seed.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import itertools
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path

import fuzz_cases
import fuzz_encodings
import fuzz_exploring
import fuzz_gears
import fuzz_long
import fuzz_looking
from fuzz_cases import Outcome
from fuzz_noise import Found

Run = Callable[..., Outcome]
"""The case of a seed and a number, told to a third if there is one; what it raises is a finding."""

RUNS: dict[str, Run] = {
    "guests": fuzz_cases.run, "looking": fuzz_looking.run, "gears": fuzz_gears.run, "long": fuzz_long.run,
    "exploring": fuzz_exploring.run, "encodings": fuzz_encodings.run,
}  # fmt: skip

REFUSALS = ("engine",)
"""Stop reasons that no guest should be able to cause: Unicorn gave up and nobody knows why."""


@dataclass(frozen=True)
class Finding:
    number: int
    what: str


def serve(pipe: Connection, run: Run, seed: int) -> None:
    """A worker: numbers in, an Outcome or a Finding out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.register(signal.SIGUSR1)
    while (number := pipe.recv()) is not None:
        try:
            outcome = run(seed, number)
        except Found as found:
            pipe.send(Finding(number, str(found)))
            continue
        except BaseException:
            pipe.send(Finding(number, traceback.format_exc()))
            continue
        pipe.send(Finding(number, f"stop {outcome}") if outcome.reason in REFUSALS else outcome)


class Worker:
    """One process and the case it works on."""

    def __init__(self, run: Run, seed: int) -> None:
        self.pipe, child = Pipe()
        self.process = get_context("fork").Process(target=serve, args=(child, run, seed), daemon=True)
        self.process.start()
        child.close()

    def begin(self, number: int) -> None:
        self.number, self.since = number, time.monotonic()
        self.pipe.send(number)

    def answer(self) -> Outcome | Finding:
        """What came of the case; a worker that is gone says so by its end."""
        try:
            result: Outcome | Finding = self.pipe.recv()
            return result
        except (EOFError, ConnectionResetError):
            self.process.join()
            code = self.process.exitcode or 0
            how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
            return Finding(self.number, f"the process died: {how}")

    def hang(self, seconds: float) -> Finding:
        """A case that does not end: whether it computes (R) or waits (S); where in Python, on standard error."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        used = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
        os.kill(self.process.pid or 0, signal.SIGUSR1)
        self.process.join(timeout=1)
        return Finding(self.number, f"hangs for more than {seconds:g} s ({stat[0]}, {used:.1f} s of processor time)")

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def results(seed: int, numbers: range, jobs: int, hang: float, run: Run | None = None) -> Iterator[Outcome | Finding]:
    """Every case's outcome, in the order they finish."""
    run = run or fuzz_cases.run
    waiting = iter(numbers)
    workers = []
    for number in itertools.islice(waiting, jobs):
        workers.append(Worker(run, seed))
        workers[-1].begin(number)
    while workers:
        ready = wait([worker.pipe for worker in workers], timeout=hang / 4)
        for worker in list(workers):
            late = time.monotonic() - worker.since > hang
            if worker.pipe in ready:
                result = worker.answer()
            elif late:
                result = worker.hang(hang)
            else:
                continue
            yield result
            following = next(waiting, None)
            if following is None or isinstance(result, Finding):
                worker.end()
                workers.remove(worker)
            if following is None:
                continue
            if worker not in workers:
                worker = Worker(run, seed)
                workers.append(worker)
            worker.begin(following)


def twice(seed: int, numbers: range, jobs: int, hang: float) -> Iterator[Outcome | Finding]:
    """As `results`, then again from the last to the first: a case that ends otherwise after others is a finding."""
    first = {}
    for result in results(seed, numbers, jobs, hang):
        if isinstance(result, Outcome):
            first[result.number] = result
        else:
            yield result
    for again in results(seed, numbers[::-1], jobs, hang):
        before = first.get(again.number)
        if before is None:
            continue
        yield before if again == before else Finding(again.number, f"differs in another process: {before}, {again}")


def digest(outcomes: list[Outcome]) -> str:
    """Of the outcomes in the order of their numbers: 16 hexadecimal digits."""
    total = hashlib.sha256()
    for outcome in sorted(outcomes, key=lambda outcome: outcome.number):
        total.update(f"{outcome.number} {outcome.reason} {outcome.hash}\n".encode())
    return total.hexdigest()[:16]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=RUNS, default="guests", help="what is made of random bytes (guests)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first case's number (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (one a CPU)")
    parser.add_argument("--hang", type=float, default=60, metavar="SECONDS", help="host time of one case (60)")
    parser.add_argument("--once", action="store_true", help="do not compare with a second run of each case")
    parser.add_argument("--show", type=int, metavar="N", help="run case N in this process and show how it ended")
    options = parser.parse_args(arguments)
    if options.show is not None:
        print(RUNS[options.what](options.seed, options.show, sys.stdout))
        return 0
    numbers = range(options.first, options.first + options.runs)
    outcomes, findings = [], []
    fixed = options.seed, numbers, options.jobs, options.hang
    each = twice(*fixed) if options.what == "guests" and not options.once else results(*fixed, RUNS[options.what])
    for result in progress(each, options.runs):
        if isinstance(result, Outcome):
            outcomes.append(result)
            continue
        findings.append(result)
        print(f"case {result.number}: {result.what.rstrip()}")
        print(f"    python tools/fuzz.py {options.what} --seed {options.seed} --show {result.number}", flush=True)
    for (kind, reason), count in sorted(Counter((o.kind, o.reason) for o in outcomes).items()):
        print(f"{count:6} {kind:18} {reason}")
    compared = sum(outcome.instructions for outcome in outcomes)
    if compared:
        print(f"{compared:,} instructions compared")
    print(f"{len(outcomes) + len(findings)} runs, {len(findings)} findings, digest {digest(outcomes)}")
    return 1 if findings else 0


def progress(items: Iterator[Outcome | Finding], total: int) -> Iterator[Outcome | Finding]:
    """The items as they are, with a bar where somebody watches."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, "fuzzing", total=total, console=Console(stderr=True))


if __name__ == "__main__":
    sys.exit(main())
