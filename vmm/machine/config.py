"""How a machine is asked for."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import index

from vmm.errors import VmmError
from vmm.inputs.console import Taker, taker
from vmm.machine.options import GEAR, MEMORY

__all__ = ["Config"]

NOT_KEPT = ("console", "gear")
"""Fields of `Config` that a run does not depend on."""


@dataclass(frozen=True)
class Config:
    """How a machine is built. What `Options` says of each, and what it is where nobody says. VmmError for a value of
    another type.
    """

    board: str = "pc"
    cpu: str = "default"
    smp: int = 1
    memory: int = MEMORY
    cmdline: str = ""
    seed: int = 0
    gear: str = GEAR
    console: Taker = "stdout"

    def __post_init__(self) -> None:
        taker(self.console)
        for name, value in self.plain().items():
            kind = type(getattr(Config, name))
            if kind is str and not isinstance(value, str):
                raise VmmError(f"{name}={value!r}: it is a text")
            if kind is int:
                object.__setattr__(self, name, _whole(name, value))

    def plain(self) -> dict[str, int | str]:
        """Its numbers and texts, by name, but for the gear: what a recording keeps."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in NOT_KEPT}


def _whole(name: str, value: object) -> int:
    try:
        return index(value)  # type: ignore[arg-type]
    except TypeError:
        raise VmmError(f"{name}={value!r}: it is a whole number") from None
