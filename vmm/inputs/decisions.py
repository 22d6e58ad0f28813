"""What comes to a machine from outside: decisions, one way in for all, and what a script's own code answers.

A run is a function of its image, its configuration, the sequence of decisions, and what a script's own code answers
where the machine asks it. So what a recording keeps is just that, and a replay goes through the same rows.

A row is a kind of decision and what makes it happen, a method of whoever knows how: of the lines, the memory, the
clock, the traps. It is registered where it is defined, so a new one is one row there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from vmm.core.native import check_in_hand, lib
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm._native import vmm_machine

OBSERVERS = "observers"
"""The kind of call that shows events to observers: when it comes depends on who looks, so nothing may come of it."""


Argument = int | str | bytes | None
T = TypeVar("T")


class Decision(NamedTuple):
    """`kind` is a registered one."""

    kind: str
    arguments: tuple[Argument, ...]
    refused: bool = False
    """The machine would not have it, and said so."""


class Inputs:
    """The way in. `observe` is told of each decision before it takes effect, `refused` when the last one did not.

    A board's own devices may use it, too, while a run is under way: that is no decision, for it comes again by itself.
    """

    def __init__(self, native: vmm_machine) -> None:
        self._native = native
        self._rows: dict[str, Callable[..., Any]] = {}
        self.callbacks = Callbacks()
        self.observe: Callable[[Decision], None] | None = None
        self.refused: Callable[[], None] | None = None
        self.listen: Callable[[Callable[[bytes], None]], Callable[[], None]] = _deaf
        """Hands what the guest writes to who is given, behind who takes it; what it gives back ends that."""
        self.count = 0
        """How many were decided so far."""

    def register(self, rows: Mapping[str, Callable[..., Any]]) -> None:
        """Each kind of decision and what is called with its arguments."""
        assert not rows.keys() & self._rows.keys(), "one kind, one row"
        self._rows.update(rows)

    def knows(self, kind: str) -> bool:
        """Whether there is such a kind."""
        return kind in self._rows

    def check_stands(self, what: str) -> None:
        """VmmError for `what` while another thread runs the machine, and in the middle of an instruction, which asks
        the script's code that runs now.
        """
        check_in_hand(self._native)
        if self._native.running:
            raise VmmError(f"{what} inside a run: let it end first")

    def decide(self, kind: str, *arguments: Any) -> Any:
        """Let it happen now, and give what its row gives; VmmError where the machine has no such thing, and for an
        argument that no recording can keep: numbers of 64 bits, texts and bytes are kept.
        """
        native = self._native
        kept = tuple([plain(kind, argument) for argument in arguments])
        check_in_hand(native)  # before anything is written down
        self.count += 1
        if self.observe:
            self.observe(Decision(kind, kept))
        if not native.running:
            lib.vmm_from_outside(native)
        try:
            return self._rows[kind](*kept)
        except Exception:
            if self.refused:
                self.refused()
            raise


KEPT = frozenset((str, bytes, type(None)))
LEAST, MOST = -(1 << 63), (1 << 64) - 1


def _deaf(listener: Callable[[bytes], None]) -> Callable[[], None]:
    """Of a machine without a console."""
    return lambda: None


def plain(kind: str, argument: Any) -> Argument:
    """As a recording keeps it; VmmError for what it cannot keep."""
    if type(argument) in KEPT or (type(argument) is int and LEAST <= argument <= MOST):
        return cast(Argument, argument)
    if isinstance(argument, (str, bytes, bytearray, memoryview)):
        return str(argument) if isinstance(argument, str) else bytes(argument)
    try:
        number = index(argument)
    except TypeError:
        raise VmmError(f"{kind}: {argument!r} is neither a whole number nor text nor bytes") from None
    if not LEAST <= number <= MOST:
        raise VmmError(f"{kind}: {number:#x} has more than 64 bits")
    return number


def _is_number(answer: Any) -> bool:
    return type(answer) is int and 0 <= answer < 1 << 64


def _is_trap_answer(answer: Any) -> bool:
    return isinstance(answer, list) and len(answer) == 2 and answer[0] in (0, 1) and all(map(_is_number, answer))


def _is_none(answer: Any) -> bool:
    return answer is None


ANSWERS: Mapping[str, Callable[[Any], bool]] = {
    "trap": _is_trap_answer,
    "port_read": _is_number,
    "port_write": _is_none,
    "mmio_read": _is_number,
    "mmio_write": _is_none,
    "timer": _is_none,
    "console": _is_none,
}
"""The kinds of calls that a recording keeps, and which answers they may have."""


class Callbacks:
    """The way to a script's own code that a run asks: traps, devices, their timers, and who takes the console's text.

    `watch` is given each call, and gives the answer: what the function gives, or what it gave once.
    """

    def __init__(self) -> None:
        self.watch: Callable[[str, Callable[[], Any]], Any] | None = None
        self.cut = False
        """A call of the core's was broken off by no error of its own code: nobody can say what was done of it."""

    def ask(self, kind: str, function: Callable[[], T]) -> T:
        """`function`'s answer, as `ANSWERS` has them."""
        return cast(T, self.watch(kind, function)) if self.watch else function()
