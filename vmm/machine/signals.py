"""Signals while a machine runs: Python handles them at an instruction boundary, between two runs of guest code.

Elsewhere an exception that a handler raises, such as KeyboardInterrupt, would end a device's access half-way, or be
lost where a callback of the core begins. native/core/signals.c keeps them, for half a second at most: what a callback
that does not end deserves. Other threads than the main one never handle signals, so for a run there nothing is kept.
"""

from __future__ import annotations

import threading
from _signal import getsignal  # type: ignore[import-not-found]  # signal's own makes an enum of each answer
from typing import TYPE_CHECKING, Any

from vmm.core.native import lib

if TYPE_CHECKING:
    from vmm._native import vmm_machine

NUMBERS = range(1, 65)


class Signals:
    """Of one machine's runs."""

    def __init__(self, native: vmm_machine) -> None:
        self._native = native

    def hold(self) -> None:
        """From now on they wait."""
        if threading.current_thread() is threading.main_thread():
            lib.vmm_signals_hold(self._native, _handled())

    def take(self) -> None:
        """Handle those that wait: what their handlers raise is raised here."""
        lib.vmm_signals_pass(self._native)
        _look()

    def release(self) -> None:
        """They wait no more; as `take`."""
        lib.vmm_signals_release(self._native)
        _look()


def _look() -> None:
    """Python looks for signals where a function begins."""


_known: tuple[list[Any], int] = ([], 0)
"""Handlers of all signals as they were last asked for, and bit n - 1 for signal n that has one of Python's."""


def _handled() -> int:
    global _known
    handlers = list(map(getsignal, NUMBERS))
    if handlers != _known[0]:
        _known = handlers, sum(1 << n for n, handler in enumerate(handlers) if callable(handler))
    return _known[1]
