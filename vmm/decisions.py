"""What comes to a machine from outside while it stands at a boundary: each kind one row, and one way in for all.

A run is a function of its image, its configuration and the sequence of these. So what a recording keeps is this
sequence, and a replay goes through the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from vmm.bus import SCRIPT_DRIVER
from vmm.engine import check, lib


class Decision(NamedTuple):
    """`kind` is a row of KINDS, `arguments` are numbers, texts and bytes."""

    kind: str
    arguments: tuple[Any, ...]


class Outside:
    """The way in. `observe` is told of each decision before it takes effect."""

    def __init__(self, machine: Any, native: Any) -> None:
        self._machine = machine
        self._native = native
        self.observe: Callable[[Decision], None] | None = None

    def __call__(self, kind: str, *arguments: Any) -> None:
        """Let it happen now; VmmError where the machine has no such thing."""
        if self.observe:
            self.observe(Decision(kind, arguments))
        KINDS[kind](self._machine, self._native, *arguments)


def _line(machine: Any, native: Any, number: int, level: int) -> None:
    lib.vmm_line_set(native, number, SCRIPT_DRIVER, level)


def _nmi(machine: Any, native: Any, cpu: int) -> None:
    lib.vmm_nmi(native, cpu)


def _inject(machine: Any, native: Any, cpu: int, vector: int) -> None:
    lib.vmm_inject(native, cpu, vector)


def _msi(machine: Any, native: Any, address: int, data: int) -> None:
    check(native, lib.vmm_msi(native, address, data))


def _serror(machine: Any, native: Any, cpu: int, iss: int) -> None:
    lib.vmm_arm_serror(native.vcpus[cpu], iss)


def _input(machine: Any, native: Any, data: bytes) -> None:
    machine.board.console.receive(data)


def _memory(machine: Any, native: Any, address: int, data: bytes) -> None:
    machine.memory.store(address, data)


def _end(machine: Any, native: Any, reason: int, code: int) -> None:
    lib.vmm_request_stop(native, reason, code)


KINDS: dict[str, Callable[..., None]] = {
    "line": _line,
    "nmi": _nmi,
    "inject": _inject,
    "msi": _msi,
    "serror": _serror,
    "input": _input,
    "memory": _memory,
    "end": _end,
}
"""Each is called with the machine, its core and the decision's arguments."""
