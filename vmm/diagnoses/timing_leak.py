"""An interrupt whose lateness tells what the interrupted code computes with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import mean, variance

from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Patient, Verdict
from vmm.diagnoses.responses import Response
from vmm.diagnoses.told import blame

FEWEST = 16
"""Interrupts of each class of which a mean is believed."""
T = 4.5
"""Beyond this a difference of means is a leak: two samples of one distribution come to it once in 100000 times
(G. Goodwill and others, "A testing methodology for side-channel resistance validation", NIST NIAT 2011).
"""
MOST = 1 << 20
"""Interrupts that are looked at, the first ones."""


@dataclass(frozen=True)
class Difference:
    """Of the lateness of two classes of interrupts, in instructions (B. L. Welch's t, with unequal variances)."""

    zero: Sequence[int]
    one: Sequence[int]

    @property
    def means(self) -> float:
        return mean(self.one) - mean(self.zero)

    @property
    def error(self) -> float:
        """The standard error of `means`."""
        return sqrt(variance(self.zero) / len(self.zero) + variance(self.one) / len(self.one))

    @property
    def t(self) -> float:
        if self.error:
            return self.means / self.error
        return inf if self.means > 0 else -inf if self.means < 0 else 0.0


class Rule(Diagnosis):
    """Who watches has no key, only a clock; what the key is, is asked to see how much of it the clock has told."""

    RULE = (
        "the n-th interrupt of the most frequent kind is late by a time that goes with the n-th bit of the guest's "
        f"SECRET, a symbol that is named in place of a budget; certain where Welch's t of the classes is {T} or more"
    )
    BUDGET = "SECRET"
    NEEDED = True
    SYMBOL = True

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._secret = patient.address(budget.text) if budget else None
        books.responses.each(self._answered)
        self._seen: dict[tuple[int, str], list[Response]] = {}

    def _answered(self, response: Response) -> None:
        seen = self._seen.setdefault((response.handler.number, response.handler.delivered.source), [])
        if len(seen) < MOST:
            seen.append(response)

    def verdicts(self) -> Iterator[Verdict]:
        for bits, responses, difference in self._classes():
            if abs(difference.t) >= T:
                yield self._verdict(bits, responses, difference)

    def _classes(self) -> Iterator[tuple[list[int], list[Response], Difference]]:
        """One at most: bits of the secret, the interrupt that goes with each, what tells them apart."""
        if self._secret is None or not self._seen:
            return
        responses = max(self._seen.values(), key=len)
        data = self._patient.read(self._secret, -(-len(responses) // 8))
        bits = [data[n // 8] >> n % 8 & 1 for n in range(len(responses))]
        late = [_late(response) for response in responses]
        classes = [[each for each, bit in zip(late, bits, strict=True) if bit == of] for of in (0, 1)]
        if min(map(len, classes)) >= FEWEST:
            yield bits, responses, Difference(*classes)

    def _verdict(self, bits: list[int], responses: list[Response], difference: Difference) -> Verdict:
        assert self._budget
        latest, earliest = max(responses, key=_late), min(responses, key=_late)
        right = _recovered(bits, responses, later_is=int(difference.means > 0))
        text = (
            f"the lateness of {self.interrupt(latest.handler.delivered)} tells the bits of {self._budget.text}: "
            f"{_words(difference)}; an observer that has nothing but these times gets {right} of {len(bits)} bits "
            f"right ({_share(right, len(bits))})"
        )
        causes = [blame(self, each.blamed) for each in (latest, earliest) if each.blamed]
        return self.verdict(
            text,
            *causes[:1],
            self.evidence(latest.handler.delivered, f"the latest, after {_late(latest)} instructions"),
            *causes[1:],
            self.evidence(earliest.handler.delivered, f"the earliest, after {_late(earliest)}"),
        )

    def figures(self) -> Iterator[str]:
        for bits, responses, difference in self._classes():
            later_is = int(difference.means > 0) if abs(difference.t) >= T else 1
            right = _recovered(bits, responses, later_is=later_is)
            yield f"lateness by class: {_words(difference)}"
            yield f"bits recovered from lateness alone: {right} of {len(bits)} ({_share(right, len(bits))})"


def _late(response: Response) -> int:
    return response.masked + response.nested


def _words(difference: Difference) -> str:
    zero, one = mean(difference.zero), mean(difference.one)
    return (
        f"{zero:.1f} instructions in the mean where a bit is 0 ({len(difference.zero)} times) and {one:.1f} where it "
        f"is 1 ({len(difference.one)}), a difference of {difference.means:.1f} with a standard error of "
        f"{difference.error:.1f} (t = {difference.t:.1f})"
    )


def _share(right: int, all_of: int) -> str:
    return f"{100 * right / all_of:.1f} %"


def _recovered(bits: Sequence[int], responses: Sequence[Response], *, later_is: int) -> int:
    """Of the bits, those that are right where each interrupt is put to the nearer of two clusters of lateness."""
    late = [_late(response) for response in responses]
    border = _border(late)
    return sum((each > border) == (bit == later_is) for each, bit in zip(late, bits, strict=True))


def _border(late: Sequence[int]) -> float:
    """Between two clusters (S. Lloyd's iteration from the least and the most on; it ends where it changes nothing)."""
    border = (min(late) + max(late)) / 2
    while True:
        early = [each for each in late if each <= border]
        later = [each for each in late if each > border]
        if not later:
            return border
        next_border = (mean(early) + mean(later)) / 2
        if next_border == border:
            return border
        border = next_border
