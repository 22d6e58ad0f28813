"""What an exploration has found so far, and a file of it, from which another process goes on.

{"campaign": 1, "of": {"vmm": "0.1.0 (commit …)", "image": "<SHA-256>", …}, "found": {…}, "sha256": "<of all before>"}
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from vmm.errors import VmmError
from vmm.machine.explorer import Place, Placement, Tried
from vmm.output import OutputFile
from vmm.placements.report import Fails
from vmm.placements.suspicions import LOOKED_AT

FORMAT = 1
SECONDS = 5.0
"""Between two times that it is written, while the exploration goes on."""
WORDS = 1 << 64


@dataclass
class Found:
    """Of the boundaries that were tried, from the window's first on."""

    boundaries: int = 0
    placements: int = 0
    failing: int = 0
    runs: int = 0
    tails: int = 0
    delivered: int = 0
    seconds: float = 0.0
    over: bool = False
    cut: int = 0
    last: tuple[int, int] | None = None
    """The last of them: instructions since the first, and boundaries behind that one."""
    taken: list[int] = field(default_factory=list)
    """Which sources were delivered at one of them."""
    begun: list[int] = field(default_factory=list)
    """At which sources' turn something was delivered at the last of them."""
    causes: list[str] = field(default_factory=list)
    tried: list[Fails] = field(default_factory=list)
    early: list[Placement] = field(default_factory=list)
    """What was delivered at the first boundaries: of these it is looked what they come between."""

    def add(self, rows: Iterable[Tried]) -> None:
        """Of the next boundaries."""
        for row in rows:
            if row.first.at[:2] != self.last:
                self._settle(row.first.at.insns)
                self.boundaries += 1
                self.last = row.first.at[:2]
            self.placements += row.placements
            self.failing += row.failing
            self.delivered += row.delivered
            if row.delivered:
                self.begun.append(row.first.choice)
            if row.delivered and self.boundaries <= LOOKED_AT:
                self.early.append(row.first)
            if row.failing:
                self.tried.append(Fails(self.boundaries - 1, row))
        if self.over:
            self._settle(None)

    def _settle(self, insns: int | None) -> None:
        """Of the last boundary, behind which the next is at `insns`. Where nothing but a delivery lies between the
        two, the guest's own interrupt is what began there.
        """
        own = self.last is not None and self.last[0] == insns
        self.taken = sorted({*self.taken, *(() if own else self.begun)})
        self.begun = []


def moved(row: Tried, by: tuple[int, int]) -> Tried:
    """A row of an explorer that began at the boundary `by` of the window, as one of the whole window."""

    def place(placement: Placement) -> Placement:
        at = placement.at
        return Placement(Place(at.insns + by[0], at.more + (0 if at.insns else by[1]), at.address), placement.choice)

    return row._replace(first=place(row.first), least=tuple(map(place, row.least)))


class Campaign:
    """The file `path`, of an exploration that is what `of` says by name; VmmError where it is another's."""

    def __init__(self, path: Path, of: dict[str, Any], inputs: Sequence[Path]) -> None:
        self._path, self._inputs = path, inputs
        self._of = json.loads(json.dumps(of))
        self.found = self._read() if path.is_file() else Found()
        with OutputFile("campaign", path, inputs=inputs):
            pass  # a wrong path costs nobody an exploration
        self._saved = time.monotonic()

    def save(self, *, now: bool) -> None:
        """Write it; unless `now`, only if it was not written for a while."""
        if not now and time.monotonic() - self._saved < SECONDS:
            return
        kept = {"campaign": FORMAT, "of": self._of, "found": asdict(self.found)}
        with OutputFile("campaign", self._path, inputs=self._inputs) as file:
            file.write(json.dumps({**kept, "sha256": _sum(kept)}) + "\n")
        self._saved = time.monotonic()

    def _read(self) -> Found:
        try:
            kept = json.loads(self._path.read_bytes())
            total, known = kept.pop("sha256"), kept["campaign"] == FORMAT
            if not known or total != _sum(kept):
                raise ValueError
            others, found = dict(kept["of"]), kept["found"]
        except OSError as error:
            raise VmmError(f"campaign {self._path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise self._error("this is no campaign of this vmm's, or it is damaged") from None
        for name, mine in self._of.items():
            if others.get(name) != mine:
                raise self._error(
                    f"it is another exploration's: its {name} is {_told(others.get(name))}, not {_told(mine)}"
                )
        try:
            return _found(found)
        except (ValueError, KeyError, TypeError, IndexError):
            raise self._error("it is damaged") from None

    def _error(self, what: str) -> VmmError:
        return VmmError(f"campaign {self._path}: {what}; name another file to begin anew")


def _sum(kept: dict[str, Any]) -> str:
    return sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _told(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{text[:57]}…" if len(text) > 58 else text


def _number(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value < WORDS:
        raise ValueError
    return value


def _placement(raw: Sequence[Any]) -> Placement:
    (insns, more, address), choice = raw
    return Placement(Place(_number(insns), _number(more), _number(address)), _number(choice))


def _fails(raw: Sequence[Any]) -> Fails:
    boundary, row = raw
    first, outcome, delivered, shared, idle, placements, failing, least, least_outcome = row
    tried = Tried(
        _placement(first), _number(outcome), bool(delivered), bool(shared), bool(idle), _number(placements),
        _number(failing), tuple(map(_placement, least)), _number(least_outcome),
    )  # fmt: skip
    return Fails(_number(boundary), tried)


def _found(raw: dict[str, Any]) -> Found:
    numbers = {
        name: _number(raw[name])
        for name in ("boundaries", "placements", "failing", "runs", "tails", "delivered", "cut")
    }
    last = raw["last"] and (_number(raw["last"][0]), _number(raw["last"][1]))
    return Found(
        **numbers, seconds=float(raw["seconds"]), over=bool(raw["over"]), last=last,
        taken=list(map(_number, raw["taken"])), begun=list(map(_number, raw["begun"])),
        causes=list(map(str, raw["causes"])),
        tried=list(map(_fails, raw["tried"])), early=list(map(_placement, raw["early"])),
    )  # fmt: skip
