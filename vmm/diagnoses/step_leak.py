"""Interrupts so close together that their number tells what the interrupted code computes with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from vmm.core.event import Event
from vmm.diagnoses.books import Books
from vmm.diagnoses.diagnosis import Budget, Diagnosis, Evidence, Patient, Verdict
from vmm.diagnoses.handlers import SYNCHRONOUS
from vmm.diagnoses.timing_leak import FEWEST, MOST, Difference, T

PAGE = 4096


@dataclass
class Visit:
    """Interrupts one after the other that all found code of one page."""

    first: Event
    places: list[int]
    """Linear, of what each interrupted."""


class Rule(Diagnosis):
    """Who interrupts sees no code, but which pages are used, as whoever keeps their tables does, and counts. (J. Van
    Bulck, F. Piessens, R. Strackx, "SGX-Step" and "Nemesis", 2017 and 2018, have done so with a timer.)
    """

    RULE = (
        "the number of interrupts within the n-th visit of a page of code goes with the n-th bit of the SECRET, a "
        f"symbol that is named in place of a budget; certain where Welch's t of the classes is {T} or more"
    )
    WANTS = ("delivered",)
    BUDGET = "SECRET"
    NEEDED = True
    EACH = True
    SYMBOL = True

    def __init__(self, name: str, patient: Patient, budget: Budget | None, books: Books) -> None:
        super().__init__(name, patient, budget, books)
        self._secret = patient.address(budget.text) if budget else None
        self._visits: dict[int, list[Visit]] = {}
        self._now: dict[int, int] = {}
        """By vCPU, the page of the last interrupt."""
        self._seen = 0

    def see(self, event: Event) -> None:
        if self._secret is None or event.source in SYNCHRONOUS or self._seen == MOST:
            return
        self._seen += 1
        place = event.interrupted
        page = place // PAGE
        visits = self._visits.setdefault(page, [])
        if self._now.get(event.vcpu) == page:
            visits[-1].places.append(place)
        else:
            visits.append(Visit(event, [place]))
        self._now[event.vcpu] = page

    def verdicts(self) -> Iterator[Verdict]:
        for page, classes, difference in self._worst():
            if abs(difference.t) >= T:
                yield self._verdict(page, classes, difference)

    def _worst(self) -> Iterator[tuple[int, tuple[list[Visit], list[Visit]], Difference]]:
        """One at most: the page whose visits go with the secret most."""
        found = []
        for page, visits in self._visits.items():
            classes = self._classes(visits)
            if min(map(len, classes)) >= FEWEST:
                counts = ([len(visit.places) for visit in each] for each in classes)
                found.append((page, classes, Difference(*counts)))
        if found:
            yield max(found, key=lambda each: abs(each[2].t))

    def _classes(self, visits: list[Visit]) -> tuple[list[Visit], list[Visit]]:
        assert self._secret is not None
        data = self._patient.read(self._secret, -(-len(visits) // 8))
        bits = [data[n // 8] >> n % 8 & 1 for n in range(len(visits))]
        zero, one = ([visit for visit, bit in zip(visits, bits, strict=True) if bit == of] for of in (0, 1))
        return zero, one

    def _verdict(self, page: int, classes: tuple[list[Visit], list[Visit]], difference: Difference) -> Verdict:
        assert self._budget
        zero, one = classes
        text = (
            f"how often the code of the page at {page * PAGE:#x} is interrupted tells the bits of {self._budget.text}: "
            f"{_words(difference)}"
        )
        return self.verdict(text, *self._apart(zero, one))

    def _apart(self, zero: list[Visit], one: list[Visit]) -> Iterator[Evidence]:
        """The last place that a visit of each class has in common with the other, and where each goes on."""
        low = min(zero, key=lambda visit: len(visit.places))
        high = max(one, key=lambda visit: len(visit.places))
        common = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(low.places, high.places, strict=False))))
        yield self.at(high.first, high.places[max(common - 1, 0)], "up to here both are the same")
        for visit, bit in ((low, 0), (high, 1)):
            if common < len(visit.places):
                yield self.at(visit.first, visit.places[common], f"goes on here where a bit is {bit}")

    def figures(self) -> Iterator[str]:
        for page, _, difference in self._worst():
            yield f"interrupts in each visit of the page at {page * PAGE:#x}: {_words(difference)}"


def _words(difference: Difference) -> str:
    zero, one = (sum(each) / len(each) for each in (difference.zero, difference.one))
    return (
        f"{zero:.2f} times in the mean where a bit is 0 ({len(difference.zero)} visits) and {one:.2f} where it is 1 "
        f"({len(difference.one)}), t = {difference.t:.1f}"
    )
