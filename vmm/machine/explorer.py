"""A machine as the core explores it: chunk by chunk of a window, with Python's devices and judgement where C asks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vmm.core.device_state import Captured, DeviceState
from vmm.core.native import EXPLORING, ffi, lib
from vmm.core.stops import Stop
from vmm.errors import VmmError
from vmm.machine.claim import Claim
from vmm.machine.signals import Signals

if TYPE_CHECKING:
    from types import TracebackType

    from vmm._native import vmm_ending, vmm_explored, vmm_machine, vmm_place, vmm_plan


class Place(NamedTuple):
    """A boundary of the window: `insns` instructions and then `more` boundaries behind its first one."""

    insns: int
    more: int
    address: int
    """Linear, of the instruction that is about to begin."""


class Placement(NamedTuple):
    """Something that happens at a boundary; `choice`: which of the exploration's."""

    at: Place
    choice: int


Draw = Sequence[tuple[int, int]]
"""A placement by boundaries behind the window's first, in its own run, and choices; in order."""


class Tried(NamedTuple):
    """One placement, and all those that begin with it."""

    first: Placement
    outcome: int
    """Of this one alone: 0 is good."""
    delivered: bool
    """At this very boundary."""
    shared: bool
    """What followed was the next boundary's."""
    idle: bool
    """It cannot happen there: there are no such placements."""
    placements: int
    failing: int
    least: tuple[Placement, ...]
    """The least failing one, where any fails: fewest interrupts, then earliest."""
    least_outcome: int


class Asked(Protocol):
    """Who explores; an exception ends the exploration and is raised from it."""

    def judge(self, ending: vmm_ending, stop: Stop) -> int:
        """A run has ended, and the machine stands there: the outcome, 0 where that is good."""

    def act(self, choice: int) -> None:
        """Let a choice happen that C does not know."""


class Explorer:
    """Of one machine, which stands at the window's first boundary. While it explores nothing else may happen to the
    machine; behind that it stands there again. As a context, or in `run`, it explores.
    """

    def __init__(
        self, native: vmm_machine, plan: vmm_plan, asked: Asked, *, state: DeviceState,
        claim: Claim, ended: Callable[[], Stop], raise_if_failed: Callable[[], None],
    ) -> None:  # fmt: skip
        self._native, self._plan, self._asked, self._state = native, plan, asked, state
        self._raise_if_failed = raise_if_failed
        self._devices: list[Captured] = []
        self._error: BaseException | None = None
        self._signals = Signals(native)
        self._claim, self._ended = claim, ended
        self._exploration = ffi.NULL

    def __enter__(self) -> Explorer:
        if any(self._native.triggers.slot[n].kind for n in range(self._native.triggers.count)):
            raise VmmError("a scenario waits in this machine: explore one that has none")
        self._handle = ffi.new_handle(self)
        self._plan.handle = self._handle
        for name in EXPLORING:
            setattr(self._plan, name, getattr(lib, f"vmm_py_{name}"))
        self._exploration = lib.vmm_explore_begin(self._native, self._plan)
        self._check(0 if self._exploration else -1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        exploration, self._exploration = self._exploration, ffi.NULL
        lib.vmm_explore_end(self._native, exploration)

    def run(self, boundaries: Callable[[], int]) -> Generator[Sequence[Tried], None, None]:
        """Rows of the next `boundaries`, as often as is asked, until the window is over."""
        with self:
            while not self._plan.over:
                yield self.tried(boundaries())

    def seek(self, insns: int) -> None:
        """The next boundary to be tried is the first at which so many instructions of the window have been run."""
        again = 1
        while again > 0:
            again = self._held(lambda: lib.vmm_explore_seek(self._native, self._exploration, insns))

    def tried(self, boundaries: int) -> list[Tried]:
        """Rows of the next ones, fewer where a signal's handler was called meanwhile."""
        rows = ffi.new("vmm_explored[]", boundaries * self._plan.choices)
        done = self._held(lambda: lib.vmm_explore(self._native, self._exploration, boundaries, rows))
        return [_tried(rows[n]) for n in range(done) if rows[n].placements or rows[n].idle]

    def drawn(self, draws: Sequence[Draw]) -> list[Tried]:
        """A row each, of a run each; fewer where a signal's handler was called meanwhile, or a budget is spent."""
        asked, rows = ffi.new("vmm_draw[]", len(draws)), ffi.new("vmm_explored[]", len(draws))
        for number, draw in enumerate(draws):
            raw = asked[number]
            raw.count = len(draw)
            for n, each in enumerate(draw):
                raw.at[n], raw.choice[n] = each
        done = self._held(lambda: lib.vmm_explore_drawn(self._native, self._exploration, asked, len(draws), rows))
        return [_tried(rows[n]) for n in range(done)]

    def extent(self, choice: int | None) -> int:
        """Boundaries of the window, where nothing happens, or that choice at the first of them."""
        found, number = 0, lib.VMM_ANY if choice is None else choice
        while not found:
            found = self._held(lambda: lib.vmm_explore_extent(self._native, self._exploration, number))
        return found

    def _held(self, call: Callable[[], int]) -> int:
        self._signals.hold()
        try:
            with self._claim:
                done = call()
        finally:
            self._signals.release()
        self._check(done)
        return done

    def _check(self, done: int) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error
        self._raise_if_failed()
        if done < 0:
            raise VmmError(ffi.string(self._native.error).decode())

    # ---- what the core calls ----

    def judge(self, ending: vmm_ending) -> int:
        return self._asked.judge(ending, self._ended())

    def act(self, choice: int) -> None:
        self._asked.act(choice)

    def take(self) -> int:
        self._devices.append(self._state.take())
        return len(self._devices) - 1

    def put(self, number: int) -> None:
        self._state.put(self._devices[number])

    def failed(self, error: BaseException) -> None:
        self._error = self._error or error
        lib.vmm_request_stop(self._native, lib.VMM_STOP_USER, 0)


def placement(raw: vmm_place) -> Placement:
    """As the core has it."""
    return Placement(Place(raw.insns, raw.more, raw.pc), raw.choice)


def _tried(raw: vmm_explored) -> Tried:
    first = placement(raw.at)
    least = (first, *(placement(raw.least[n]) for n in range(raw.least_count))) if raw.failing else ()
    return Tried(
        first, raw.outcome, bool(raw.delivered), bool(raw.shared), bool(raw.idle), raw.placements, raw.failing, least,
        raw.least_outcome,
    )  # fmt: skip
