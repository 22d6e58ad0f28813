"""Interrupts of a run that is under way, as a table: how many, how often, how late; and how each vCPU stands.

It looks between slices of the run alone, and has no observer: so nothing of it is paid where interrupts come.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import vmm.columns
from vmm.columns import broken
from vmm.errors import printable
from vmm.quantities import in_words
from vmm.report import table
from vmm.trace import InterruptStats
from vmm.trace.words import cells, heading

if TYPE_CHECKING:
    from vmm.machine.machine import Machine

NS = 1_000_000_000
RATES = ("per virtual s", "per host s")
BEFORE = 4
"""Columns that are before them."""


class Row(NamedTuple):
    """Of an interrupt; rates since the last look, or of the whole run."""

    stats: InterruptStats
    virtual: float
    host: float


class Order(NamedTuple):
    """What rows are sorted by, the largest first."""

    does: str
    key: Callable[[Row], tuple[float, ...]]


ORDERS = {
    "n": Order("delivered", lambda row: (-row.stats.delivered,)),
    "v": Order("rate per virtual second", lambda row: (-row.virtual,)),
    "h": Order("rate per host second", lambda row: (-row.host,)),
    "l": Order("latency, the longest", lambda row: (-(row.stats.maximum or 0),)),
    "m": Order("latency, the median", lambda row: (-(row.stats.median or 0),)),
    "i": Order("vCPU and number", lambda row: (row.stats.vcpu, row.stats.vector)),
}
"""By the key that asks for it."""


class Seen:
    """Of one vCPU, at all looks."""

    def __init__(self) -> None:
        self.looks = self.masked = self.deepest = 0


class Rates:
    """Of one machine; times of the host are seconds that the guest ran."""

    def __init__(self, machine: Machine, name: str) -> None:
        self._machine, self._name = machine, printable(name)
        self._seen = [Seen() for _ in machine.cpus]
        self._before: dict[tuple[int, int, str], int] = {}
        self._at = (0, 0.0)
        self.host = 0.0

    @property
    def vcpus(self) -> int:
        """How many."""
        return len(self._seen)

    def look(self) -> None:
        """Between two slices: whether each vCPU has interrupts masked, and how deep handlers are nested."""
        for cpu, seen in zip(self._machine.cpus, self._seen, strict=True):
            seen.looks += 1
            seen.masked += "masked" in cpu.state
            seen.deepest = max(seen.deepest, len(cpu.handlers()))

    def rows(self, *, whole: bool) -> list[Row]:
        """Of the whole run, or with the rates since the last that was not."""
        now = self._machine.now_ns
        virtual, host = (now, self.host) if whole else (now - self._at[0], self.host - self._at[1])
        rows = []
        for stats in self._machine.trace.interrupts():
            who = stats.vcpu, stats.vector, stats.source
            new = stats.delivered - (0 if whole else self._before.get(who, 0))
            rows.append(Row(stats, new * NS / virtual if virtual else 0, new / host if host else 0))
            self._before[who] = stats.delivered
        self._at = now, self.host
        return rows

    def text(self, rows: list[Row], order: str, width: int | None = None, most: int | None = None) -> str:
        """So many rows at most, in columns that COLUMNS or `width` has."""
        rows = sorted(rows, key=ORDERS[order].key)
        machine = self._machine
        wide = width or vmm.columns.width()
        head = [
            f"{self._name}: {machine.instructions:,} instructions, {in_words(machine.now_ns)} virtual, "
            f"{self.host:.1f} s host, {sum(row.stats.delivered for row in rows):,} interrupts",
            *(self._vcpu(index) for index in range(len(machine.cpus))),
        ]
        shown = rows if most is None else rows[: max(most, 0)]
        drawn = io.StringIO()
        if shown:
            names = _with_rates(heading(machine.architecture), *RATES)
            table.show(names, [self._cells(row) for row in shown], drawn, wide)
        left = len(rows) - len(shown)
        return (
            "\n".join(broken(line, wide) for line in head)
            + f"\n\n{drawn.getvalue()}"
            + (f"… and {left} more\n" if left else "")
        )

    def _vcpu(self, index: int) -> str:
        cpu, seen = self._machine.cpus[index], self._seen[index]
        depth = len(cpu.handlers())
        masked = (
            f"masked in {100 * seen.masked // seen.looks} % of {seen.looks:,} looks" if seen.looks else "not looked at"
        )
        return f"vCPU {index}: {depth} handlers under way, {seen.deepest} at most when looked at; {masked}"

    def _cells(self, row: Row) -> list[Any]:
        plain = cells(row.stats, self._machine.architecture, self._machine.cpu.exception_name)
        return _with_rates(plain, _rate(row.virtual), _rate(row.host))


def _with_rates(row: Sequence[Any], virtual: str, host: str) -> list[Any]:
    return [*row[:BEFORE], virtual, host, *row[BEFORE:]]


def _rate(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
