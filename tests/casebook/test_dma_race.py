"""Where another channel's completion does harm, and which bytes are then read before they are there."""

import pytest

import vmm
from casebook.play import case
from vmm.casebook.case import BROKEN
from vmm.devices import dma
from vmm.machine.machine import Machine

BASE = {"x86": 0xFEB02000, "arm64": 0x0B012000, "arm": 0x0B012000}


def starts(m: Machine, base: int) -> tuple[int, int]:
    """Instructions from `begin` to the one that clears `done`, and to the one that starts the transfer."""
    m.run(until="begin")
    m.write("done", b"\1\0\0\0")
    first, cleared = m.instructions, 0
    while not m.board.devices["dma"].mmio_read(base + dma.START, 4):
        m.run(insns=1)
        if not cleared and not m.u32("done"):
            cleared = m.instructions - first
    return cleared, m.instructions - first


@pytest.mark.parametrize("arch", ["x86", "arm64", "arm"])
def test_the_places_and_the_bytes(arch: str) -> None:
    """Behind the instruction that clears `done`, up to the one that starts the transfer, all of them: behind that, the
    timer that is due next is that of the transfer itself.
    """
    of = case(f"dma_race/{arch}", BROKEN)
    cleared, started = starts(vmm.boot(of.image, console=None), BASE[arch])
    report = vmm.explore(of.image, inject=["timer"], **of.case.explore)
    assert report.failing == started - cleared
    assert report.least[0].placement.at.insns == cleared
    (early,) = [line for line in report.story if "before DMA channel" in line]
    assert "read before DMA channel 0 has written it: buffer (16 bytes), from end+" in early
