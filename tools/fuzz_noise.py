"""Chance, and what every architecture's cases share."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from vmm.machine.config import Config
from vmm.machine.machine import Machine


class Noise(random.Random):
    """The one source of chance of a case."""

    EXTREMES: ClassVar[tuple[int, ...]] = (0, 1, 0xFFFFFFFF)
    """Values that matter to the architecture; 32 bits."""

    def likely(self, probability: float) -> bool:
        return self.random() < probability

    def value(self) -> int:
        """32 bits, often an extreme or the address of something."""
        return self.choice(self.EXTREMES) if self.likely(0.7) else self.getrandbits(32)


class Found(AssertionError):
    """What a case shows that must not be, in words."""


class Kind(NamedTuple):
    """One kind of case; each function takes what it needs from the case's Noise."""

    noise: Callable[[str], Noise]
    configure: Callable[..., Config]
    prepare: Callable[..., None]
    """`prepare(machine, noise, biased)`; VmmError where the loader refuses it."""
    stimulate: Callable[[Machine, Noise], None]
    """What the world outside may do between two instructions."""

    @property
    def name(self) -> str:
        return self.prepare.__name__
