"""What comes to a machine from outside: decisions, one way in for all, and what a script's own code answers.

A run is a function of its image, its configuration, the sequence of decisions, and what a script's own code answers
where the machine asks it. So what a recording keeps is just that, and a replay goes through the same rows.

A row is a kind of decision and what makes it happen, a method of whoever knows how: of the lines, the memory, the
clock, the traps. It is registered where it is defined, so a new one is one row there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from vmm.core.native import lib

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


class Inputs:
    """The way in. `observe` is told of each decision before it takes effect.

    A board's own devices may use it, too, while a run is under way: that is no decision, for it comes again by itself.
    """

    def __init__(self, native: vmm_machine) -> None:
        self._native = native
        self._rows: dict[str, Callable[..., Any]] = {}
        self.callbacks = Callbacks()
        self.observe: Callable[[Decision], None] | None = None
        self.count = 0
        """How many were decided so far."""

    def register(self, rows: Mapping[str, Callable[..., Any]]) -> None:
        """Each kind of decision and what is called with its arguments."""
        assert not rows.keys() & self._rows.keys(), "one kind, one row"
        self._rows.update(rows)

    def knows(self, kind: str) -> bool:
        """Whether there is such a kind."""
        return kind in self._rows

    def decide(self, kind: str, *arguments: Argument) -> Any:
        """Let it happen now, and give what its row gives; VmmError where the machine has no such thing."""
        self.count += 1
        if self.observe:
            self.observe(Decision(kind, arguments))
        if not self._native.running:
            self._native.idle_from = lib.vmm_now(self._native)
            self._native.idle_occasions = self._native.stimuli.occasions
        return self._rows[kind](*arguments)


class Callbacks:
    """The way to a script's own code that a run asks: traps, devices, their timers, and who takes the console's text.

    `watch` is given each call, and gives the answer: what the function gives, or what it gave once.
    """

    def __init__(self) -> None:
        self.watch: Callable[[str, Callable[[], Any]], Any] | None = None
        self.cut = False
        """A call of the core's was broken off by no error of its own code: nobody can say what was done of it."""

    def ask(self, kind: str, function: Callable[[], T]) -> T:
        """`function`'s answer, a number, a list of numbers or None."""
        return cast(T, self.watch(kind, function)) if self.watch else function()
