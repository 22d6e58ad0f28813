"""Where another channel's completion does harm, where a buffer given back too early does, and to which bytes."""

from typing import NamedTuple

import pytest

import vmm
from casebook.play import case
from vmm.casebook.case import BROKEN
from vmm.devices import dma
from vmm.machine.machine import Machine

BASE = {"x86": 0xFEB02000, "arm64": 0x0B012000, "arm": 0x0B012000}


class Steps(NamedTuple):
    """Instructions from `begin` up to and with the one that does it."""

    cleared: int
    """`done`."""
    started: int
    """The transfer."""
    again: int
    """It is started into the same buffer."""
    read: int
    """The buffer's last word."""


def steps(m: Machine, base: int) -> Steps:
    """Of a run that nobody disturbs, but that `done` was set."""

    def starts() -> int:
        while not m.board.devices["dma"].mmio_read(base + dma.START, 4):
            m.run(insns=1)
        return m.instructions - first

    m.run(until="begin")
    m.write("done", b"\1\0\0\0")
    first = m.instructions
    while m.u32("done"):
        m.run(insns=1)
    cleared, started = m.instructions - first, starts()
    while m.board.devices["dma"].mmio_read(base + dma.START, 4):
        m.run(insns=1)
    again = starts()
    m.run(until=vmm.Accessed(m.address("buffer") + 12, 4, "read"))
    return Steps(cleared, started, again, m.instructions - first)


@pytest.mark.parametrize("arch", ["x86", "arm64", "arm"])
def test_the_places_and_the_bytes(arch: str) -> None:
    """Behind the instruction that clears `done`, up to the one that starts the transfer: behind that one the
    timer that is due next is the transfer's own. Then behind the one that starts the next, up to the last word.
    """
    of = case(f"dma_race/{arch}", BROKEN)
    at = steps(vmm.boot(of.image, console=None), BASE[arch])
    report = vmm.explore(of.image, inject=["timer"], **of.case.explore)
    early, late = report.failures
    assert (early.boundaries, late.boundaries) == (at.started - at.cleared, at.read - at.again)
    assert report.failing == early.boundaries + late.boundaries
    assert report.least[0].placement.at.insns == at.cleared
    assert (early.first.placement.at.insns, late.first.placement.at.insns) == (at.cleared, at.again)
    (before,) = [line for line in report.story if "before DMA channel" in line]
    assert "read before DMA channel 0 has written it: buffer (16 bytes), from wait+" in before


@pytest.mark.parametrize("arch", ["x86", "arm64", "arm"])
def test_what_is_read_of_a_buffer_that_was_given_back(arch: str) -> None:
    """Before its last word is: the words that the engine has written meanwhile."""
    of = case(f"dma_race/{arch}", BROKEN)
    report = vmm.explore(of.image, inject=["timer"], **of.case.explore | {"between": ["wait", "end"]})
    (late,) = report.failures
    m = vmm.boot(of.image, console=None)
    m.run(until="wait")
    m.run(insns=late.last.placement.at.insns)
    m.skip_to_timer()
    m.run()
    assert m.u32("sum") == 1 + 2 + 3 + 8, "all but the last word is of the block before"
