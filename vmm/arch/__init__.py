"""The architectures there are, one row each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import NamedTuple

from vmm.arch.architecture import Architecture, Processor
from vmm.errors import unknown


class Row(NamedTuple):
    """What is known of an architecture before its module is imported."""

    home: str
    """The module with its `ARCHITECTURE`."""
    elf: tuple[int, ...]
    """What e_machine of its ELF files says."""


ARCHITECTURES = {
    "x86": Row("vmm.arch.x86.record", (3, 62)),
    "arm64": Row("vmm.arch.arm.aarch64", (183,)),
    "arm": Row("vmm.arch.arm.aarch32", (40,)),
}
DEFAULT = "x86"
"""Of images and sources that do not say what they are for."""


def named(name: str) -> Architecture:
    """The architecture that users call so; VmmError for a name that is none."""
    if name not in ARCHITECTURES:
        raise unknown("architecture", name, ARCHITECTURES)
    architecture: Architecture = import_module(ARCHITECTURES[name].home).ARCHITECTURE
    return architecture


def every() -> Iterator[Architecture]:
    """All of them, in the order of the table."""
    return map(named, ARCHITECTURES)


def processor(text: str, architectures: Sequence[str]) -> Processor:
    """The CPU `text` of a board that takes these architectures, which are relatives: the default is the first's."""
    return named(architectures[0]).processor(text)
