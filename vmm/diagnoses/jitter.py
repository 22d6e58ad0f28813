"""A periodic interrupt that comes now early and now late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import mean, median

from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import CERTAIN, LIKELY, Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.responses import Response
from vmm.diagnoses.told import blame, in_us

FEWEST = 8
"""Interrupts of one kind of which a period is believed."""
EVEN = 16
"""A gap between two requests is even where it is within so-manieth of the median."""
MOST = 1 << 20
"""Interrupts of a kind whose lateness is kept."""
BARS, BAR = 8, 40
"""Rows of a histogram, and characters of the longest."""


@dataclass
class Ticks:
    """All interrupts of one kind."""

    requested_ns: list[int] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    """From request to delivery, in instructions."""
    first: Response | None = None
    last: Response | None = None
    """That which was least and most late."""
    more: int = 0
    """Those that came when so many had been kept already."""

    def add(self, response: Response, insn_ns: int) -> None:
        event = response.handler.delivered
        if self.first is None or event.value < self.first.handler.delivered.value:
            self.first = response
        if self.last is None or event.value > self.last.handler.delivered.value:
            self.last = response
        if len(self.late) == MOST:
            self.more += 1
            return
        self.requested_ns.append(event.ns - event.value * insn_ns)
        self.late.append(event.value)

    @property
    def period_ns(self) -> int | None:
        """Where nine of ten requests keep one."""
        gaps = [later - earlier for earlier, later in pairwise(self.requested_ns)]
        if len(gaps) < FEWEST - 1:
            return None
        period = int(median(gaps))
        even = sum(abs(gap - period) * EVEN <= period for gap in gaps)
        return period if period and even * 10 >= len(gaps) * 9 else None


class Rule(Diagnosis):
    """As cyclictest has it, but of the interrupt and in virtual time: no host adds its own."""

    RULE = (
        "deliveries of an interrupt that is requested periodically are late by different times, and the difference "
        "between the least and the most is over the budget; certain, for it is counted, but on several vCPUs, where a "
        "budget of instructions is one of all of them together"
    )
    BUDGET = "5us"
    NEEDED = True

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._responses = books.responses
        self._responses.each(self._answered)
        self._insn_ns = patient.insn_ns
        self._allowed = budget.in_insns(patient.insn_ns) if budget else None
        self._ticks: dict[tuple[int, str], Ticks] = {}

    def _answered(self, response: Response) -> None:
        key = response.handler.number, response.handler.delivered.source
        ticks = self._ticks.get(key)
        if ticks is None:
            ticks = self._ticks[key] = Ticks()
        ticks.add(response, self._insn_ns)

    def verdicts(self) -> Iterator[Verdict]:
        for ticks, period in self._periodic():
            least, most = min(ticks.late), max(ticks.late)
            if self._allowed is not None and most - least > self._allowed:
                yield self._verdict(ticks, period, least, most)

    def _periodic(self) -> Iterator[tuple[Ticks, int]]:
        for _, ticks in sorted(self._ticks.items()):
            if period := ticks.period_ns:
                yield ticks, period

    def _verdict(self, ticks: Ticks, period: int, least: int, most: int) -> Verdict:
        assert self._budget and ticks.first and ticks.last
        last = ticks.last
        causes = [blame(self, last.blamed)] if last.blamed else []
        text = (
            f"{self.interrupt(last.handler.delivered)} comes every {in_us(period)} and is {self._time(least)} to "
            f"{self._time(most)} late: a jitter of {self._time(most - least)} where {self._budget.text} is allowed. "
            f"The latest of all has waited for {last.masked} instructions that mask and {last.nested} of other handlers"
        )
        several = self._budget.insns is not None and self._responses.several
        return self.verdict(
            text,
            *causes,
            self.evidence(last.handler.delivered, "the latest, and what it interrupts"),
            self.evidence(ticks.first.handler.delivered, "the earliest"),
            confidence=LIKELY if several else CERTAIN,
        )

    def figures(self) -> Iterator[str]:
        for ticks, period in self._periodic():
            assert ticks.last
            name = self.interrupt(ticks.last.handler.delivered)
            least, average, most = (self._time(each) for each in (min(ticks.late), mean(ticks.late), max(ticks.late)))
            kept = f" (the first {len(ticks.late)} of {len(ticks.late) + ticks.more})" if ticks.more else ""
            times = f"{len(ticks.late)} times, period {in_us(period)}{kept}"
            yield f"{name}: {times}, late min {least} avg {average} max {most}"
            yield from (f"  {row}" for row in self._histogram(ticks.late))

    def _histogram(self, late: Sequence[int]) -> Iterator[str]:
        low, wide = min(late), (max(late) - min(late)) // BARS + 1
        counts = [0] * BARS
        for each in late:
            counts[(each - low) // wide] += 1
        for n, count in enumerate(counts):
            if count:
                begin, end = low + n * wide, low + (n + 1) * wide - 1
                bar = "#" * max(1, count * BAR // max(counts))
                yield f"{self._time(begin):>9} to {self._time(end):>9}  {count:6}  {bar}"

    def _time(self, insns: float) -> str:
        return in_us(insns * self._patient.insn_ns)
