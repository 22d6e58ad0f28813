"""What the core keeps of a machine's runs for coverage maps, while somebody wants it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from vmm.arch.architecture import Architecture
from vmm.core.native import check, check_in_hand, ffi, lib
from vmm.trace.events import source_names

if TYPE_CHECKING:
    from vmm._native import vmm_machine

OPEN, MASKED = int(lib.VMM_BEGAN_OPEN), int(lib.VMM_BEGAN_MASKED)
"""Of an instruction that began: a maskable interrupt could have come before it; none could."""


class Delivered(NamedTuple):
    """An interrupt, and how often it came before the instruction at `linear`."""

    linear: int
    number: int
    """Vector or INTID."""
    source: str
    """As `Event.source` names it."""
    times: int


class Collected:
    """Of one machine."""

    def __init__(self, native: vmm_machine, architecture: Architecture) -> None:
        self._native, self._architecture = native, architecture

    def begin(self) -> None:
        """From the next run on; VmmError where it is collected already, or another thread runs the machine."""
        check(self._native, lib.vmm_coverage_begin(self._native))

    def end(self) -> None:
        """It costs no more, and what was collected is forgotten."""
        lib.vmm_coverage_end(self._native)

    @property
    def complete(self) -> bool:
        """Nothing was left out for want of room: there is room for 64 MiB of code."""
        return not self._native.coverage.overflowed

    def began(self) -> Iterator[tuple[int, int]]:
        """Linear addresses of instructions that began, page by page, and OPEN, MASKED or both."""
        check_in_hand(self._native)
        raw = self._native.coverage
        for n in range(raw.page_count):
            page = raw.page[n]
            first = page.number * lib.VMM_COVERED_BYTES
            found = bytes(ffi.buffer(page.began))
            yield from ((first + offset, bits) for offset, bits in enumerate(found) if bits)

    def delivered(self) -> Iterator[Delivered]:
        """Of each interrupt and place."""
        check_in_hand(self._native)
        raw, name = self._native.coverage, source_names(self._native, self._architecture)
        for n in range(raw.delivery_count):
            row = raw.delivery[n]
            yield Delivered(row.linear, row.number, name(row.source, row.pin), row.count)
