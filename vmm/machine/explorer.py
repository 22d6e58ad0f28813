"""A machine as the core explores it: chunk by chunk of a window, with Python's devices and judgement where C asks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from vmm.core.device_state import Captured, DeviceState
from vmm.core.native import EXPLORING, ffi, lib
from vmm.core.stops import Stop
from vmm.errors import VmmError
from vmm.machine.claim import Claim
from vmm.machine.signals import Signals

if TYPE_CHECKING:
    from vmm._native import vmm_ending, vmm_exploration, vmm_explored, vmm_machine, vmm_place, vmm_plan


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
    machine; behind that it stands there again.
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

    def run(self, boundaries: Callable[[], int]) -> Generator[Sequence[Tried], None, None]:
        """Rows of the next `boundaries`, as often as is asked, until the window is over."""
        if any(self._native.triggers.slot[n].kind for n in range(self._native.triggers.count)):
            raise VmmError("a scenario waits in this machine: explore one that has none")
        self._handle = ffi.new_handle(self)
        self._plan.handle = self._handle
        for name in EXPLORING:
            setattr(self._plan, name, getattr(lib, f"vmm_py_{name}"))
        exploration = lib.vmm_explore_begin(self._native, self._plan)
        self._check(0 if exploration else -1)
        try:
            while not self._plan.over:
                count = boundaries()
                rows = ffi.new("vmm_explored[]", count * self._plan.choices)
                done = self._chunk(exploration, count, rows)
                yield [_tried(rows[n]) for n in range(done) if rows[n].placements or rows[n].idle]
        finally:
            lib.vmm_explore_end(self._native, exploration)

    def _chunk(self, exploration: vmm_exploration, count: int, rows: Any) -> int:
        self._signals.hold()
        try:
            with self._claim:
                done = lib.vmm_explore(self._native, exploration, count, rows)
        finally:
            self._signals.release()
        self._check(done)
        return int(done)

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


def _placement(raw: vmm_place) -> Placement:
    return Placement(Place(raw.insns, raw.more, raw.pc), raw.choice)


def _tried(raw: vmm_explored) -> Tried:
    first = _placement(raw.at)
    least = (first, *(_placement(raw.least[n]) for n in range(raw.least_count))) if raw.failing else ()
    return Tried(
        first, raw.outcome, bool(raw.delivered), bool(raw.shared), bool(raw.idle), raw.placements, raw.failing, least,
        raw.least_outcome,
    )  # fmt: skip
