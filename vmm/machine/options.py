"""What may be said of a machine by name: to `boot`, and to pytest's fixture `machine` and marker `guest`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypedDict, TypeVar

from vmm.errors import unknown

if TYPE_CHECKING:
    from vmm.inputs.console import Taker

__all__ = ["Options"]

P = ParamSpec("P")
R = TypeVar("R")

MEMORY = 128 << 20
"""Bytes of RAM where nobody says: as QEMU's pc. What the guest never touches costs nothing."""
GEARS = PRECISE, FAST = ("precise", "fast")
"""By the core's `fast`. The first is the faster one where each instruction is asked for, as for a coverage map."""
GEAR = FAST
"""Where nobody says."""


class Options(TypedDict, total=False):
    """What may be said of a machine; what is not said is as the image wants it, or else as in `Config`."""

    board: str
    """As `--board` of the command line: "pc", "virt", with options: "pc,pit=off"."""
    cpu: str
    """As `--cpu`: "max", "cortex-a57", on x86 with features: "max,-smap"."""
    smp: int
    """vCPUs, up to 8; the guest starts all but the first."""
    memory: int
    """Bytes of RAM, whole pages of 4096: `8 << 20`."""
    cmdline: str
    """The kernel's command line."""
    seed: int
    """Of the lengths of several vCPUs' turns, and of stimuli that have none; 64 bits, 0: turns are all alike."""
    gear: str
    """As `--gear`: "fast" looks before each block of instructions, "precise" before each one; runs are the same."""
    console: Taker
    """Who gets what the first serial port sends, in bytes; "stdout": it is printed, None: nobody."""


WANTED = ("board", "cpu", "smp")
"""What an image has wishes of, where nobody says: in a signature these are None."""


def takes_options(defaults: object) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator, for who takes `**options: Unpack[Options]`: VmmError, with the nearest right name, for others; and
    who asks for its signature sees each, with its default among `defaults`.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = _with_each(inspect.signature(function), defaults)
        names = [each.name for each in signature.parameters.values() if each.kind is each.KEYWORD_ONLY]

        @wraps(function)
        def checked(*arguments: P.args, **options: P.kwargs) -> R:
            for name in options:
                if name not in names:
                    raise unknown("option of a machine", name, names)
            return function(*arguments, **options)

        checked.__signature__ = signature  # type: ignore[attr-defined]
        return checked

    return decorate


def _with_each(signature: inspect.Signature, defaults: object) -> inspect.Signature:
    *named, rest = signature.parameters.values()
    options = (
        inspect.Parameter(name, rest.KEYWORD_ONLY, default=None if name in WANTED else getattr(defaults, name))
        for name in Options.__annotations__
    )
    return signature.replace(parameters=[*named, *options])
