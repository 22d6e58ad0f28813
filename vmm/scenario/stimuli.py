"""Interrupts at times of their own: what to give to `Machine.stimulate`.

The core works the times out by itself, so a stimulus costs nothing between its pulses, and a recording keeps one row of
numbers however many there are. All numbers of a stimulus are in its `unit`: "insns", instructions begun on all vCPUs,
which says where in a program an interrupt lands; or virtual time, "ns", "us", "ms", "s". They count from the moment it
is started. While all vCPUs sleep no instruction begins, so only virtual time passes.

J. Regehr, "Random Testing of Interrupt-Driven Software" (EMSOFT 2005), divides interrupts into requested ones, which
may only come when software has asked for them, and spontaneous ones, which may come at any time; a random test that
ignores this reports failures of programs that are right. So every pulse is counted as one or the other, and `armed` of
`Machine.stimulate` lets only requested ones through. (His other rule, that a handler is not interrupted by its own
interrupt, is the controller's.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from vmm.core.native import NEVER, lib
from vmm.errors import VmmError, unknown, within
from vmm.quantities import DURATIONS

__all__ = ["Burst", "Nmi", "Periodic", "Poisson", "Sequence", "Stimulus", "Storm", "Vector"]

MOST = 1 << 62
"""Of any number here, in ns or instructions."""
SERVED = "served"
"""As `hold`."""
AFTER = {
    "delivered": lib.VMM_EV_DELIVERED,
    "acknowledged": lib.VMM_EV_ACKNOWLEDGED,
    "ended": lib.VMM_EV_ENDED,
    "returned": lib.VMM_EV_RETURNED,
}


@dataclass(frozen=True)
class Nmi:
    """What a stimulus drives: the NMI pin of an x86 vCPU."""

    cpu: int = 0


@dataclass(frozen=True)
class Vector:
    """What a stimulus drives: an external interrupt of this vector (0-255; on ARM an IRQ), past all controllers."""

    number: int
    cpu: int = 0

    def __post_init__(self) -> None:
        within("interrupt vector", self.number, 256)


@dataclass(frozen=True, kw_only=True)
class Stimulus:
    """The base of them all.

    `start` is when it begins. Where it drives a line, each pulse takes it low, then high; it stays high for `hold`, or
    if that is 0 until the next pulse, so that a level-triggered input interrupts again and again; with `hold="served"`
    until a controller has acknowledged it: one interrupt a pulse. It is an edge unless another driver holds the line.
    """

    KIND: ClassVar[int]

    unit: str = "insns"
    start: float = 0
    hold: float | str = 0

    def __post_init__(self) -> None:
        if self.unit != "insns" and self.unit not in DURATIONS:
            raise unknown("unit of a stimulus", self.unit, ("insns", *DURATIONS))
        self.plan()

    def plan(self) -> dict[str, int]:
        """The fields of the core's vmm_stimulus_plan; VmmError for a number that makes no sense."""
        served = self.hold == SERVED
        own = {"kind": self.KIND, "in_insns": int(self.unit == "insns"), "until_served": int(served)}
        if isinstance(self.hold, str) and not served:
            raise VmmError(f"{type(self).__name__}: hold={self.hold!r} is not a number, nor {SERVED!r}")
        hold = 0 if served else self._length("hold", 0)
        return own | {"start": self._length("start", 0), "hold": hold, "count": NEVER}

    @property
    def times(self) -> tuple[int, ...]:
        """Of a sequence: instructions or ns."""
        return ()

    def _length(self, name: str, least: int = 1) -> int:
        try:
            return in_unit(getattr(self, name), self.unit, least)
        except ValueError as error:
            raise VmmError(f"{type(self).__name__}: {name}={getattr(self, name)!r} {error}") from None

    def _number(self, name: str) -> int:
        """How many of something; None: no end."""
        value = getattr(self, name)
        if value is None:
            return NEVER
        if not isinstance(value, int) or not 0 < value <= MOST:
            raise VmmError(f"{type(self).__name__}: {name}={value!r} is not a number above 0")
        return value


def in_unit(value: float, unit: str, least: int) -> int:
    """`value` as whole instructions or ns; ValueError, which says what it is, for one below `least` or no number."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("is not a number")
    if unit == "insns" and value != int(value):
        raise ValueError("is not a whole number of instructions")
    whole = round(value * DURATIONS.get(unit, 1))
    if whole < least:
        raise ValueError(f"is below {least} {unit if unit == 'insns' else 'ns'}")
    if whole > MOST:
        raise ValueError("is too much")
    return whole


@dataclass(frozen=True)
class Periodic(Stimulus):
    """A pulse at `start`, and every `period` from there on; `count` of them (None: no end)."""

    KIND = lib.VMM_STIMULUS_PERIODIC
    period: float
    count: int | None = None

    def plan(self) -> dict[str, int]:
        return super().plan() | {"period": self._length("period"), "count": self._number("count")}


@dataclass(frozen=True)
class Poisson(Stimulus):
    """`mean` apart on average, independent of each other, from `start` on: exponentially distributed intervals; `count`
    of them (None: no end). Two may come at one boundary. The same seed gives the same times on every host.
    """

    KIND = lib.VMM_STIMULUS_POISSON
    mean: float
    count: int | None = None

    def plan(self) -> dict[str, int]:
        return super().plan() | {"period": self._length("mean"), "count": self._number("count")}


@dataclass(frozen=True)
class Burst(Stimulus):
    """`pulses` of them, `gap` apart, then `pause` from the last to the next burst's first; `bursts` (None: no end)."""

    KIND = lib.VMM_STIMULUS_BURST
    pulses: int
    gap: float
    pause: float
    bursts: int | None = None

    def plan(self) -> dict[str, int]:
        size, bursts = self._number("pulses"), self._number("bursts")
        lengths = {"period": self._length("gap"), "pause": self._length("pause")}
        return super().plan() | lengths | {"size": size, "count": min(size * bursts, NEVER)}


@dataclass(frozen=True)
class Storm(Stimulus):
    """A pulse at `start`, and the next `gap` after the last one was "delivered", "acknowledged", "ended" or its handler
    "returned" (`after`), at the earliest one instruction or nanosecond after it was made; `count` of them (None: no
    end). One that gets lost ends the storm; one that is held back is tried again after `gap`.
    """

    KIND = lib.VMM_STIMULUS_STORM
    gap: float = 0
    after: str = "returned"
    count: int | None = None

    def plan(self) -> dict[str, int]:
        if self.after not in AFTER:
            raise unknown("event that a storm follows", self.after, AFTER)
        return super().plan() | {
            "period": self._length("gap", 0), "after": AFTER[self.after], "count": self._number("count"),
        }  # fmt: skip


@dataclass(frozen=True, init=False)
class Sequence(Stimulus):
    """Pulses at times given one by one, from `start` on, none before the one it follows."""

    KIND = lib.VMM_STIMULUS_SEQUENCE
    at: tuple[float, ...]

    def __init__(self, at: Iterable[float], *, unit: str = "insns", start: float = 0, hold: float | str = 0) -> None:
        for name, value in (("at", tuple(at)), ("unit", unit), ("start", start), ("hold", hold)):
            object.__setattr__(self, name, value)
        self.__post_init__()
        if not self.at:
            raise VmmError("Sequence: there is no time in it")
        for place, (value, why) in enumerate(flaws(self.at, self.unit)):
            if why:
                raise VmmError(f"Sequence: time {value!r}, at [{place}], {why}")

    @property
    def times(self) -> tuple[int, ...]:
        return tuple(in_unit(value, self.unit, 0) for value in self.at)

    @classmethod
    def read(cls, path: str | Path, *, unit: str = "insns", start: float = 0, hold: float | str = 0) -> Sequence:
        """Of a text file with a time a line; what follows a # is a comment. VmmError names file and line."""
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not a text in UTF-8"
            raise VmmError(f"{path}: {why}") from None
        texts = {number: line.partition("#")[0].strip() for number, line in enumerate(lines, 1)}
        found = {number: _parse(f"{path}:{number}", text) for number, text in texts.items() if text}
        if not found:
            raise VmmError(f"{path}: there is no time in it")
        if unit == "insns" or unit in DURATIONS:
            for number, (value, why) in zip(found, flaws(found.values(), unit), strict=True):
                if why:
                    raise VmmError(f"{path}:{number}: {value!r} {why}")
        return cls(found.values(), unit=unit, start=start, hold=hold)


def _parse(place: str, text: str) -> float:
    for kind in (int, float):  # a float has not the digits of a long time in ns
        try:
            return kind(text)
        except ValueError:
            continue
    raise VmmError(f"{place}: {text!r} is not a number")


def flaws(values: Iterable[float], unit: str) -> Iterable[tuple[float, str]]:
    """Each time of a sequence, and what is wrong with it, if anything is."""
    before = 0
    for value in values:
        try:
            whole = in_unit(value, unit, 0)
        except ValueError as error:
            yield value, str(error)
            continue
        yield value, "comes before the one it follows" if whole < before else ""
        before = whole
